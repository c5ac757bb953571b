#include "trainer/tasks/ruler_niah.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/base/error.h"
#include "trainer/tasks/ruler_draws.h"

namespace ropeway {
namespace {

enum Part : uint64_t { kKeys, kPlaces, kHay, kQuery };

const char* plural_of(NeedleText text) {
  switch (text) {
    case NeedleText::kWords:
      return "words";
    case NeedleText::kNumbers:
      return "numbers";
    case NeedleText::kUuids:
      return "uuids";
  }
  return "";
}

std::string draw_text(NeedleText text, RulerDice& dice) {
  switch (text) {
    case NeedleText::kWords:
      return dice.key_words();
    case NeedleText::kNumbers:
      return dice.number();
    case NeedleText::kUuids:
      return dice.uuid();
  }
  return "";
}

std::string needle(const NeedleTask& task, const std::string& key, const std::string& value) {
  return needle_sentence(plural_of(task.value), key, value);
}

bool ends_sentence(const std::string& word) {
  const size_t last = word.find_last_not_of("\"')]");
  return last != std::string::npos && (word[last] == '.' || word[last] == '?' || word[last] == '!');
}

// `units` words of prose, from the first again when they are used up, as sentences.
std::vector<std::string> sentences_of(const std::vector<std::string>& prose, int64_t units) {
  std::vector<std::string> sentences;
  bool begins = true;
  for (int64_t i = 0; i < units; ++i) {
    const std::string& word = prose[static_cast<size_t>(i) % prose.size()];
    if (begins) {
      sentences.push_back(word);
    } else {
      sentences.back() += ' ';
      sentences.back() += word;
    }
    begins = ends_sentence(word);
  }
  return sentences;
}

// Needles at drawn depths between sentences, in one line.
std::string in_prose(const std::vector<std::string>& prose, int64_t units,
                     const std::vector<std::string>& needles, RulerDice& dice) {
  const std::vector<std::string> sentences = sentences_of(prose, units);
  std::vector<size_t> places;
  for (const int64_t depth : dice.sample(std::ssize(needle_depths()), std::ssize(needles))) {
    const double share = static_cast<double>(needle_depths()[static_cast<size_t>(depth)]) / 100;
    places.push_back(static_cast<size_t>(static_cast<double>(sentences.size()) * share));
  }
  std::sort(places.begin(), places.end());
  std::string text;
  const auto add = [&text](const std::string& sentence) {
    if (!text.empty()) text += ' ';
    text += sentence;
  };
  size_t next = 0;
  for (size_t i = 0; i <= sentences.size(); ++i) {
    while (next < places.size() && places[next] == i) add(needles[next++]);
    if (i < sentences.size()) add(sentences[i]);
  }
  return text;
}

// A line each. Needles stand in front of lines that are drawn, none of them behind the last.
std::string in_lines(std::vector<std::string> lines, const std::vector<std::string>& needles,
                     RulerDice& dice) {
  std::vector<int64_t> places = dice.sample(std::ssize(lines), std::ssize(needles));
  std::sort(places.begin(), places.end(), std::greater<>());
  for (size_t i = 0; i < needles.size(); ++i) lines.insert(lines.begin() + places[i], needles[i]);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string haystack(const NeedleTask& task, const RulerSources& sources, int64_t units,
                     const std::vector<std::string>& needles, RulerDice& places, RulerDice& hay) {
  if (task.hay == NeedleHay::kProse) return in_prose(sources.prose, units, needles, places);
  std::vector<std::string> lines(static_cast<size_t>(units), kNoise);
  if (task.hay == NeedleHay::kNeedles) {
    for (std::string& line : lines) {
      const std::string key = draw_text(task.key, hay);
      line = needle(task, key, draw_text(task.value, hay));
    }
  }
  return in_lines(std::move(lines), needles, places);
}

// "a", "a, and b", "a, b, and c".
std::string enumerate(const std::vector<std::string>& keys) {
  if (keys.size() == 1) return keys.front();
  return fmt::format("{}, and {}", fmt::join(keys.begin(), keys.end() - 1, ", "), keys.back());
}

// The task's sentences: RULER's words, in the singular where one answer is wanted.
void put_question(const NeedleTask& task, const std::string& context, const std::string& keys,
                  RulerSample& sample) {
  const bool one = task.queries * task.values == 1;
  std::string kind = plural_of(task.value);
  if (one) kind.pop_back();
  sample.input =
      fmt::format("{}\n{}\n{}", needle_announcement(one, kind), context, needle_question(one, kind, keys));
  sample.prefix = needle_answer_begin(one, kind, keys);
}

}  // namespace

std::string needle_sentence(std::string_view kinds, std::string_view key, std::string_view value) {
  return fmt::format("One of the special magic {} for {} is: {}.", kinds, key, value);
}

std::string needle_announcement(bool one, std::string_view kind) {
  return fmt::format(
      "{} special magic {} {} hidden within the following text. Make sure to memorize it. I will quiz you "
      "about "
      "the {} afterwards.",
      one ? "A" : "Some", kind, one ? "is" : "are", kind);
}

std::string needle_question(bool one, std::string_view kind, std::string_view keys) {
  return fmt::format("What {} the special magic {} for {} mentioned in the provided text?",
                     one ? "is" : "are all", kind, keys);
}

std::string needle_answer_begin(bool one, std::string_view kind, std::string_view keys) {
  return fmt::format(" The special magic {} for {} mentioned in the provided text {}", kind, keys,
                     one ? "is" : "are");
}

const NeedleTask& needle_task(RulerTask task) {
  using enum NeedleHay;
  using enum NeedleText;
  static const std::map<RulerTask, NeedleTask> tasks = {
      {RulerTask::kNiahSingle1, {kNoise, kWords, kNumbers}},
      {RulerTask::kNiahSingle2, {kProse, kWords, kNumbers}},
      {RulerTask::kNiahSingle3, {kProse, kWords, kUuids}},
      {RulerTask::kNiahMultikey1, {kProse, kWords, kNumbers, 4, 1, 1}},
      {RulerTask::kNiahMultikey2, {kNeedles, kWords, kNumbers}},
      {RulerTask::kNiahMultikey3, {kNeedles, kUuids, kUuids}},
      {RulerTask::kNiahMultivalue, {kProse, kWords, kNumbers, 1, 4, 1}},
      {RulerTask::kNiahMultiquery, {kProse, kWords, kNumbers, 4, 1, 4}}};
  const auto found = tasks.find(task);
  ROPEWAY_CHECK(found != tasks.end(), "{} has no needles", word_of(task));
  return found->second;
}

const std::vector<int64_t>& needle_depths() {
  static const std::vector<int64_t> depths = [] {
    std::vector<int64_t> made;
    for (int i = 0; i < 40; ++i) made.push_back(std::lrint(100.0 * i / 39));
    return made;
  }();
  return depths;
}

RulerSample make_needle_sample(RulerTask task, const RulerSources& sources, int64_t units,
                               const RulerDraw& draw) {
  const NeedleTask& kind = needle_task(task);
  RulerDice keys_dice(task, draw, kKeys), places(task, draw, kPlaces), hay(task, draw, kHay);
  std::vector<std::string> keys, needles;
  std::vector<std::vector<std::string>> values;
  for (int64_t k = 0; k < kind.keys; ++k) {
    // Two needles of one key would both be right.
    std::string key;
    do key = draw_text(kind.key, keys_dice);
    while (std::ranges::count(keys, key) > 0);
    keys.push_back(key);
    values.emplace_back();
    for (int64_t v = 0; v < kind.values; ++v) {
      values.back().push_back(draw_text(kind.value, keys_dice));
      needles.push_back(needle(kind, key, values.back().back()));
    }
  }
  keys_dice.shuffle(needles);

  RulerSample sample;
  std::vector<std::string> asked;
  for (const int64_t k : RulerDice(task, draw, kQuery).sample(kind.keys, kind.queries)) {
    asked.push_back(keys[static_cast<size_t>(k)]);
    for (const std::string& value : values[static_cast<size_t>(k)]) sample.answers.push_back(value);
  }
  put_question(kind, haystack(kind, sources, units, needles, places, hay), enumerate(asked), sample);
  sample.target = fmt::format(" {}", fmt::join(sample.answers, ", "));
  return sample;
}

}  // namespace ropeway
