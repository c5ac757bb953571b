#include "trainer/tasks/ruler_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "kernels/base/error.h"
#include "trainer/tasks/ruler_draws.h"
#include "trainer/tasks/ruler_niah.h"
#include "trainer/tasks/word_lists.h"

namespace ropeway {
namespace {

constexpr int64_t kHops = 4, kCommon = 10, kCodedLetters = 6, kWordsPerCode = 50, kLongInputs = 4096;

enum Part : uint64_t { kNames, kPlaces, kWords, kOrder };

// Different names of `letters` letters each.
std::vector<std::string> names(int64_t count, int64_t letters, char first, RulerDice& dice) {
  std::vector<std::string> made;
  std::set<std::string> taken;
  while (std::ssize(made) < count) {
    std::string name = dice.letters(letters, first);
    if (taken.insert(name).second) made.push_back(std::move(name));
  }
  return made;
}

// Lines of noise with the assignments between them, in order.
std::string tracking_text(int64_t units, const std::vector<std::string>& assignments, RulerDice& places) {
  std::vector<int64_t> at = places.sample(units, std::ssize(assignments));
  std::sort(at.begin(), at.end());
  std::string text;
  size_t next = 0;
  for (int64_t i = 0; i < units; ++i) {
    if (next < at.size() && at[next] == i) text += fmt::format("{} ", assignments[next++]);
    text += fmt::format("{}\n{}", kNoise, i + 1 < units ? " " : "");
  }
  return text;
}

// All words there are: those of the lists, then pairs of them.
std::string word_number(int64_t number) {
  const std::vector<std::string>* const lists[] = {&nouns(), &adjectives(), &verbs()};
  for (const auto* list : lists) {
    if (number < std::ssize(*list)) return (*list)[static_cast<size_t>(number)];
    number -= std::ssize(*list);
  }
  const auto kinds = std::ssize(nouns());
  return fmt::format("{}-{}", adjectives().at(static_cast<size_t>(number / kinds)),
                     nouns()[static_cast<size_t>(number % kinds)]);
}

// "1. word 2. word ...": `units` different words, the first ten of them common; and those ten.
struct WordList {
  std::string text;
  std::vector<std::string> common;
};
WordList word_list(int64_t units, int64_t common, int64_t others, RulerDice words, RulerDice order) {
  const int64_t known = std::ssize(nouns()) + std::ssize(adjectives()) + std::ssize(verbs());
  WordList list;
  std::vector<std::string> all;
  const auto add = [&](const std::string& word, int64_t times) {
    all.insert(all.end(), static_cast<size_t>(times), word);
  };
  // The common ones first, so that they do not depend on how many others there are.
  const std::vector<int64_t> chosen = words.sample(known, kCommon);
  for (const int64_t number : chosen) {
    list.common.push_back(word_number(number));
    add(list.common.back(), common);
  }
  // As long as the lists reach, words are drawn among them; a longer list has them all, and pairs.
  int64_t wanted = units - kCommon;
  for (const int64_t number : words.sample(std::max(known, units), units)) {
    if (wanted == 0) break;
    if (std::ranges::count(chosen, number) > 0) continue;
    add(word_number(number), others);
    --wanted;
  }
  order.shuffle(all);
  for (size_t i = 0; i < all.size(); ++i)
    list.text += fmt::format("{}{}. {}", i == 0 ? "" : " ", i + 1, all[i]);
  return list;
}

std::string numbered(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += fmt::format(" {}. {}", i + 1, words[i]);
  return text;
}

constexpr const char* kListTask =
    "Below is a numbered list of words. In these words, some appear more often than others. Memorize the "
    "ones that "
    "appear most often.\n{}\nQuestion: What are the 10 most common words in the above list?";
constexpr const char* kListAnswer = " Answer: The top 10 words that appear most often in the list are:";

}  // namespace

RulerSample make_tracking_sample(int64_t units, const RulerDraw& draw, int64_t letters) {
  constexpr RulerTask kTask = RulerTask::kVariableTracking;
  // The example's draws are its own.
  const uint64_t part = letters == 3 ? 1 : 0;
  RulerDice dice(kTask, draw, kNames + 16 * part), places(kTask, draw, kPlaces + 16 * part);
  const std::string value = fmt::format("{}", 10000 + dice.below(89999));
  RulerSample sample;
  sample.answers = names(kHops + 1, letters, 'A', dice);
  std::vector<std::string> assignments = {fmt::format("VAR {} = {}", sample.answers[0], value)};
  for (size_t i = 1; i < sample.answers.size(); ++i) {
    assignments.push_back(fmt::format("VAR {} = VAR {} ", sample.answers[i], sample.answers[i - 1]));
  }
  sample.input = fmt::format(
      "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{}\nQuestion: "
      "Find all "
      "variables that are assigned the value {} in the text above.",
      tracking_text(units, assignments, places), value);
  sample.prefix = fmt::format(
      " Answer: According to the chain(s) of variable assignment in the text above, {} variables are "
      "assigned the "
      "value {}, they are: ",
      kHops + 1, value);
  sample.target = fmt::format(" {}", fmt::join(sample.answers, " "));
  return sample;
}

RulerSample make_common_words_sample(int64_t units, const RulerDraw& draw) {
  constexpr RulerTask kTask = RulerTask::kCommonWords;
  const bool is_long = draw.length >= kLongInputs;
  const auto dice = [&](uint64_t part) { return RulerDice(kTask, draw, part); };
  const WordList list = word_list(units, is_long ? 30 : 6, is_long ? 3 : 1, dice(kWords), dice(kOrder));
  const WordList shown =
      word_list(is_long ? 40 : 20, is_long ? 10 : 3, is_long ? 3 : 1, dice(16 + kWords), dice(16 + kOrder));
  RulerSample sample;
  sample.example =
      fmt::format(fmt::runtime(kListTask), shown.text) + kListAnswer + numbered(shown.common) + "\n";
  sample.input = fmt::format(fmt::runtime(kListTask), list.text);
  sample.prefix = kListAnswer;
  sample.answers = list.common;
  sample.target = numbered(list.common);
  return sample;
}

RulerSample make_frequent_words_sample(int64_t units, const RulerDraw& draw) {
  constexpr RulerTask kTask = RulerTask::kFrequentWords;
  constexpr double kZeta2 = 1.6449340668482264;  // pi^2 / 6
  RulerDice coded(kTask, draw, kNames), order(kTask, draw, kOrder);
  std::vector<std::string> vocabulary =
      names(std::max<int64_t>(4, draw.length / kWordsPerCode), kCodedLetters, 'a', coded);
  vocabulary[0] = "...";
  std::vector<std::string> words;
  for (size_t k = 1; k <= vocabulary.size(); ++k) {
    const double rank = static_cast<double>(k);
    const double times = static_cast<double>(units) / (rank * rank) / kZeta2;
    if (times < 1) break;
    words.insert(words.end(), static_cast<size_t>(times), vocabulary[k - 1]);
  }
  order.shuffle(words);
  RulerSample sample;
  sample.input = fmt::format(
      "Read the following coded text and track the frequency of each coded word. Find the three most "
      "frequently "
      "appeared coded words. {}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. "
      "What are "
      "the three most frequently appeared words in the above coded text?",
      fmt::join(words, " "));
  sample.prefix = " Answer: According to the coded text above, the three most frequently appeared words are:";
  sample.answers.assign(vocabulary.begin() + 1, vocabulary.begin() + 4);
  sample.target = fmt::format(" {}", fmt::join(sample.answers, " "));
  return sample;
}

}  // namespace ropeway
