// What the stages hand from one to the next: the model as it stands, its factor sets, and the data.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "parallel/comm/ring_link.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/parameter_store.h"
#include "trainer/plan/engine_plan.h"
#include "trainer/report/reporter.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/stages/stage_runner.h"

namespace ropeway {

class RunState {
 public:
  RunState(const Recipe& recipe, Communicator& world, RunInputs inputs, const RunDirectory& directory,
           const RunOptions& options);

  const Recipe& recipe;
  const RunDirectory& directory;
  const std::function<bool()> stop_requested;
  Mesh mesh;
  CudaJob* const gpus;                          // null: tensors live in host memory
  const std::shared_ptr<Collectives> exchange;  // of all ranks, over the memory tensors live in
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Reporter> reporter;

  ModelConfig config;
  std::vector<FactorSet> sets;          // of the model, in the order they were made
  std::filesystem::path base_model;     // empty: the recipe starts with pretrain
  std::filesystem::path current_model;  // newest weights on disk

  // The model with the weights of `folder` in it (loaded only when they are not there already; empty: freshly
  // initialised).
  CausalLM& model(const std::filesystem::path& folder);
  ParameterStore& parameters() { return *parameters_; }
  // A stage's engine: its plan is made for each stage, and its buffers do not outlive it.
  void begin_stage(const StageRecipe& stage);
  void end_stage();
  int64_t activation_bytes()
      const;  // that blocks kept in the last backward pass of the stage; 0: there was none
  const EnginePlan& plan() const { return plan_; }             // of the stage at work
  const Documents& documents(const std::string& split) const;  // "train", "validation", "test"
  // A stage changed the weights held here: they are those of `folder` now.
  void weights_are(const std::filesystem::path& folder) {
    loaded_ = folder;
    current_model = folder;
  }

  const FactorSet& set_named(const std::string& name) const;  // throws kConfig
  FactorSet start_set(const std::string& from) const;         // "none": the original RoPE
  void add_set(const FactorSet& set);                         // replaces one of the same name

  // run_dir/model: the newest weights with all factor sets.
  void publish_model();

 private:
  void make_parameters();

  const RingLinks ring_links_;  // one for all stages: NCCL's communicators hold memory and threads
  EnginePlan plan_;
  std::unique_ptr<ParameterStore> parameters_;
  std::unique_ptr<SequenceAttention> attention_;
  std::unique_ptr<CausalLM> model_;
  std::optional<std::filesystem::path> loaded_;
  std::map<std::string, Documents> documents_;
};

at::ScalarType scalar_type_of(DType dtype);  // fp32, bf16 or fp64

}  // namespace ropeway
