#include "launch/evaluation.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/benchmark_output.h"
#include "launch/evaluation_inputs.h"
#include "launch/evaluation_output.h"
#include "launch/kept_evaluation.h"
#include "launch/memory_words.h"
#include "launch/signals.h"
#include "launch/thread_count.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/benchmarks/benchmark_set.h"
#include "trainer/benchmarks/generation.h"
#include "trainer/benchmarks/ruler_summary.h"
#include "trainer/config/dtype_words.h"
#include "trainer/evaluate/evaluator.h"
#include "trainer/files/files.h"
#include "trainer/files/output_place.h"
#include "trainer/formats/hf/weights_identity.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/plan/choose_mesh.h"
#include "trainer/plan/key_cache_memory.h"
#include "trainer/plan/make_plan.h"
#include "trainer/plan/out_of_memory.h"
#include "trainer/stages/evaluation_cells.h"
#include "trainer/stages/longppl_evaluator.h"
#include "trainer/stages/recipe_model.h"

namespace ropeway {
namespace {

bool all_divisible(const std::vector<int64_t>& lengths, int64_t by) {
  return std::all_of(lengths.begin(), lengths.end(), [by](int64_t length) { return length % by == 0; });
}

// Ranks share each window when every length can be cut for them; otherwise they take windows of their own.
struct Layout {
  MeshShape shape;
  Placement placement;
};
Layout choose_layout(const EvaluateRecipe& evaluate, Communicator& world, const ModelConfig& config) {
  const int ranks = world.size();
  if (!reads_long_inputs(evaluate)) return {{ranks, 1}, Placement::kContiguous};
  if (all_divisible(evaluate.lengths, 2 * int64_t{ranks})) {
    return {shape_of_one_row(world, config), Placement::kZigzag};
  }
  return {{ranks, 1}, Placement::kContiguous};
}

void check_output(const std::string& file, Communicator& world) {
  if (file.empty()) return;
  run_on_rank(world, 0, [&] { require_output(file); });
}

class Evaluation {
 public:
  Evaluation(const EvaluationRequest& request, Communicator& world, CudaJob* gpus)
      : request_(request),
        texts_(request, world),
        evaluate_(texts_.evaluate()),
        layout_(choose_layout(evaluate_, world, texts_.config())),
        mesh_(world, layout_.shape),
        gpus_(gpus),
        session_(texts_.config(), model_place(mesh_, gpus_)),
        benchmarks_(evaluate_.benchmarks, longppl_windows(evaluate_)),
        cells_(request.cells) {
    tasks_ = tasks_of(evaluate_, request_.seed, texts_.marks());
    tasks_.keep_token_nll = !request_.save_nll.empty();
    if (!cells_.empty()) return;
    cells_ = evaluation_cells(cell_model(), evaluate_.factors, evaluate_.lengths, SameAsNone::kEvaluate);
    if (world.rank() == 0) tell_of_lengths(evaluate_.factors, cells_, request_.model);
  }

  Evaluated run() {
    if (gpus_ == nullptr) log_thread_count();
    Evaluated results;
    or_out_of_memory({kEvaluateVerb, texts_.config(), session_.plan(), evaluate_knobs(mesh_.shape())},
                     [&] { results = evaluate(); });
    return results;
  }

 private:
  CellModel cell_model() const {
    return {texts_.config(), texts_.source().dir.sets, texts_.source().dir.weights};
  }

  PlanRequest plan_request() const {
    return {.work = workload_of(evaluate_),
            .dtype = request_.dtype,
            .mesh = mesh_.shape(),
            .placement = layout_.placement,
            .cached_length = generated_length(evaluate_)};
  }

