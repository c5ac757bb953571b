#include "launch/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/benchmark_output.h"
#include "launch/memory_words.h"
#include "launch/signals.h"
#include "launch/thread_count.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/config/dtype_words.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/npy.h"
#include "trainer/evaluate/benchmark_set.h"
#include "trainer/evaluate/evaluator.h"
#include "trainer/evaluate/ruler_summary.h"
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

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({number_or_null(interval->low), number_or_null(interval->high)});
}

void add_perplexity(const PerplexityResult& p, bool bytes_are_known, Json& entry) {
  entry["windows"] = p.windows;
  entry["predicted_tokens"] = p.predicted_tokens;
  entry["nll"] = number_or_null(p.nll);
  entry["nll_95"] = to_json(p.nll_interval);
  entry["perplexity"] = number_or_null(p.perplexity);
  entry["perplexity_95"] = to_json(perplexity_interval(p));
  entry["window_perplexity"] = number_or_null(p.window_perplexity);
  entry["bits_per_byte"] = bytes_are_known ? number_or_null(p.bits_per_byte) : Json();
  entry["bits_per_byte_95"] = bytes_are_known ? to_json(p.bits_interval) : Json();
  entry["tail_bits_per_byte"] = bytes_are_known ? number_or_null(p.tail_bits_per_byte) : Json();
  entry["tail_bits_per_byte_95"] = bytes_are_known ? to_json(p.tail_bits_interval) : Json();
}

Json to_json(const ControlResult& control) {
  Json entry{{"control", word_of(control.kind)},
             {"passed", control.passed},
             {"figure", number_or_null(control.figure)},
             {"figure_95", to_json(control.interval)},
             {"windows", control.windows}};
  for (const DistanceGain& gain : control.distances) {
    entry["distances"].push_back({{"distance", gain.distance},
                                  {"gain", number_or_null(gain.gain)},
                                  {"gain_95", to_json(gain.interval)}});
  }
  return entry;
}

Json to_json(const EvaluatedCell& evaluated, bool bytes_are_known) {
  const auto& [cell, figures] = evaluated;
  Json entry{{"length", cell.length}, {"factors", cell.name}};
  if (figures.perplexity) add_perplexity(*figures.perplexity, bytes_are_known, entry);
  if (const auto& k = figures.passkey) {
    entry["passkey"] = k->accuracy;
    entry["passkey_95"] = to_json(k->interval);
    entry["passkey_samples"] = k->samples;
    entry["passkey_answer_nll"] = number_or_null(k->answer_nll);
    entry["passkey_depths"] = k->depths;
    entry["passkey_by_depth"] = k->depth_accuracy;
  }
  if (const auto& n = figures.needles) {
    entry["needles"] = n->accuracy;
    entry["needles_95"] = to_json(n->interval);
    entry["needles_trials"] = n->trials;
    entry["needles_answer_nll"] = number_or_null(n->answer_nll);
    entry["needles_depths"] = n->depths;
    entry["needles_by_depth"] = n->depth_accuracy;
  }
  for (const ControlResult& control : figures.controls) entry["controls"].push_back(to_json(control));
  return entry;
}

Json to_json(const std::vector<EvaluatedCell>& results, const ComparedCells& compared) {
  const EvaluationCell &cell = results[compared.cell].cell, &against = results[compared.against].cell;
  return {{"length", cell.length},
          {"factors", cell.name},
          {"against_length", against.length},
          {"against", against.name},
          {"nll", number_or_null(compared.difference.nll)},
          {"nll_95", to_json(compared.difference.nll_interval)}};
}

// "1.2345±0.0123": half of the interval's width behind the figure.
std::string with_reach(double value, const std::optional<Interval>& interval) {
  if (!interval) return fmt::format("{:.4f}", value);
  return fmt::format("{:.4f}±{:.4f}", value, (interval->high - interval->low) / 2);
}

std::string percent_text(double share, const std::optional<Interval>& interval) {
  if (!interval) return fmt::format("{:.0f}%", 100 * share);
  return fmt::format("{:.0f}% ({:.0f}-{:.0f})", 100 * share, 100 * interval->low, 100 * interval->high);
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? fmt::format(" ({:+.4f} to {:+.4f})", interval->low, interval->high) : "";
}

