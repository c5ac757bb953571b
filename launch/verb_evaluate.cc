// ropeway evaluate: perplexity and passkey retrieval of a model, by length.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/benchmark_options.h"
#include "launch/choice_option.h"
#include "launch/command_line.h"
#include "launch/dtype_option.h"
#include "launch/evaluation.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"
#include "trainer/config/lengths.h"
#include "trainer/config/recipe.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway evaluate MODEL (--text FILE | --tokens FILE.npy | --requests LIST) [options]

Scores a model folder, a run folder or a checkpoint; trainer/evaluate/README.md explains them.
  --text FILE, --tokens FILE.npy  a text (plain, JSON, packed; * in the name), or token ids
  --lengths LIST            256,2K,16K (K = 1024); default: the original window
  --factors LIST            auto (default: by length), none, pi, ntk, yarn, cope, ..., or names of sets
  --tasks LIST              perplexity (default), passkey, needles, longppl
  --align W, --stride N     ends (all lengths score the same tokens), starts; a window every N
  --windows K, --target-tokens N  score K windows, or as few as score N tokens; default: all
  --controls LIST, --control-windows K  true for all, or some of them; 8 windows each
  --haystack W, --passkey-samples K, --needle-passes K  text or published; 2 per depth; 10
  --longppl-short N, --longppl-stride N, --longppl-evaluator MODEL  4K, 1K, the model itself
  --requests LIST, --request-limit N  files of questions with answers to choose from; the first N
  --save-choices OUT.jsonl  the log-likelihood of each answer
  --ruler LIST, --samples N  tasks of RULER by name, or all; 20 of each at each length
  --ruler-prompt P, --questions FILE, --questions-2 FILE  auto, plain, base, chat; for qa_1, qa_2
  --bos W, --special-tokens W  auto (default), true or false; text (default) or parse
  --sliding-window W, --chat-template W  refuse (default), honour, full; auto (default) or a format
  --device D, --dtype T     cpu (default) or cuda, one GPU per rank; fp32, bf16 or fp64
  --json OUT, --save-nll OUT.npy, --cache DIR  figures; nats of each token; encoded text
examples:
  ropeway evaluate models/tiny --text book.txt --lengths 256,2K --factors yarn
  mpirun -n 2 ropeway evaluate runs/tiny_cpu --text book.txt --tasks passkey
)";

CommandLine command_line() {
  CommandLine line{kHelp, "MODEL", {}};
  const auto text = [] { return po::value<std::string>(); };
  line.options.add_options()("text", text(), "")("tokens", text(), "")("lengths", text(), "")(
      "tasks", text()->default_value("perplexity"), "")("factors", text()->default_value("auto"), "")(
      "bos", text()->default_value("auto"), "")("windows", po::value<int64_t>(), "")(
      "align", text()->default_value("auto"), "")("stride", po::value<int64_t>(), "")(
      "target-tokens", po::value<int64_t>(), "")("controls", text(), "")(
      "control-windows", po::value<int64_t>(), "")("haystack", text()->default_value("text"), "")(
      "passkey-samples", po::value<int64_t>(), "")("needle-passes", po::value<int64_t>(), "")(
      "sliding-window", text()->default_value("refuse"), "")(
      "chat-template", text()->default_value("auto"), "")("special-tokens", text()->default_value("text"),
                                                          "")("device", text()->default_value("cpu"), "")(
      "dtype", text(), "")("json", text(), "")("save-nll", text(), "")(
      "cache", text()->default_value(".cache/tokens"), "");
  add_benchmark_options(line.options);
  return line;
}

void read_tasks(const std::string& list, EvaluationRequest& request) {
  for (const std::string& word : split_list(list)) {
    const auto task = read_choice<EvaluateTask>("tasks", word);
    request.perplexity = request.perplexity || task == EvaluateTask::kPerplexity;
    request.passkey = request.passkey || task == EvaluateTask::kPasskey;
    request.needles = request.needles || task == EvaluateTask::kNeedles;
    request.longppl = request.longppl || task == EvaluateTask::kLongPpl;
  }
}

