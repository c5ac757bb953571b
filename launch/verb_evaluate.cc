// ropeway evaluate: perplexity and passkey retrieval of a model, by length.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_line.h"
#include "launch/dtype_option.h"
#include "launch/evaluate_options.h"
#include "launch/evaluation.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"
#include "trainer/config/recipe.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway evaluate MODEL (--text FILE | --tokens FILE.npy | --requests LIST) [options]

Scores a model folder, a run folder or a checkpoint; trainer/evaluate/README.md explains them.
  --text FILE, --tokens FILE.npy  a text (plain, JSON, packed; * in the name), or token ids
  --lengths LIST, --factors LIST  256,2K; auto (default), none, pi, ntk, yarn, ..., sets
  --tasks LIST, --controls LIST  perplexity (default), passkey, needles, longppl; true, or some
  --align W, --aligned-with LIST, --stride N  ends, starts; further lengths; a window every N
  --windows K, --target-tokens N  score K windows, or as few as score N tokens; default: all
  --haystack W, --passkey-depths K, --passkey-samples K  text or published; 10; 2 per depth
  --needles K, --needle-passes K, --control-windows K, --seed N  20 in a pass; 10; 8; 0
  --longppl-short N, --longppl-stride N, --longppl-gain X, --longppl-floor X  4K, 1K, 2, -2
  --longppl-evaluator MODEL  finds the key tokens; default: the model itself
  --requests LIST, --request-limit N  files of questions with answers to choose from; the first N
  --ruler LIST, --samples N  tasks of RULER by name, or all; 20 of each at each length
  --ruler-prompt P, --questions FILE, --questions-2 FILE  auto, plain, base, chat; for qa_1, qa_2
  --bos W, --special-tokens W  auto (default), true or false; text (default) or parse
  --sliding-window W, --chat-template W  refuse (default), honour, full; auto (default) or a format
  --device D, --dtype T     cpu (default) or cuda, one GPU per rank; fp32, bf16 or fp64
  --json OUT, --save-nll OUT.npy, --save-choices OUT.jsonl  figures; of each token; of each answer
  --cache DIR, --keep DIR   encoded text; what an interrupted evaluation goes on from
examples:
  ropeway evaluate models/tiny --text book.txt --lengths 256,2K --factors yarn
  mpirun -n 2 ropeway evaluate runs/tiny_cpu --text book.txt --tasks passkey
)";

CommandLine command_line() {
  CommandLine line{kHelp, "MODEL", {}};
  const auto text = [] { return po::value<std::string>(); };
  line.options.add_options()("text", text(), "")("tokens", text(), "")("sliding-window",
                                                                       text()->default_value("refuse"), "")(
      "chat-template", text()->default_value("auto"), "")("special-tokens", text()->default_value("text"),
                                                          "")("device", text()->default_value("cpu"), "")(
      "dtype", text(), "")("json", text(), "")("save-nll", text(), "")("save-choices", text(), "")(
      "cache", text()->default_value(".cache/tokens"), "")("keep", text()->default_value(".cache/evaluate"),
                                                           "");
  add_evaluate_options(line.options);
  return line;
}

EvaluationRequest read_request(const po::variables_map& values) {
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : "";
  };
  EvaluationRequest request;
  request.model = text("MODEL");
  request.text = text("text");
  request.tokens = text("tokens");
  request.device = read_choice<DeviceKind>("device", text("device"));
  request.dtype = read_compute_dtype(values, request.device);
  request.cache = text("cache");
  request.keep = text("keep");
  request.json = text("json");
  request.save_nll = text("save-nll");
  request.save_choices = text("save-choices");
  request.read_special_tokens = read_choice<SpecialTokensInText>("special-tokens", text("special-tokens")) ==
                                SpecialTokensInText::kParse;
  request.sliding_window = read_choice<SlidingWindowPolicy>("sliding-window", text("sliding-window"));
  request.chat_template = read_choice<ChatFormatName>("chat-template", text("chat-template"));
  EvaluateRecipe& evaluate = request.evaluate;
  evaluate.tasks = {EvaluateTask::kPerplexity};
  read_evaluate_options(values, request);
  const bool no_text = request.text.empty() && request.tokens.empty();
  const bool tasks_are_given = values.count("tasks") > 0 || values.count("controls") > 0;
  if ((no_text && (tasks_are_given || !evaluate.benchmarks.any())) ||
      (!request.text.empty() && !request.tokens.empty())) {
    fail(ErrorKind::kUsage, "wanted one of --text FILE and --tokens FILE.npy, found {}",
         no_text ? "neither" : "both");
  }
  // A text is a haystack where RULER alone is asked for.
  const bool haystack_only = !tasks_are_given && !evaluate.benchmarks.ruler.empty();
  if (no_text || haystack_only) evaluate.tasks.clear();
  check_evaluate_options(request);
  return request;
}

}  // namespace

void evaluate_verb(const Arguments& arguments, MpiSession& job) {
  const CommandLine line = command_line();
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (job.world().rank() == 0) std::cout << line.help;
    return;
  }
  EvaluationRequest request = read_request(values);
  request.command = command_text("evaluate", arguments);
  const std::string table = evaluate_model(request, job);
  if (job.world().rank() == 0) std::cout << table;
}

}  // namespace ropeway
