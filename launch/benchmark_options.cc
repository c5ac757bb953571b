#include "launch/benchmark_options.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_line.h"
#include "trainer/config/lengths.h"
#include "trainer/tasks/ruler_sample.h"

namespace ropeway {

namespace po = boost::program_options;

void add_benchmark_options(po::options_description& options) {
  const auto text = [] { return po::value<std::string>(); };
  const auto number = [] { return po::value<int64_t>(); };
  options.add_options()("requests", text(), "")("request-limit", number(), "")("save-choices", text(), "")(
      "ruler", text(), "")("samples", number(), "")("ruler-prompt", text()->default_value("auto"), "")(
      "questions", text(), "")("questions-2", text(), "")("longppl-short", text(), "")(
      "longppl-stride", text(), "")("longppl-evaluator", text(), "");
}

namespace {

// All but qa_1 and qa_2, which need files.
std::vector<RulerTask> tasks_without_files() {
  std::vector<RulerTask> tasks;
  for (const auto& choice : ChoiceTable<RulerTask>::choices) {
    if (traits_of(choice.value).questions == 0) tasks.push_back(choice.value);
  }
  return tasks;
}

void read_ruler_options(const po::variables_map& values, BenchmarkRecipe& benchmarks) {
  const auto text = [&](const char* name) {
    return values.count(name) > 0 ? values[name].as<std::string>() : std::string();
  };
  const std::vector<std::string> tasks =
      values.count("ruler") > 0 ? split_list(text("ruler")) : std::vector<std::string>();
  for (const std::string& task : tasks) {
    if (task == "all") {
      benchmarks.ruler = tasks_without_files();
    } else {
      benchmarks.ruler.push_back(read_choice<RulerTask>("ruler", task));
    }
  }
  benchmarks.ruler_prompt = read_choice<RulerPrompt>("ruler-prompt", text("ruler-prompt"));
  benchmarks.ruler_questions = text("questions");
  benchmarks.ruler_questions_2 = text("questions-2");
  if (values.count("samples") > 0) {
    benchmarks.ruler_samples = values["samples"].as<int64_t>();
    if (benchmarks.ruler_samples < 1) {
      fail(ErrorKind::kUsage, "--samples: found {}, wanted 1 or more", benchmarks.ruler_samples);
    }
  }
}

void check_ruler_options(const EvaluationRequest& request) {
  const BenchmarkRecipe& benchmarks = request.benchmarks;
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

BenchmarkRecipe read_benchmark_options(const po::variables_map& values) {
  BenchmarkRecipe benchmarks;
  if (values.count("requests") > 0) benchmarks.requests = split_list(values["requests"].as<std::string>());
  if (values.count("request-limit") > 0) {
    benchmarks.request_limit = values["request-limit"].as<int64_t>();
    if (benchmarks.request_limit < 1) {
      fail(ErrorKind::kUsage, "--request-limit: found {}, wanted 1 or more", benchmarks.request_limit);
    }
  }
  read_ruler_options(values, benchmarks);
  if (values.count("longppl-evaluator") > 0) {
    benchmarks.longppl_evaluator = values["longppl-evaluator"].as<std::string>();
  }
  if (values.count("longppl-short") > 0) {
    benchmarks.longppl_short = parse_length(values["longppl-short"].as<std::string>());
  }
  if (values.count("longppl-stride") > 0) {
    benchmarks.longppl_stride = parse_length(values["longppl-stride"].as<std::string>());
  }
  return benchmarks;
}

void check_benchmark_options(const EvaluationRequest& request) {
  const bool only_requests =
      request.text.empty() && request.tokens.empty() && request.benchmarks.ruler.empty();
  if (only_requests && !request.lengths.empty()) {
    fail(ErrorKind::kUsage,
         "--lengths is for --text and --tokens: --requests are scored at the original window; "
         "--factors NAME picks another set there");
  }
  if (request.benchmarks.requests.empty() && !request.save_choices.empty()) {
    fail(ErrorKind::kUsage, "--save-choices wants --requests");
  }
  check_ruler_options(request);
  const int64_t shortest = request.benchmarks.longppl_short;
  if (request.longppl &&
      std::ranges::none_of(request.lengths, [&](int64_t length) { return length > shortest; })) {
    fail(ErrorKind::kUsage, "--tasks longppl wants one of --lengths beyond the short context of {} tokens",
         shortest);
  }
}

}  // namespace ropeway
