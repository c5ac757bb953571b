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

MODEL is a model folder, a run folder, or a checkpoint (.../step-N).

  --text FILE        text to score: plain or JSON, packed or not; * in the name
  --tokens FILE.npy  token ids to score instead; needs no tokenizer
  --lengths LIST     256,2K,16K (K = 1024); default: the original window
  --tasks LIST       perplexity,passkey,needles,longppl; default:
                     perplexity
  --factors LIST     auto (default): what the model's factor sets say at a length;
                     none, pi, ntk, yarn: computed; or names of sets. Several are
                     scored on the same windows and compared in pairs
  --align WHERE      ends: windows of all lengths end at the same places and score
                     the same tokens (default for several lengths); starts:
                     disjoint windows of each length, scored from their first token
  --stride N         a window every N tokens, which scores its last N
  --windows K        score K windows; default: all that fit
  --target-tokens N  as few windows as score N tokens
  --controls LIST    crop,foreign_prefix,repetition,confusable_keys, or true for
                     all, at lengths beyond the original window
  --control-windows K of each control; default: 8
  --haystack WHAT    passkeys hide in the text (default), or in the sentences of
                     the published task: published
  --passkey-samples K per depth, of which there are 10; default: 2
  --needle-passes K  of 20 needles each; default: 10
  --bos CHOICE       a BOS at each window's start: auto (default), true, false
  --sliding-window W refuse (default) longer windows; honour it; full: attend to all
  --chat-template W  how conversations become text: auto (default), as the
                     model's own template does, or the name of a format
  --special-tokens W text (default): their spelling in a text is text; or parse
  --device DEVICE    cpu (default), or cuda: one GPU per rank
  --dtype TYPE       fp32 (default; bf16 with --device cuda), bf16, fp64
  --json OUT         write the results as JSON
  --save-nll OUT.npy float32 [windows, length-1]: nats of each predicted token
  --cache DIR        where encoded text is kept; default .cache/tokens

benchmarks, alone or beside a text:
  --requests LIST    files of questions with answers to choose from, scored at the
                     original window: acc and acc_norm with 95 % intervals
  --request-limit N  the first N questions of each file; default: all
  --save-choices OUT.jsonl  the log-likelihood of each answer
  --ruler LIST       tasks of RULER at each of --lengths: niah_single_1, ..., vt, cwe,
                     fwe, qa_1, qa_2, or all (but for qa). Prose is that of --text
  --samples N        of each task and length; default: 20
  --ruler-prompt P   auto (default): chat where the model's template is a known one,
                     else base; plain; base: behind a worked example; chat
  --questions FILE   questions about paragraphs for qa_1: SQuAD's or HotpotQA's JSON
  --questions-2 FILE the same for qa_2
  --longppl-short N  with the task longppl: tokens of the short context; default: 4K
  --longppl-stride N tokens from one short context to the next; default: 1K
  --longppl-evaluator MODEL  finds the key tokens; default: the model itself

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
  const bool on_gpus = request.device == DeviceKind::kCuda;
  request.dtype = values.count("dtype") > 0
                      ? read_dtype_option(text("dtype"), {DType::kF32, DType::kBF16, DType::kF64})
                  : on_gpus ? DType::kBF16
                            : DType::kF32;
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
  if (on_gpus && request.dtype != DType::kBF16) {
    fail(ErrorKind::kUsage, "--dtype: found {}, wanted bf16: attention on GPUs computes in nothing else",
         word_of(request.dtype));
  }
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
