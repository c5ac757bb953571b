#include "launch/evaluate_options.h"

#include <algorithm>
#include <iterator>

#include "kernels/base/error.h"
#include "launch/command_line.h"
#include "trainer/config/recipe.h"
#include "trainer/config/recipe_keys.h"
#include "trainer/config/value_reader.h"
#include "trainer/tasks/ruler_sample.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

struct EvaluateOption {
  const char* option;
  const char* key;   // of a recipe ("seed") or of an evaluate stage
  double least = 0;  // where leaving the option out says what the key's 0 does
};
constexpr EvaluateOption kOptions[] = {
    {"lengths", "lengths"},
    {"factors", "factors"},
    {"tasks", "tasks"},
    {"seed", "seed"},
    {"windows", "windows", 1},
    {"target-tokens", "target_tokens", 1},
    {"align", "align"},
    {"aligned-with", "aligned_with"},
    {"stride", "stride", 1},
    {"bos", "bos"},
    {"haystack", "haystack"},
    {"passkey-depths", "passkey_depths"},
    {"passkey-samples", "passkey_samples"},
    {"needles", "needles"},
    {"needle-passes", "needle_passes"},
    {"controls", "controls"},
    {"control-windows", "control_windows"},
    {"requests", "requests"},
    {"request-limit", "request_limit", 1},
    {"ruler", "ruler"},
    {"samples", "ruler_samples"},
    {"ruler-prompt", "ruler_prompt"},
    {"questions", "ruler_questions"},
    {"questions-2", "ruler_questions_2"},
    {"longppl-short", "longppl.short"},
    {"longppl-stride", "longppl.stride"},
    {"longppl-gain", "longppl.gain"},
    {"longppl-floor", "longppl.floor"},
    {"longppl-evaluator", "longppl.evaluator"},
};

RecipeKey key_of(const EvaluateOption& option) {
  for (const RecipeKey& key : recipe_keys()) {
    const bool here = key.section.empty() || (key.section == "stages" && is_for(key, StageKind::kEvaluate));
    if (!here || key.name != option.key) continue;
    RecipeKey own = key;
    own.low = std::max(own.low, option.least);
    return own;
  }
  fail(ErrorKind::kInternal, "--{}: there is no key {}", option.option, option.key);
}

// All but qa_1 and qa_2, which need files.
std::vector<std::string> tasks_without_files() {
  std::vector<std::string> tasks;
  for (const auto& choice : ChoiceTable<RulerTask>::choices) {
    if (traits_of(choice.value).questions == 0) tasks.emplace_back(choice.word);
  }
  return tasks;
}

// RULER's word for all tasks is not a recipe's.
std::string with_all_tasks(const std::string& list) {
  std::vector<std::string> words;
  for (const std::string& word : split_list(list)) {
    if (word != "all") {
      words.push_back(word);
    } else {
      std::ranges::copy(tasks_without_files(), std::back_inserter(words));
    }
  }
  return fmt::format("{}", fmt::join(words, ","));
}

void check_ruler_options(const EvaluationRequest& request) {
  const BenchmarkRecipe& benchmarks = request.evaluate.benchmarks;
  for (const RulerTask task : benchmarks.ruler) {
    const RulerTraits& traits = traits_of(task);
    if (traits.needs_prose && request.text.empty()) {
      fail(ErrorKind::kUsage, "--ruler {} wants --text FILE: its haystack is prose", word_of(task));
    }
    if (traits.questions == 1 && benchmarks.ruler_questions.empty()) {
      fail(ErrorKind::kUsage, "--ruler {} wants --questions FILE", word_of(task));
    }
    if (traits.questions == 2 && benchmarks.ruler_questions_2.empty()) {
      fail(ErrorKind::kUsage, "--ruler {} wants --questions-2 FILE", word_of(task));
    }
  }
}

}  // namespace

void read_evaluate_options(const po::variables_map& values, EvaluationRequest& request) {
  Recipe recipe;
  StageRecipe stage(StageKind::kEvaluate);
  stage.evaluate() = request.evaluate;
  recipe.seed = request.seed;
  for (const EvaluateOption& option : kOptions) {
    if (values.count(option.option) == 0) continue;
    const RecipeKey key = key_of(option);
    std::string text = values[option.option].as<std::string>();
    if (std::string_view(option.option) == "ruler") text = with_all_tasks(text);
    const auto errors = read_text_value(key, text, field_of(key, recipe, &stage));
    if (!errors.empty()) fail(ErrorKind::kUsage, "--{}: {}", option.option, errors.front().text);
  }
  request.evaluate = stage.evaluate();
  request.seed = recipe.seed;
}

void check_evaluate_options(const EvaluationRequest& request) {
  const EvaluateRecipe& evaluate = request.evaluate;
  const bool no_text = request.text.empty() && request.tokens.empty();
  if (no_text && evaluate.benchmarks.ruler.empty() && !evaluate.lengths.empty()) {
    fail(ErrorKind::kUsage,
         "--lengths is for --text and --tokens: --requests are scored at the original window; "
         "--factors NAME picks another set there");
  }
  if (evaluate.benchmarks.requests.empty() && !request.save_choices.empty()) {
    fail(ErrorKind::kUsage, "--save-choices wants --requests");
  }
  check_ruler_options(request);
  const int64_t shortest = evaluate.benchmarks.longppl_short;
  if (evaluate.measures(EvaluateTask::kLongPpl) &&
      std::ranges::none_of(evaluate.lengths, [&](int64_t length) { return length > shortest; })) {
    fail(ErrorKind::kUsage, "--tasks longppl wants one of --lengths beyond the short context of {} tokens",
         shortest);
  }
  if (evaluate.stride > 0 && evaluate.align == WindowAlignment::kEnds) {
    fail(ErrorKind::kUsage, "--stride with --align ends: wanted one of the two");
  }
  const bool one_perplexity = evaluate.measures(EvaluateTask::kPerplexity) && evaluate.lengths.size() <= 1 &&
                              evaluate.factors.size() <= 1;
  if (!request.save_nll.empty() && !one_perplexity) {
    fail(ErrorKind::kUsage, "--save-nll wants the task perplexity and one length, under one factor set");
  }
}

}  // namespace ropeway
