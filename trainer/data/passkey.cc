#include "trainer/data/passkey.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/located_text.h"

namespace ropeway {
namespace {

constexpr int kDigits = 5;

std::string draw_digits(uint64_t seed, uint64_t index) {
  Philox random(seed, Stream::kPasskey, index);
  std::string digits;
  for (int i = 0; i < kDigits; ++i) digits.push_back(static_cast<char>('0' + random.below(10)));
  return digits;
}

// The words around a key, in the haystack and at the end.
struct Sentences {
  LocatedText needle, question;
  TokenRange repeat, answer;  // of the needle and of the question

  int64_t tokens() const { return std::ssize(needle.tokens) + std::ssize(question.tokens); }
};
Sentences sentences_of(const Tokenizer& tokenizer, const std::string& key, const char* before,
                       const char* after) {
  Sentences made;
  made.needle = encode_further_text(
      tokenizer,
      fmt::format("{}The pass key is {}. Remember it. {} is the pass key.{}", before, key, key, after));
  made.question =
      encode_further_text(tokenizer, fmt::format("{}What is the pass key? The pass key is {}.", before, key));
  made.repeat = made.needle.find(key, 1);
  made.answer = made.question.find(key);
  return made;
}
Sentences in_prose(const Tokenizer& tokenizer, const std::string& key) {
  return sentences_of(tokenizer, key, " ", " ");
}

void append(std::vector<int32_t>& to, std::span<const int32_t> ids) {
  to.insert(to.end(), ids.begin(), ids.end());
}

// front, then `filler` tokens of the haystack around the needle, and the question.
PasskeySample assemble(
    std::span<const int32_t> front, const Sentences& sentences, int64_t filler, double depth,
    const std::function<void(std::vector<int32_t>&, int64_t begin, int64_t end)>& add_filler) {
  const int64_t before = std::llround(depth * static_cast<double>(filler));
  PasskeySample sample;
  append(sample.tokens, front);
  add_filler(sample.tokens, 0, before);
  sample.repeat_begin = std::ssize(sample.tokens) + sentences.repeat.begin;
  sample.repeat_count = sentences.repeat.count;
  append(sample.tokens, sentences.needle.tokens);
  add_filler(sample.tokens, before, filler);
  sample.answer_begin = std::ssize(sample.tokens) + sentences.answer.begin;
  sample.answer_count = sentences.answer.count;
  append(sample.tokens, sentences.question.tokens);
  return sample;
}

// Tokens that are left for the haystack.
int64_t room_for_filler(int64_t length, int64_t fixed) {
  if (length < fixed) {
    fail(ErrorKind::kConfig, "passkey length {} is too short: needle and question take {} tokens", length,
         fixed);
  }
  return length - fixed;
}

}  // namespace

bool passkey_fits(const Tokenizer& tokenizer, int64_t length, int64_t start_tokens) {
  return length >= in_prose(tokenizer, draw_digits(0, 0)).tokens() + start_tokens;
}

PasskeySample make_passkey_sample(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                  const PasskeyOptions& options) {
  ROPEWAY_CHECK(options.depth >= 0 && options.depth <= 1, "depth {}", options.depth);
  const std::vector<int32_t>& start = options.start;
  if (haystack.size() >= start.size() && std::equal(start.begin(), start.end(), haystack.begin())) {
    haystack = haystack.subspan(start.size());
  }
  const Sentences sentences = in_prose(tokenizer, draw_digits(options.seed, options.index));
  const int64_t filler = room_for_filler(options.length, sentences.tokens() + std::ssize(start));
  ROPEWAY_CHECK(std::ssize(haystack) >= filler, "haystack of {} tokens for {}", haystack.size(),
                options.length);
  return assemble(
      start, sentences, filler, options.depth, [&](std::vector<int32_t>& to, int64_t begin, int64_t end) {
        append(to, haystack.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
      });
}

PublishedPasskeys::PublishedPasskeys(const Tokenizer& tokenizer)
    : tokenizer_(tokenizer),
      task_(tokenizer.encode("There is an important info hidden inside a lot of irrelevant text. Find it and "
                             "memorize them. I will quiz you about the important information there.\n")),
      filler_(encode_further_text(tokenizer,
                                  " The grass is green. The sky is blue. The sun is yellow. Here we "
                                  "go. There and back again.")
                  .tokens) {}

PasskeySample PublishedPasskeys::make(const PasskeyOptions& options) const {
  ROPEWAY_CHECK(options.depth >= 0 && options.depth <= 1, "depth {}", options.depth);
  const Sentences sentences = sentences_of(tokenizer_, draw_digits(options.seed, options.index), "\n", "\n");
  std::vector<int32_t> front = options.start;
  append(front, task_);
  const int64_t filler = room_for_filler(options.length, sentences.tokens() + std::ssize(front));
  return assemble(front, sentences, filler, options.depth,
                  [&](std::vector<int32_t>& to, int64_t begin, int64_t end) {
                    for (int64_t i = begin; i < end; ++i) {
                      to.push_back(filler_[static_cast<size_t>(i % std::ssize(filler_))]);
                    }
                  });
}

}  // namespace ropeway