std::vector<ControlKind> read_controls(const std::string& list) {
  std::vector<ControlKind> controls;
  if (value_of<MarkChoice>(list) == MarkChoice::kTrue) {
    for (const auto& choice : ChoiceTable<ControlKind>::choices) controls.push_back(choice.value);
    return controls;
  }
  for (const std::string& word : split_list(list)) {
    controls.push_back(read_choice<ControlKind>("controls", word));
  }
  return controls;
}

EvaluationRequest read_request(const po::variables_map& values) {
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : "";
  };
  EvaluationRequest request;
  request.model = text("MODEL");
  request.text = text("text");
  request.tokens = text("tokens");
  request.factors = split_list(text("factors"));
  request.device = read_choice<DeviceKind>("device", text("device"));
  request.dtype = read_compute_dtype(values, request.device);
  request.cache = text("cache");
  request.json = text("json");
  request.save_nll = text("save-nll");
  request.benchmarks = read_benchmark_options(values);
  request.save_choices = text("save-choices");
  const bool no_text = request.text.empty() && request.tokens.empty();
  const bool tasks_are_given = !values["tasks"].defaulted() || values.count("controls") > 0;
  if ((no_text && (tasks_are_given || !request.benchmarks.any())) ||
      (!request.text.empty() && !request.tokens.empty())) {
    fail(ErrorKind::kUsage, "wanted one of --text FILE and --tokens FILE.npy, found {}",
         no_text ? "neither" : "both");
  }
  if (values.count("lengths") > 0) {
    for (const std::string& item : split_list(text("lengths"))) request.lengths.push_back(parse_length(item));
  }
  request.perplexity = false;
  // A text is a haystack where RULER alone is asked for.
  const bool haystack_only = !tasks_are_given && !request.benchmarks.ruler.empty();
  if (!no_text && !haystack_only) read_tasks(text("tasks"), request);
  if (values.count("controls") > 0) request.controls = read_controls(text("controls"));
  request.align = read_choice<WindowAlignment>("align", text("align"));
  request.haystack = read_choice<Haystack>("haystack", text("haystack"));
  check_benchmark_options(request);
  request.read_special_tokens = read_choice<SpecialTokensInText>("special-tokens", text("special-tokens")) ==
                                SpecialTokensInText::kParse;
  request.sliding_window = read_choice<SlidingWindowPolicy>("sliding-window", text("sliding-window"));
  request.bos = read_choice<MarkChoice>("bos", text("bos"));
  request.chat_template = read_choice<ChatFormatName>("chat-template", text("chat-template"));
  for (const auto& [name, count] :
       {std::pair{"windows", &request.windows}, std::pair{"target-tokens", &request.target_tokens},
        std::pair{"stride", &request.stride}, std::pair{"control-windows", &request.control_windows},
        std::pair{"passkey-samples", &request.passkey_samples},
        std::pair{"needle-passes", &request.needle_passes}}) {
    if (values.count(name) == 0) continue;
    *count = values[name].as<int64_t>();
    if (*count < 1) fail(ErrorKind::kUsage, "--{}: found {}, wanted 1 or more", name, *count);
  }
  if (request.stride > 0 && request.align == WindowAlignment::kEnds) {
    fail(ErrorKind::kUsage, "--stride with --align ends: wanted one of the two");
  }
  if (!request.save_nll.empty() &&
      (!request.perplexity || request.lengths.size() > 1 || request.factors.size() > 1)) {
    fail(ErrorKind::kUsage, "--save-nll wants the task perplexity and one length, under one factor set");
  }
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
  const std::string table = evaluate_model(read_request(values), job);
  if (job.world().rank() == 0) std::cout << table;
}

}  // namespace ropeway
