#include "launch/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
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
#include "trainer/evaluate/evaluator.h"
#include "trainer/family/sliding_window.h"
#include "trainer/files/files.h"
#include "trainer/model/engine_setup.h"
#include "trainer/model/model_session.h"
#include "trainer/plan/out_of_memory.h"
#include "trainer/rope/factor_set.h"
#include "trainer/stages/factor_names.h"
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

// Ranks share each window when every length can be cut for them; otherwise they take windows of their own.
struct Layout {
  MeshShape shape;
  Placement placement;
};
Layout choose_layout(const std::vector<int64_t>& lengths, int ranks) {
  if (all_divisible(lengths, 2 * int64_t{ranks})) return {{1, ranks}, Placement::kZigzag};
  return {{ranks, 1}, Placement::kContiguous};
}

void check_output(const std::string& file, Communicator& world) {
  if (file.empty()) return;
  run_on_rank(world, 0, [&] {
    if (fs::is_directory(file))
      fail(ErrorKind::kCannotCreate, "{}: is a folder, wanted a file to write", file);
    const fs::path folder = fs::path(file).parent_path();
    require_writable_folder(folder.empty() ? fs::path(".") : folder, 1 << 20);
  });
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const EvaluatedCell& evaluated, bool bytes_are_known) {
  const auto& [cell, figures] = evaluated;
  Json entry{{"length", cell.length}, {"factors", cell.name}};
  if (const auto& p = figures.perplexity) {
    entry["windows"] = p->windows;
    entry["predicted_tokens"] = p->predicted_tokens;
    entry["nll"] = number_or_null(p->nll);
    entry["perplexity"] = number_or_null(p->perplexity);
    entry["bits_per_byte"] = bytes_are_known ? number_or_null(p->bits_per_byte) : Json();
    entry["tail_bits_per_byte"] = bytes_are_known ? number_or_null(p->tail_bits_per_byte) : Json();
  }
  if (const auto& k = figures.passkey) {
    entry["passkey"] = k->accuracy;
    entry["passkey_samples"] = k->samples;
    entry["passkey_answer_nll"] = number_or_null(k->answer_nll);
    entry["passkey_depths"] = k->depths;
    entry["passkey_by_depth"] = k->depth_accuracy;
  }
  return entry;
}

