#include "trainer/tasks/ruler_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "kernels/base/error.h"
#include "trainer/tasks/ruler_draws.h"
#include "trainer/tasks/ruler_lists.h"
#include "trainer/tasks/ruler_niah.h"

namespace ropeway {
namespace {

// Documents that answer the question among others that do not.
RulerSample make_question_sample(RulerTask task, const RulerQuestions& all, int64_t units,
                                 const RulerDraw& draw) {
  const RulerQuestion& question = all.questions[draw.index % all.questions.size()];
  std::vector<size_t> others;
  for (size_t i = 0; i < all.documents.size(); ++i) {
    if (std::ranges::count(question.documents, i) == 0) others.push_back(i);
  }
  const int64_t wanted = std::max<int64_t>(0, units - std::ssize(question.documents));
  RulerDice dice(task, draw, 0), order(task, draw, 1);
  std::vector<size_t> shown = question.documents;
  for (const int64_t i : dice.sample(std::ssize(others), std::min<int64_t>(wanted, std::ssize(others)))) {
    shown.push_back(others[static_cast<size_t>(i)]);
  }
  order.shuffle(shown);
  std::string context;
  for (size_t i = 0; i < shown.size(); ++i) {
    context += fmt::format("{}Document {}:\n{}", i == 0 ? "" : "\n\n", i + 1, all.documents[shown[i]]);
  }
  constexpr const char* kTask =
      "Answer the question based on the given documents. Only give me the answer and do not output any other "
      "words.";
  return {.example = "",
          .input = fmt::format("{}\n\nThe following are given documents.\n\n{}\n\n{}\n\nQuestion: {}", kTask,
                               context, kTask, question.text),
          .prefix = " Answer:",
          .answers = question.answers,
          .target = " " + question.answers.front()};
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

RulerSample make_tracking_example(int64_t units, const RulerDraw& draw) {
  return make_tracking_sample(units, draw, 3);
}

RulerSample make_ruler_sample(RulerTask task, const RulerSources& sources, int64_t units,
                              const RulerDraw& draw) {
  const RulerTraits& traits = traits_of(task);
  ROPEWAY_CHECK(units >= traits.smallest_units, "{}: {} units", word_of(task), units);
  switch (task) {
    case RulerTask::kVariableTracking:
      return make_tracking_sample(units, draw, 5);
    case RulerTask::kCommonWords:
      return make_common_words_sample(units, draw);
    case RulerTask::kFrequentWords:
      return make_frequent_words_sample(units, draw);
    case RulerTask::kQuestions1:
    case RulerTask::kQuestions2:
      return make_question_sample(task, sources.questions[traits.questions - 1], units, draw);
    default:
      return make_needle_sample(task, sources, units, draw);
  }
}

const RulerTraits& traits_of(RulerTask task) {
  using enum RulerTask;
  constexpr RulerTraits kOne = {.new_tokens = 128, .smallest_units = 4};
  constexpr RulerTraits kOneInProse = {.new_tokens = 128, .smallest_units = 16, .needs_prose = true};
  constexpr RulerTraits kSeveral = {.new_tokens = 128, .smallest_units = 16, .needs_prose = true};
  static const std::map<RulerTask, RulerTraits> traits = {
      {kNiahSingle1, kOne},
      {kNiahSingle2, kOneInProse},
      {kNiahSingle3, kOneInProse},
      {kNiahMultikey1, kOneInProse},
      {kNiahMultikey2, kOne},
      {kNiahMultikey3, kOne},
      {kNiahMultivalue, kSeveral},
      {kNiahMultiquery, kSeveral},
      {kVariableTracking, {.new_tokens = 30, .smallest_units = 5}},
      {kCommonWords, {.new_tokens = 120, .smallest_units = 20}},
      {kFrequentWords, {.new_tokens = 50, .smallest_units = 30}},
      {kQuestions1, {.new_tokens = 32, .smallest_units = 1, .any_answer = true, .questions = 1}},
      {kQuestions2, {.new_tokens = 32, .smallest_units = 1, .any_answer = true, .questions = 2}}};
  return traits.at(task);
}

double ruler_score(RulerTask task, const std::string& prediction, const std::vector<std::string>& answers) {
  const std::string text = lower(prediction);
  const auto found = static_cast<double>(std::ranges::count_if(
      answers, [&](const std::string& answer) { return text.find(lower(answer)) != std::string::npos; }));
  if (traits_of(task).any_answer) return found > 0 ? 1 : 0;
  return found / static_cast<double>(answers.size());
}

}  // namespace ropeway
