#include "trainer/evaluate/keyed_needles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/located_text.h"
#include "trainer/data/marked_documents.h"
#include "trainer/evaluate/retrieval.h"

namespace ropeway {
namespace {

constexpr std::array kWords = {
    "tiger",   "lemon",  "river",  "piano",  "candle",  "garden",   "rocket", "silver",  "window", "basket",
    "marble",  "copper", "falcon", "bridge", "pepper",  "violin",   "anchor", "castle",  "desert", "engine",
    "forest",  "guitar", "hammer", "island", "jacket",  "kettle",   "ladder", "magnet",  "needle", "orange",
    "parrot",  "quartz", "ribbon", "saddle", "temple",  "umbrella", "valley", "walnut",  "yellow", "zebra",
    "button",  "cherry", "dragon", "eagle",  "feather", "goblet",   "harbor", "iron",    "jungle", "kitten",
    "lantern", "mirror", "nutmeg", "oyster", "pillow",  "rabbit",   "shadow", "thunder", "turtle", "velvet",
    "wagon",   "barrel", "cotton", "meadow"};
constexpr int kDigits = 5, kLetters = 5;
// Blocks of the evaluation's stream; block 0 seeds passkeys.
constexpr uint32_t kWordBlock = 1, kConfusableBlock = 2;

template <typename Value>
void shuffle(std::vector<Value>& values, Philox& random) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

char draw_letter(Philox& random) { return static_cast<char>('A' + random.below(26)); }

// Groups of keys that differ in one letter, no two keys alike.
std::vector<std::string> confusable_keys(int64_t count, Philox& random) {
  std::vector<std::string> keys;
  while (std::ssize(keys) < count) {
    std::string key;
    for (int i = 0; i < kLetters; ++i) key.push_back(draw_letter(random));
    const size_t place = random.below(kLetters);
    for (int64_t found = 0; found < kConfusableGroup && std::ssize(keys) < count;) {
      if (std::ranges::find(keys, key) == keys.end()) {
        keys.push_back(key);
        ++found;
      }
      key[place] = draw_letter(random);
    }
  }
  return keys;
}

std::vector<std::string> word_keys(int64_t count, Philox& random) {
  std::vector<std::string> words(kWords.begin(), kWords.end());
  if (count > std::ssize(words)) {
    fail(ErrorKind::kConfig, "{} needles in a pass: there are keys for at most {}", count, words.size());
  }
  shuffle(words, random);
  words.resize(static_cast<size_t>(count));
  return words;
}

std::string draw_number(Philox& random) {
  std::string digits;
  for (int i = 0; i < kDigits; ++i) digits.push_back(static_cast<char>('0' + random.below(10)));
  return digits;
}

std::string sentence(KeyKind kind, const std::string& key, const std::string& number) {
  return kind == KeyKind::kWords ? fmt::format(" The pass key of {} is {}.", key, number)
                                 : fmt::format(" Locker {} holds {}.", key, number);
}

void append(std::vector<int32_t>& to, std::span<const int32_t> ids) {
  to.insert(to.end(), ids.begin(), ids.end());
}

// The sentences of a pass, by depth, and the order in which they are asked for.
struct Drawn {
  std::vector<LocatedText> sentences;
  std::vector<TokenRange> numbers;  // of each sentence
  std::vector<int64_t> order;
  int64_t tokens = 0;  // of all needles and questions
};
Drawn draw(const Tokenizer& tokenizer, const NeedleOptions& options, uint64_t index) {
  const bool words = options.keys == KeyKind::kWords;
  Philox random(options.seed, Stream::kEvaluation, index, words ? kWordBlock : kConfusableBlock);
  std::vector<std::string> keys =
      words ? word_keys(options.needles, random) : confusable_keys(options.needles, random);
  shuffle(keys, random);
  Drawn drawn;
  for (const std::string& key : keys) {
    const std::string number = draw_number(random);
    drawn.sentences.push_back(encode_further_text(tokenizer, sentence(options.keys, key, number)));
    drawn.numbers.push_back(drawn.sentences.back().find(number));
    drawn.tokens += 2 * std::ssize(drawn.sentences.back().tokens);
  }
  drawn.order.resize(keys.size());
  std::iota(drawn.order.begin(), drawn.order.end(), 0);
  shuffle(drawn.order, random);
  return drawn;
}

}  // namespace

NeedlePass make_needle_pass(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                            const NeedleOptions& options, uint64_t index) {
  ROPEWAY_CHECK(options.needles > 0, "{} needles", options.needles);
  const Drawn drawn = draw(tokenizer, options, index);
  const int64_t fixed = drawn.tokens + std::ssize(options.start), filler = options.length - fixed;
  if (filler < 0) {
    fail(ErrorKind::kConfig, "length {} is too short: {} needles and their questions take {} tokens",
         options.length, options.needles, fixed);
  }
  ROPEWAY_CHECK(std::ssize(haystack) >= filler, "haystack of {} tokens for {}", haystack.size(), filler);
  const std::vector<double> depths = spread_depths(options.needles);
  NeedlePass pass;
  pass.tokens = options.start;
  int64_t used = 0;
  const auto fill_until = [&](int64_t until) {
    append(pass.tokens, haystack.subspan(static_cast<size_t>(used), static_cast<size_t>(until - used)));
    used = until;
  };
  for (size_t i = 0; i < depths.size(); ++i) {
    fill_until(std::llround(depths[i] * static_cast<double>(filler)));
    pass.needle_begin.push_back(std::ssize(pass.tokens));
    append(pass.tokens, drawn.sentences[i].tokens);
  }
  fill_until(filler);
  for (const int64_t needle : drawn.order) {
    const auto i = static_cast<size_t>(needle);
    pass.answers.push_back(
        {std::ssize(pass.tokens) + drawn.numbers[i].begin, drawn.numbers[i].count, needle});
    append(pass.tokens, drawn.sentences[i].tokens);
  }
  return pass;
}

RetrievalResult evaluate_needles(const ScoreSequences& score, const MarkedDocuments& documents,
                                 const Tokenizer& tokenizer, const NeedleOptions& options) {
  const std::string purpose = fmt::format("needles at length {}", options.length);
  require_document_of(documents, options.length, purpose);
  const auto stretches = stretches_of(documents, documents.text_tokens(options.length), options.passes);
  const auto make = [&](int64_t index) {
    const auto& haystack = stretches[static_cast<size_t>(index) % stretches.size()];
    return make_needle_pass(tokenizer, haystack, options, static_cast<uint64_t>(index));
  };
  RetrievalTally tally(spread_depths(options.needles), options.passes);
  const SequenceSet sequences = {options.passes, options.length, [&](int64_t index) {
                                   NeedlePass pass = make(index);
                                   const int64_t first = pass.answers.front().begin;
                                   return SequenceToScore{std::move(pass.tokens), first - 1};
                                 }};
  score(sequences, purpose, [&](int64_t index, const SequenceScore& scored) {
    for (const NeedlePass::Answer& answer : make(index).answers) {
      tally.add(static_cast<size_t>(answer.needle), score_of_answer(scored, answer.begin, answer.count));
    }
  });
  return tally.result(options.length, options.passes);
}

}  // namespace ropeway
