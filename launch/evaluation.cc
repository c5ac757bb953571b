#include "launch/evaluation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/benchmark_output.h"
#include "launch/evaluation_output.h"
#include "launch/memory_words.h"
#include "launch/signals.h"
#include "launch/thread_count.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/config/dtype_words.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/npy.h"
#include "trainer/evaluate/benchmark_set.h"
#include "trainer/evaluate/evaluator.h"
#include "trainer/evaluate/ruler_summary.h"
#include "trainer/evaluate/text_needs.h"
#include "trainer/family/sliding_window.h"
#include "trainer/files/files.h"
#include "trainer/files/output_place.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/plan/out_of_memory.h"
#include "trainer/report/benchmark_table.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/benchmark_generation.h"
#include "trainer/stages/factor_names.h"
#include "trainer/stages/longppl_evaluator.h"
#include "trainer/stages/open_model.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/tokenizer/reading_special_tokens.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool all_divisible(const std::vector<int64_t>& lengths, int64_t by) {
  return std::all_of(lengths.begin(), lengths.end(), [by](int64_t length) { return length % by == 0; });
}

std::optional<int64_t> longppl_windows(const EvaluationRequest& request) {
  return request.longppl ? std::optional(request.windows) : std::nullopt;
}

// Windows of text, or prompts as long: not only the questions of requests.
bool reads_long_inputs(const EvaluationRequest& request) {
  return request.perplexity || request.passkey || request.needles || request.longppl ||
         !request.controls.empty() || !request.benchmarks.ruler.empty();
}

// Ranks share each window when every length can be cut for them; otherwise they take windows of their own.
struct Layout {
  MeshShape shape;
  Placement placement;
};
Layout choose_layout(const EvaluationRequest& request, const std::vector<int64_t>& lengths, int ranks) {
  if (!reads_long_inputs(request)) return {{ranks, 1}, Placement::kContiguous};
  if (all_divisible(lengths, 2 * int64_t{ranks})) return {{1, ranks}, Placement::kZigzag};
  return {{ranks, 1}, Placement::kContiguous};
}

void check_output(const std::string& file, Communicator& world) {
  if (file.empty()) return;
  run_on_rank(world, 0, [&] { require_output(file); });
}

EvaluationTasks tasks_of(const EvaluationRequest& request, const std::vector<int64_t>& lengths,
                         const DocumentMarks& marks) {
  return {.perplexity = request.perplexity,
          .passkey = request.passkey,
          .windows = request.windows,
          .keep_token_nll = !request.save_nll.empty(),
          .passkey_depths = request.passkey_depths,
          .passkey_samples = request.passkey_samples,
          .start = marks.before,
          .end = marks.after,
          .aligned = aligned_lengths(request.align, request.stride, lengths),
          .stride = request.stride,
          .target_tokens = request.target_tokens,
          .haystack = request.haystack,
          .needles = request.needles,
          .needle_passes = request.needle_passes,
          .controls = request.controls,
          .control_windows = request.control_windows};
}

std::vector<int64_t> lengths_of(const EvaluationRequest& request, const ModelConfig& config) {
  std::vector<int64_t> lengths = request.lengths;
  for (const EvaluationCell& cell : request.cells) lengths.push_back(cell.length);
  if (lengths.empty()) lengths.push_back(config.original_window);
  return lengths;
}

OpenedModel open_for(const EvaluationRequest& request, Communicator& world) {
  OpenedModel opened = open_verified(request.model, world);
  apply_sliding_window(request.sliding_window, opened.dir.config);
  for (const int64_t length : lengths_of(request, opened.dir.config)) {
    require_within_sliding_window(opened.dir.config, length, request.model);
  }
  return opened;
}

// What was asked of which cells, and the figures.
struct Evaluated {
  std::vector<EvaluatedCell> cells;
  EvaluationTasks tasks;
  std::vector<BenchmarkFigures> benchmarks;
};

