// A model at work on this rank: its weights, attention over the ranks that share its sequences, and the
// engine, on one device.
//
//   ModelSession session(config, model_place(mesh, gpus));
//   session.begin(plan);        // from here on passes run as the plan says
//   session.load(folder);
//   session.model().evaluate(batch, factors);
//   session.end();              // the engine's buffers go; the weights stay for the next plan
#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <variant>

#include "parallel/attention/make_attention.h"
#include "trainer/family/model_config.h"
#include "trainer/plan/engine_plan.h"

namespace ropeway {

class CausalLM;
class Collectives;
class CudaJob;
class Mesh;
class ParameterStore;
class SequenceAttention;
struct ModelDir;

// Where a rank's tensors live, and what joins it to the ranks that share its sequences.
struct ModelPlace {
  Communicator& sequence;     // those ranks; must outlive the session
  AttentionGroups attention;  // how they are joined, over the memory of the device
  c10::Device device;
  std::function<void()> check_exchange = {};  // EngineHooks::check_exchange
  // Make collectives over the memory of the device, for ranks that share out weights or gradients: of all
  // ranks, and of those that share sequences. Collective over them. Empty: this session's plans share out
  // nothing of the kind.
  std::function<std::shared_ptr<Collectives>()> join_all = {}, join_sequence = {};
};
// Collective over the mesh. gpus: null for host memory; mesh and gpus must outlive the session. shares_heads: as the mesh has
// it; else the ranks of a row are one ring, for a model whose heads cannot be shared so.
ModelPlace model_place(const Mesh& mesh, CudaJob* gpus, bool shares_heads = true);

class ModelSession {
 public:
  ModelSession(const ModelConfig& config, ModelPlace place);
  ~ModelSession();

  // Weights are allocated by the first plan, whose type they have from then on, and anew by one that shares
  // them out otherwise: then they are to be loaded again. An engine still at work is taken down first.
  // Collective where the plan shares out weights or gradients.
  void begin(const EnginePlan& plan);
  // Frees the engine, its buffers and the gradients.
  void end();

  // The weights of a model directory, or those a pretraining starts with (initialize_weights). Nothing is
  // done when they are held already. After begin(); collective where the parameter store is.
  void load(const std::filesystem::path& model_dir);
  void initialize(uint64_t seed);
  void load(const ModelDir& opened);  // in any case
  // The weights were changed here and saved there: they are those of this directory now.
  void saved_to(const std::filesystem::path& model_dir);

  const EnginePlan& plan() const { return plan_; }  // of the last begin()
  CausalLM& model();                                // between begin() and end()
  ParameterStore& parameters();                     // after begin()
  // That blocks kept for the last backward pass since begin(); 0: there was none.
  int64_t activation_bytes() const;

 private:
  // How the weights lie; the ranks that share them out, where they do.
  enum class Lying { kInPlace, kGradientsShared, kSharedByAll, kSharedBySequence };
  Lying lying_by(const EnginePlan& plan) const;
  std::unique_ptr<ParameterStore> make_store(Lying lying) const;

  const ModelConfig config_;
  const ModelPlace place_;
  EnginePlan plan_;
  Lying lying_ = Lying::kInPlace;
  std::unique_ptr<ParameterStore> parameters_;
  std::unique_ptr<SequenceAttention> attention_;
  std::unique_ptr<CausalLM> model_;
  bool at_work_ = false;
  // Whose weights are held: of a directory, or made from a seed.
  std::variant<std::monostate, std::filesystem::path, uint64_t> held_;
};

}  // namespace ropeway