std::string to_table(const std::vector<EvaluatedCell>& results, bool bytes_are_known) {
  std::string table =
      fmt::format("{:>8}  {:<20} {:>8} {:>10} {:>11} {:>10} {:>9} {:>8}\n", "length", "factors", "windows",
                  "nats/token", "perplexity", "bits/byte", "last 256", "passkey");
  for (const auto& [cell, figures] : results) {
    std::string windows = "-", nll = "-", perplexity = "-", bits = "-", tail = "-", passkey = "-";
    if (const auto& p = figures.perplexity) {
      windows = fmt::format("{}", p->windows);
      nll = fmt::format("{:.4f}", p->nll);
      perplexity = fmt::format("{:.4f}", p->perplexity);
      if (bytes_are_known) {
        bits = fmt::format("{:.4f}", p->bits_per_byte);
        tail = fmt::format("{:.4f}", p->tail_bits_per_byte);
      }
    }
    if (figures.passkey) passkey = fmt::format("{:.0f}%", 100 * figures.passkey->accuracy);
    table += fmt::format("{:>8}  {:<20} {:>8} {:>10} {:>11} {:>10} {:>9} {:>8}\n", cell.length, cell.name,
                         windows, nll, perplexity, bits, tail, passkey);
  }
  return table;
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

class Evaluation {
 public:
  Evaluation(const EvaluationRequest& request, Communicator& world, CudaJob* gpus)
      : request_(request),
        source_(open_verified(request, world)),
        lengths_(lengths_of(request, source_.dir.config)),
        layout_(choose_layout(lengths_, world.size())),
        mesh_(world, layout_.shape),
        gpus_(gpus),
        session_(source_.dir.config, model_place(mesh_, gpus_)),
        documents_(load_input(world)),
        start_(window_start()),
        cells_(request.cells) {
    if (request_.passkey) require_texts(documents_, "passkey retrieval");
    if (holds_examples(documents_)) end_ = document_marks(*tokenizer_, named(), {}).after;
    const MarkedDocuments framed(documents_, {start_, end_});
    for (const int64_t length : lengths_) require_scored(framed, length, "evaluate");
    if (!cells_.empty()) return;
    for (const int64_t length : lengths_) {
      const FactorSet factors = resolve_factors(request_.factors, length, source_.dir.config,
                                                source_.dir.sets, source_.dir.weights);
      if (request_.factors == kAutoFactors && world.rank() == 0) {
        const std::string warning = beyond_longest_set(factors, length);
        if (!warning.empty()) log_warning("{}: {}", request_.model, warning);
      }
      cells_.push_back({factors.name, length, factors});
    }
  }

  std::vector<EvaluatedCell> run() {
    if (gpus_ == nullptr) log_thread_count();
    std::vector<EvaluatedCell> results;
    or_out_of_memory({kEvaluateVerb, source_.dir.config, session_.plan(), evaluate_knobs(mesh_.shape())},
                     [&] { results = evaluate(); });
    return results;
  }

 private:
  PlanRequest plan_request() const {
    return {.work = {.pass = Pass::kEvaluate, .lengths = lengths_},
            .dtype = request_.dtype,
            .mesh = mesh_.shape(),
            .placement = layout_.placement};
  }

  std::vector<EvaluatedCell> evaluate() {
    session_.begin(
        make_engine_plan(source_.dir.config, plan_request(), device_memory(device_of(gpus_), mesh_.world())));
    session_.load(source_.dir);
    return evaluate_cells({session_.model(), mesh_, documents_, tokenizer_.get()}, cells_,
                          {.perplexity = request_.perplexity,
                           .passkey = request_.passkey,
                           .windows = request_.windows,
                           .keep_token_nll = !request_.save_nll.empty(),
                           .start = start_,
                           .end = end_},
                          {.name = "evaluate", .stop_requested = stop_requested});
  }

  Documents load_input(Communicator& world) {
    const bool needs_tokenizer =
        request_.passkey || !request_.text.empty() || request_.bos == MarkChoice::kTrue;
    if (needs_tokenizer) tokenizer_ = tokenizer_of(source_);
    if (tokenizer_ != nullptr && request_.read_special_tokens)
      tokenizer_ = reading_special_tokens(std::move(tokenizer_));
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
  Documents documents_;
  std::vector<int32_t> start_;  // of each window
  std::vector<int32_t> end_;    // behind a prompt's completion
  std::vector<EvaluationCell> cells_;
};

void write_outputs(const EvaluationRequest& request, const std::vector<EvaluatedCell>& results,
                   bool bytes_are_known) {
  if (!request.save_nll.empty()) {
    const PerplexityResult& scored = results.front().figures.perplexity.value();
    write_npy_float32(request.save_nll, scored.token_nll, scored.windows, scored.length - 1);
  }
  if (!request.json.empty()) {
    Json report{{"model", request.model},
                {"input", request.text.empty() ? request.tokens : request.text},
                {"dtype", word_of(request.dtype)},
                {"evaluations", Json::array()}};
    for (const EvaluatedCell& evaluated : results) {
      report["evaluations"].push_back(to_json(evaluated, bytes_are_known));
    }
    write_file_atomically(request.json, report.dump(2) + "\n");
  }
}

}  // namespace

std::vector<EvaluatedCell> figures_of(const EvaluationRequest& request, MpiSession& job) {
  std::unique_ptr<CudaJob> gpus;
  if (request.device == DeviceKind::kCuda) gpus = std::make_unique<CudaJob>(job);
  Evaluation evaluation(request, job.world(), gpus.get());
  std::vector<EvaluatedCell> results = evaluation.run();
  if (gpus) gpus->close();
  return results;
}

std::string evaluate_model(const EvaluationRequest& request, MpiSession& job) {
  Communicator& world = job.world();
  check_output(request.json, world);
  check_output(request.save_nll, world);
  const std::vector<EvaluatedCell> results = figures_of(request, job);
  const bool bytes_are_known = request.tokens.empty();
  run_on_rank(world, 0, [&] { write_outputs(request, results, bytes_are_known); });
  return to_table(results, bytes_are_known);
}

}  // namespace ropeway