class Evaluation {
 public:
  Evaluation(const EvaluationRequest& request, Communicator& world, CudaJob* gpus)
      : request_(request),
        source_(open_for(request, world)),
        lengths_(lengths_of(request, source_.dir.config)),
        layout_(choose_layout(request, lengths_, world.size())),
        mesh_(world, layout_.shape),
        gpus_(gpus),
        session_(source_.dir.config, model_place(mesh_, gpus_)),
        documents_(load_input(world)),
        start_(window_start()),
        benchmarks_(request.benchmarks, longppl_windows(request)),
        cells_(request.cells) {
    if (documents_) {
      require_whole_texts(*documents_, text_tasks());
      if (holds_examples(*documents_)) end_ = document_marks(*tokenizer_, named(), {}).after;
    }
    if (reads_windows(text_tasks())) {
      const MarkedDocuments framed(*documents_, {start_, end_});
      for (const int64_t length : lengths_) require_scored(framed, length, "evaluate");
    }
    tasks_ = tasks_of(request_, lengths_, {start_, end_});
    if (cells_.empty()) cells_ = cells_at(lengths_);
  }

  Evaluated run() {
    if (gpus_ == nullptr) log_thread_count();
    Evaluated results;
    or_out_of_memory({kEvaluateVerb, source_.dir.config, session_.plan(), evaluate_knobs(mesh_.shape())},
                     [&] { results = evaluate(); });
    return results;
  }

 private:
  TextTasks text_tasks() const {
    return {.perplexity = request_.perplexity,
            .passkey = request_.passkey,
            .needles = request_.needles,
            .longppl = request_.longppl,
            .haystack = request_.haystack,
            .controls = request_.controls,
            .ruler = request_.benchmarks.ruler};
  }

  std::vector<EvaluationCell> cells_at(const std::vector<int64_t>& lengths) const {
    const auto resolved = [&](const std::string& name, int64_t length) {
      return resolve_factors(name, length, source_.dir.config, source_.dir.sets, source_.dir.weights);
    };
    std::vector<EvaluationCell> cells;
    for (const int64_t length : lengths) {
      for (const std::string& name : request_.factors) {
        const FactorSet factors = resolved(name, length);
        cells.push_back({.name = factors.name,
                         .length = length,
                         .factors = factors,
                         .window_factors = resolved(kAutoFactors, source_.dir.config.original_window)});
        const std::string warning =
            name == kAutoFactors ? beyond_longest_set(factors, length) : length_warning(cells.back());
        if (mesh_.world().rank() == 0 && !warning.empty()) log_warning("{}: {}", request_.model, warning);
      }
    }
    return cells;
  }

  PlanRequest plan_request() const {
    return {.work = {.pass = Pass::kEvaluate, .lengths = lengths_},
            .dtype = request_.dtype,
            .mesh = mesh_.shape(),
            .placement = layout_.placement};
  }

  Evaluated evaluate() {
    session_.begin(
        make_engine_plan(source_.dir.config, plan_request(), device_memory(device_of(gpus_), mesh_.world())));
    session_.load(source_.dir);
    Evaluated results{.cells = {}, .tasks = tasks_, .benchmarks = {}};
    if (request_.perplexity || request_.passkey || request_.needles || !request_.controls.empty()) {
      results.cells = evaluate_cells({session_.model(), mesh_, *documents_, tokenizer_.get()}, cells_, tasks_,
                                     {.name = "evaluate", .stop_requested = stop_requested});
    }
    if (benchmarks_.any()) results.benchmarks = evaluate_benchmarks();
    return results;
  }

  std::vector<BenchmarkFigures> evaluate_benchmarks() {
    BenchmarkInputs inputs{
        .model = session_.model(),
        .mesh = mesh_,
        .tokenizer = *tokenizer_,
        .vocab_size = source_.dir.config.vocab_size,
        .start = start_,
        .prefix = prefix_of(named()),
        .documents = documents_ ? &*documents_ : nullptr,
        .chat = chat_template_of(source_.tokenizer_folder, request_.chat_template, *tokenizer_, named()),
        .generate = generation_under(
            {session_.model(), mesh_, source_.tokenizer_folder, named(), source_.dir.config}),
        .find_keys = longppl_evaluator({.model = request_.benchmarks.longppl_evaluator,
                                        .mesh = mesh_,
                                        .placement = layout_.placement,
                                        .gpus = gpus_,
                                        .dtype = request_.dtype,
                                        .tokenizer = *tokenizer_}),
        .evaluator = request_.benchmarks.longppl_evaluator};
    if (!request_.save_choices.empty() && mesh_.world().rank() == 0) {
      inputs.scored = [this](const ChoiceTask& task, const BenchmarkLabel& label,
                             const ChoiceResult& result) {
        choice_lines_ += choice_scores_text(task, label, result);
      };
    }
    std::vector<BenchmarkFigures> figures = ropeway::evaluate_benchmarks(
        mesh_, benchmarks_.cells(inputs, cells_at({source_.dir.config.original_window}), cells_),
        {.name = "evaluate", .stop_requested = stop_requested});
    for (BenchmarkFigures& row : ruler_summary(figures)) figures.push_back(std::move(row));
    if (!choice_lines_.empty()) write_file_atomically(request_.save_choices, choice_lines_);
    return figures;
  }