  Evaluated evaluate() {
    Communicator& world = mesh_.world();
    session_.begin(make_engine_plan(texts_.config(), plan_request(), device_memory(device_of(gpus_), world)));
    session_.load(texts_.source().dir);
    const std::string weights = broadcast_string(
        world, fmt::format("{} in {}", weights_identity(texts_.source().dir.path), word_of(request_.dtype)));
    std::optional<KeptEvaluation> kept;
    if (!request_.keep.empty()) {
      const Documents* const documents = texts_.documents();
      kept.emplace(
          request_.keep, request_.command, world,
          KeptFigures::Subject{
              .weights = weights,
              .data = documents == nullptr ? "" : broadcast_string(world, documents->fingerprint())});
    }
    const WalkControl walk = {.name = kEvaluateVerb,
                              .stop_requested = stop_requested,
                              .pieces = kept ? kept->pieces() : nullptr,
                              .weights = weights};
    Evaluated results{.cells = {}, .tasks = tasks_, .benchmarks = {}};
    const bool more_than_longppl = tasks_.perplexity || tasks_.passkey || tasks_.needles;
    if (more_than_longppl || !tasks_.controls.empty()) {
      results.cells =
          evaluate_cells({session_.model(), mesh_, *texts_.documents(), texts_.tokenizer()}, cells_, tasks_,
                         {.walk = walk, .kept = kept ? kept->figures() : nullptr});
    }
    if (benchmarks_.any()) results.benchmarks = benchmark(walk, kept ? kept->benchmarks() : nullptr);
    if (kept) kept->remove();
    return results;
  }

  std::vector<BenchmarkFigures> benchmark(const WalkControl& walk, KeptEntries* kept) {
    const BenchmarkRecipe& asked = evaluate_.benchmarks;
    std::string choice_lines;
    BenchmarkInputs inputs{
        .tokenizer = *texts_.tokenizer(),
        .vocab_size = texts_.config().vocab_size,
        .start = texts_.marks().before,
        .prefix = prefix_of(texts_.named()),
        .documents = texts_.documents(),
        .chat = texts_.chat(),
        .seed = request_.seed,
        .generate = generation_under(
            {session_.model(), mesh_, texts_.source().tokenizer_folder, texts_.named(), texts_.config()}),
        .find_keys = longppl_evaluator({.model = asked.longppl_evaluator,
                                        .mesh = mesh_,
                                        .placement = layout_.placement,
                                        .gpus = gpus_,
                                        .dtype = request_.dtype,
                                        .tokenizer = *texts_.tokenizer()}),
        .evaluator = asked.longppl_evaluator};
    const bool saves_choices = !request_.save_choices.empty();
    if (saves_choices && mesh_.world().rank() == 0) {
      inputs.scored = [&](const ChoiceTask& task, const BenchmarkLabel& label, const ChoiceResult& result) {
        choice_lines += choice_scores_text(task, label, result);
      };
    }
    const auto at_window = window_cells(cell_model(), evaluate_.factors, SameAsNone::kEvaluate);
    // Figures of cells say nothing of single answers.
    std::vector<BenchmarkFigures> figures =
        evaluate_benchmarks(session_.model(), mesh_, benchmarks_.cells(inputs, at_window, cells_),
                            {.walk = walk, .kept = saves_choices ? nullptr : kept});
    for (BenchmarkFigures& row : ruler_summary(figures)) figures.push_back(std::move(row));
    if (!choice_lines.empty()) write_file_atomically(request_.save_choices, choice_lines);
    return figures;
  }

  const EvaluationRequest& request_;
  const EvaluationTexts texts_;
  const EvaluateRecipe& evaluate_;
  const Layout layout_;
  Mesh mesh_;
  CudaJob* gpus_;  // null: on the CPU
  ModelSession session_;
  BenchmarkSet benchmarks_;
  std::vector<EvaluationCell> cells_;
  EvaluationTasks tasks_;
};

Evaluated evaluate_all(const EvaluationRequest& request, MpiSession& job) {
  std::unique_ptr<CudaJob> gpus;
  if (request.device == DeviceKind::kCuda) gpus = std::make_unique<CudaJob>(job);
  Evaluation evaluation(request, job.world(), gpus.get());
  Evaluated results = evaluation.run();
  if (gpus) gpus->close();
  return results;
}

}  // namespace

std::vector<EvaluatedCell> figures_of(const EvaluationRequest& request, MpiSession& job) {
  return evaluate_all(request, job).cells;
}

std::string evaluate_model(const EvaluationRequest& request, MpiSession& job) {
  Communicator& world = job.world();
  check_output(request.json, world);
  check_output(request.save_nll, world);
  check_output(request.save_choices, world);
  const Evaluated results = evaluate_all(request, job);
  run_on_rank(world, 0, [&] { write_evaluation(request, results); });
  return evaluation_text(request, results);
}

}  // namespace ropeway
