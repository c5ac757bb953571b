// ropeway evaluate: perplexity and passkey retrieval of a model, by length.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_page.h"
#include "launch/dtype_option.h"
#include "launch/evaluate_options.h"
#include "launch/evaluation.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"
#include "trainer/config/recipe.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

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

CommandPage evaluate_page() {
  return {
      .usage = "MODEL (--text FILE | --tokens FILE.npy | --requests LIST) [options]",
      .about =
          "Scores a model folder, a run folder or a checkpoint; trainer/evaluate/README.md explains them.\n",
      .options = {row({Option::text("text", "FILE").offering(Completion::kFile),
                       Option::text("tokens", "FILE.npy").offering(Completion::kFile)},
                      "a text (plain, JSON, packed; * in the name), or token ids"),
                  row({Option::text("lengths", "LIST"),
                       Option::text("factors", "LIST").offering("auto none pi ntk yarn cope")},
                      "256,2K; auto (default), none, pi, ntk, yarn, ..., sets"),
                  row({Option::text("tasks", "LIST").offering("perplexity passkey needles longppl"),
                       Option::text("controls", "LIST")
                           .offering("true crop foreign_prefix repetition confusable_keys")},
                      "perplexity (default), passkey, needles, longppl; true, or some"),
                  row({Option::text("align", "W").offering("ends starts"),
                       Option::text("aligned-with", "LIST"), Option::text("stride", "N")},
                      "ends, starts; further lengths; a window every N"),
                  row({Option::text("windows", "K"), Option::text("target-tokens", "N")},
                      "score K windows, or as few as score N tokens; default: all"),
                  row({Option::text("haystack", "W").offering("text published"),
                       Option::text("passkey-depths", "K"), Option::text("passkey-samples", "K")},
                      "text or published; 10; 2 per depth"),
                  row({Option::text("needles", "K"), Option::text("needle-passes", "K"),
                       Option::text("control-windows", "K"), Option::text("seed", "N")},
                      "20 in a pass; 10; 8; 0"),
                  row({Option::text("longppl-short", "N"), Option::text("longppl-stride", "N"),
                       Option::text("longppl-gain", "X"), Option::text("longppl-floor", "X")},
                      "4K, 1K, 2, -2"),
                  row(Option::text("longppl-evaluator", "MODEL").offering(Completion::kFile),
                      "finds the key tokens; default: the model itself"),
                  row({Option::text("requests", "LIST").offering(Completion::kFile),
                       Option::text("request-limit", "N")},
                      "files of questions with answers to choose from; the first N"),
                  row({Option::text("ruler", "LIST"), Option::text("samples", "N")},
                      "tasks of RULER by name, or all; 20 of each at each length"),
                  row({Option::text("ruler-prompt", "P").offering("auto plain base chat"),
                       Option::text("questions", "FILE").offering(Completion::kFile),
                       Option::text("questions-2", "FILE").offering(Completion::kFile)},
                      "auto, plain, base, chat; for qa_1, qa_2"),
                  row({Option::text("bos", "W").offering("auto true false"),
                       Option::text("special-tokens", "W", "text").offering("text parse")},
                      "auto (default), true or false; text (default) or parse"),
                  row({Option::text("sliding-window", "W", "refuse").offering("refuse honour full"),
                       Option::text("chat-template", "W", "auto")},
                      "refuse (default), honour, full; auto (default) or a format"),
                  row({Option::text("device", "D", "cpu").offering("cpu cuda"),
                       Option::text("dtype", "T").offering("fp32 bf16 fp64")},
                      "cpu (default) or cuda, one GPU per rank; fp32, bf16 or fp64"),
                  row({Option::text("json", "OUT").offering(Completion::kFile),
                       Option::text("save-nll", "OUT.npy").offering(Completion::kFile),
                       Option::text("save-choices", "OUT.jsonl").offering(Completion::kFile)},
                      "figures; of each token; of each answer"),
                  row({Option::text("cache", "DIR", ".cache/tokens").offering(Completion::kFile),
                       Option::text("keep", "DIR", ".cache/evaluate").offering(Completion::kFile)},
                      "encoded text; what an interrupted evaluation goes on from")},
      .examples =
          "mpirun -n 2 ropeway evaluate runs/tiny_cpu --text book.txt --lengths 256,2K --factors yarn\n",
      .positional = "MODEL",
      .columns = 100,
      .help_column = 28};
}

void evaluate_verb(const Arguments& arguments, MpiSession& job) {
  const CommandLine line = command_line("evaluate", evaluate_page());
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