  std::optional<Documents> load_input(Communicator& world) {
    const bool needs_tokenizer = needs_whole_texts(text_tasks()) || !request_.text.empty() ||
                                 request_.bos == MarkChoice::kTrue || request_.benchmarks.any();
    if (needs_tokenizer) tokenizer_ = tokenizer_of(source_);
    if (tokenizer_ != nullptr && request_.read_special_tokens)
      tokenizer_ = reading_special_tokens(std::move(tokenizer_));
    if (request_.text.empty() && request_.tokens.empty()) return std::nullopt;
    if (!request_.tokens.empty()) return load_token_file(request_.tokens, source_.dir.config.vocab_size);
    return load_documents(
        world, {request_.text}, *tokenizer_, request_.cache, {.vocab_size = source_.dir.config.vocab_size},
        chat_template_of(source_.tokenizer_folder, request_.chat_template, *tokenizer_, named()));
  }

  NamedTokens named() const {
    const ModelConfig& config = source_.dir.config;
    return named_tokens(source_.tokenizer_folder, *tokenizer_, {config.bos_token_id, config.eos_token_id});
  }

  std::vector<int32_t> window_start() const {
    const bool as_it_is = request_.bos == MarkChoice::kAuto && !request_.tokens.empty();
    if (as_it_is || request_.bos == MarkChoice::kFalse) return {};
    return ropeway::window_start(*tokenizer_, named(), request_.bos);
  }

  const EvaluationRequest& request_;
  OpenedModel source_;
  std::vector<int64_t> lengths_;
  Layout layout_;
  Mesh mesh_;
  CudaJob* gpus_;  // null: on the CPU
  ModelSession session_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::optional<Documents> documents_;  // none: no text is scored
  std::vector<int32_t> start_;          // of each window
  std::vector<int32_t> end_;            // behind a prompt's completion
  BenchmarkSet benchmarks_;
  std::string choice_lines_;  // of save_choices
  std::vector<EvaluationCell> cells_;
  EvaluationTasks tasks_;
};

void write_outputs(const EvaluationRequest& request, const Evaluated& evaluated,
                   const std::vector<ComparedCells>& differences, bool bytes_are_known) {
  const std::vector<EvaluatedCell>& results = evaluated.cells;
  if (!request.save_nll.empty()) {
    const PerplexityResult& scored = results.front().figures.perplexity.value();
    write_npy_float32(request.save_nll, scored.token_nll, scored.windows, scored.length - 1);
  }
  if (!request.json.empty()) {
    Json report{{"model", request.model},
                {"input", request.text.empty() ? request.tokens : request.text},
                {"dtype", word_of(request.dtype)},
                {"evaluations", evaluations_json(results, bytes_are_known)}};
    if (!evaluated.benchmarks.empty()) report["benchmarks"] = benchmarks_json(evaluated.benchmarks);
    if (!differences.empty()) report["differences"] = differences_json(results, differences);
    write_file_atomically(request.json, report.dump(2) + "\n");
  }
}

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
  const std::vector<ComparedCells> differences = paired_differences(results.cells, results.tasks);
  const bool bytes_are_known = request.tokens.empty();
  run_on_rank(world, 0, [&] { write_outputs(request, results, differences, bytes_are_known); });
  return (results.cells.empty() ? "" : evaluation_table(results.cells, bytes_are_known)) +
         difference_lines(results.cells, differences) + control_lines(results.cells) +
         benchmark_table(records_of(results.benchmarks));
}

}  // namespace ropeway
