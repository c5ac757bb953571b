// What the stages hand from one to the next: the model as it stands, its factor sets, and the data.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parallel/comm/mesh.h"
#include "parallel/device/cuda_job.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/model_session.h"
#include "trainer/report/reporter.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/run_directory.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/stages/stage_binding.h"

namespace ropeway {

class HangWatch;
class RunLedger;

// A stage that was asked for, or was finished by an earlier invocation.
struct StageOfRun {
  const StageRecipe* recipe;
  bool finished;
  bool again = false;  // from its beginning, though there is something of it
};

class StopAgreement;

class RunState {
  std::unique_ptr<RunDirectory> directory_;  // first: locked for as long as anything else of the run lives

 public:
  RunState(const Recipe& recipe, Communicator& world, RunInputs inputs,
           std::unique_ptr<RunDirectory> directory, std::unique_ptr<RunLedger> ledger,
           std::vector<StageOfRun> stages, std::function<bool()> stop_requested, StopAgreement* stop,
           CudaJob* gpus, const std::string& command);
  ~RunState();

  const Recipe& recipe;
  const RunDirectory& directory;
  const std::unique_ptr<RunLedger> ledger;  // rank 0's; null elsewhere
  const std::vector<StageOfRun> stages;
  StageBinding binding;  // of the stage at work
  const std::function<bool()> stop_requested;
  StopAgreement* const stop;  // null: there is none
  Mesh mesh;
  CudaJob* const gpus;                          // null: tensors live in host memory
  const std::shared_ptr<Collectives> exchange;  // of all ranks, over the memory tensors live in
  std::unique_ptr<Tokenizer> tokenizer;
  const NamedTokens named;    // by the model's files
  const DocumentMarks marks;  // of training text
  std::unique_ptr<Reporter> reporter;

  ModelConfig config;
  std::vector<FactorSet> sets;          // of the model, in the order they were made
  std::filesystem::path base_model;     // empty: the recipe starts with pretrain
  std::filesystem::path current_model;  // newest weights on disk
  // Their names; sets that stages find are for the current ones.
  std::string base_weights, current_weights;

  // Of the stage at work: its plan is made for it, and its buffers do not outlive it.
  ModelSession session;
  // The session's model with the weights of `folder`; empty: those the recipe's pretraining starts with.
  CausalLM& model(const std::filesystem::path& folder);
  const Documents& documents(const std::string& split) const;  // "train", "validation", "test"

  const FactorSet& set_named(const std::string& name) const;  // throws kConfig
  FactorSet start_set(const std::string& from) const;         // "none": the original RoPE
  void add_set(const FactorSet& set);                         // replaces one of the same name

  // What the run says of itself beside every model and checkpoint it saves, in place of what the base model's
  // run said: name -> content.
  std::map<std::string, std::string> own_files() const;

  std::unique_ptr<HangWatch> watch;  // over the ranks; null: there is none

  // run_dir/model: the newest weights with all factor sets.
  void publish_model();

 private:
  std::map<std::string, Documents> documents_;
};

}  // namespace ropeway
