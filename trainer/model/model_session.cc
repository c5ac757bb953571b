#include "trainer/model/model_session.h"

#include <utility>

#include "kernels/base/error.h"
#include "parallel/attention/sequence_attention.h"
#include "parallel/comm/mesh.h"
#include "parallel/device/cuda_job.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/initial_weights.h"
#include "trainer/model/resident_parameters.h"
#include "trainer/model/scalar_type.h"
#include "trainer/model/sharded_parameters.h"
#include "trainer/model/weight_files.h"

namespace ropeway {

ModelPlace model_place(const Mesh& mesh, CudaJob* gpus, bool shares_heads) {
  Communicator& ring = mesh.group(shares_heads ? Axis::kRing : Axis::kSequence);
  Communicator& heads = mesh.group(Axis::kHeads);
  ModelPlace place{.sequence = mesh.group(Axis::kSequence),
                   .attention = {.ring = ring, .links = ring_links_of(gpus, ring)},
                   .device = device_of(gpus)};
  if (shares_heads && heads.size() > 1) place.attention.heads = collectives_of(gpus, heads);
  if (gpus != nullptr) place.check_exchange = [gpus] { gpus->check(); };
  place.join_all = [gpus, &mesh] { return collectives_of(gpus, mesh.world()); };
  place.join_sequence = [gpus, &mesh] { return collectives_of(gpus, mesh.group(Axis::kSequence)); };
  return place;
}

ModelSession::ModelSession(const ModelConfig& config, ModelPlace place)
    : config_(config), place_(std::move(place)) {}
ModelSession::~ModelSession() = default;

void ModelSession::begin(const EnginePlan& plan) {
  model_.reset();
  attention_.reset();
  plan_ = plan;
  at_work_ = true;
  const Lying lying = lying_by(plan);
  if (parameters_ && lying != lying_) {
    parameters_ = nullptr;
    held_ = {};
  }
  lying_ = lying;
  if (!parameters_) parameters_ = make_store(lying);
  ROPEWAY_CHECK(parameters_->weight_options().dtype().toScalarType() == scalar_type_of(plan.dtype),
                "the weights have another type");
}

ModelSession::Lying ModelSession::lying_by(const EnginePlan& plan) const {
  switch (plan.zero) {
    case ZeroStage::kOptimizerState:
      // Nothing but a training pass minds gradients.
      return plan.work.pass != Pass::kTrain && lying_ == Lying::kGradientsShared ? lying_ : Lying::kInPlace;
    case ZeroStage::kGradients:
      return Lying::kGradientsShared;
    case ZeroStage::kWeights:
      break;
  }
  const bool by_all = plan.work.pass == Pass::kTrain || plan.mesh.data == 1;
  return by_all ? Lying::kSharedByAll : Lying::kSharedBySequence;
}

std::unique_ptr<ParameterStore> ModelSession::make_store(Lying lying) const {
  const at::ScalarType type = scalar_type_of(plan_.dtype);
  if (lying == Lying::kInPlace) return std::make_unique<ResidentParameters>(config_, type, place_.device);
  const auto& join = lying == Lying::kSharedBySequence ? place_.join_sequence : place_.join_all;
  ROPEWAY_CHECK(join, "no way to share out weights or gradients");
  return std::make_unique<ShardedParameters>(config_, type, place_.device, join(),
                                             lying == Lying::kGradientsShared
                                                 ? ShardedParameters::Weights::kWhole
                                                 : ShardedParameters::Weights::kSharded);
}

void ModelSession::end() {
  model_.reset();
  attention_.reset();
  at_work_ = false;
  if (parameters_) parameters_->release_gradients();
}

void ModelSession::load(const std::filesystem::path& model_dir) {
  const auto* held = std::get_if<std::filesystem::path>(&held_);
  if (held != nullptr && *held == model_dir) return;
  load(open_model_dir(model_dir));
  held_ = model_dir;
}

void ModelSession::load(const ModelDir& opened) {
  held_ = {};
  load_weights(parameters(), opened);
}

void ModelSession::initialize(uint64_t seed) {
  const auto* held = std::get_if<uint64_t>(&held_);
  if (held != nullptr && *held == seed) return;
  held_ = {};
  initialize_weights(parameters(), config_, seed);
  held_ = seed;
}

void ModelSession::saved_to(const std::filesystem::path& model_dir) { held_ = model_dir; }

// Made when a pass first asks for it, so that whoever meters the pass counts its buffers.
CausalLM& ModelSession::model() {
  ROPEWAY_CHECK(at_work_, "no plan to run the model by");
  if (!model_) {
    attention_ = make_attention(place_.attention, plan_.placement, plan_.chunk_multiple, plan_.head_groups);
    model_ = std::make_unique<CausalLM>(config_, *parameters_, *attention_, plan_,
                                        EngineHooks{.check_exchange = place_.check_exchange});
  }
  return *model_;
}

ParameterStore& ModelSession::parameters() {
  ROPEWAY_CHECK(parameters_ != nullptr, "no plan has allocated the weights");
  return *parameters_;
}

int64_t ModelSession::activation_bytes() const { return model_ ? model_->activation_bytes() : 0; }

}  // namespace ropeway