constexpr const char* kRow = "{:>8}  {:<20} {:>8} {:>8} {:>15} {:>17} {:>15} {:>15} {:>13} {:>13}\n";

std::string to_table(const std::vector<EvaluatedCell>& results, bool bytes_are_known) {
  std::string table = fmt::format(kRow, "length", "factors", "windows", "targets", "nats/token", "perplexity",
                                  "bits/byte", "last 256", "passkey", "needles");
  for (const auto& [cell, figures] : results) {
    std::string windows = "-", targets = "-", nll = "-", perplexity = "-", bits = "-", tail = "-",
                passkey = "-", needles = "-";
    if (const auto& p = figures.perplexity) {
      windows = fmt::format("{}", p->windows);
      targets = fmt::format("{}", p->predicted_tokens);
      nll = with_reach(p->nll, p->nll_interval);
      perplexity = with_reach(p->perplexity, perplexity_interval(*p));
      if (bytes_are_known) {
        bits = with_reach(p->bits_per_byte, p->bits_interval);
        tail = with_reach(p->tail_bits_per_byte, p->tail_bits_interval);
      }
    }
    if (const auto& k = figures.passkey) passkey = percent_text(k->accuracy, k->interval);
    if (const auto& n = figures.needles) needles = percent_text(n->accuracy, n->interval);
    table += fmt::format(kRow, cell.length, cell.name, windows, targets, nll, perplexity, bits, tail, passkey,
                         needles);
  }
  return table;
}

// "yarn at 2048 against none at 2048: -0.0123 nats/token (-0.0150 to -0.0096)"
std::string difference_lines(const std::vector<EvaluatedCell>& results,
                             const std::vector<ComparedCells>& differences) {
  std::string text;
  for (const ComparedCells& compared : differences) {
    const EvaluationCell &cell = results[compared.cell].cell, &against = results[compared.against].cell;
    text +=
        fmt::format("{} at {} against {} at {}: {:+.4f} nats/token{}\n", cell.name, cell.length, against.name,
                    against.length, compared.difference.nll, interval_text(compared.difference.nll_interval));
  }
  return text;
}

std::string control_lines(const std::vector<EvaluatedCell>& results) {
  std::string text;
  for (const auto& [cell, figures] : results) {
    for (const ControlResult& control : figures.controls) {
      text += fmt::format("control {} of {} at {}: {}, {:+.4f}{}\n", word_of(control.kind), cell.name,
                          cell.length, control.passed ? "passed" : "FAILED", control.figure,
                          interval_text(control.interval));
    }
  }
  return text;
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

OpenedModel open_verified(const EvaluationRequest& request, Communicator& world) {
  const fs::path path = request.model;
  run_on_rank(world, 0, [&] {
    if (fs::exists(path / "manifest.json")) read_verified_manifest(path, true);
  });
  OpenedModel opened = open_model_or_checkpoint(path);
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
        source_(open_verified(request, world)),
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
      if (makes_texts()) require_texts(*documents_, "passkeys, needles, controls and benchmarks");
      if (holds_examples(*documents_)) end_ = document_marks(*tokenizer_, named(), {}).after;
    }
    if (reads_text()) {
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
  // Tasks that are made from whole texts.
  bool makes_texts() const {
    return request_.passkey || request_.needles || request_.longppl || !request_.controls.empty() ||
           !request_.benchmarks.ruler.empty();
  }
  // Windows of the text itself, as long as the lengths.
  bool reads_text() const {
    return request_.perplexity || request_.longppl || request_.needles || !request_.controls.empty() ||
           (request_.passkey && request_.haystack == Haystack::kText);
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
    const bool needs_tokenizer = makes_texts() || !request_.text.empty() ||
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
                {"evaluations", Json::array()}};
    if (!evaluated.benchmarks.empty()) report["benchmarks"] = benchmarks_json(evaluated.benchmarks);
    for (const EvaluatedCell& evaluated : results) {
      report["evaluations"].push_back(to_json(evaluated, bytes_are_known));
    }
    for (const ComparedCells& compared : differences) {
      report["differences"].push_back(to_json(results, compared));
    }
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
  return (results.cells.empty() ? "" : to_table(results.cells, bytes_are_known)) +
         difference_lines(results.cells, differences) + control_lines(results.cells) +
         benchmark_table(records_of(results.benchmarks));
}

}  // namespace ropeway
