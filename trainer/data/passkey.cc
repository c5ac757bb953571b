#include "trainer/data/passkey.h"

#include <cmath>
#include <string>

#include "kernels/base/error.h"
#include "kernels/base/random.h"

namespace ropeway {
namespace {

constexpr int kDigits = 5;

std::string draw_digits(uint64_t seed, uint64_t index) {
  Philox random(seed, Stream::kPasskey, index);
  std::string digits;
  for (int i = 0; i < kDigits; ++i) digits.push_back(static_cast<char>('0' + random.below(10)));
  return digits;
}

// The key's mentions and the answer are encoded apart, so that they have tokens of their own whatever the
// tokenizer would merge.
struct Pieces {
  std::vector<int32_t> needle_start, needle_middle, needle_end, question, answer, full_stop;

  int64_t tokens() const {
    return static_cast<int64_t>(needle_start.size() + needle_middle.size() + needle_end.size() +
                                3 * answer.size() + question.size() + full_stop.size());
  }
};
Pieces encode_pieces(const Tokenizer& tokenizer, const std::string& key) {
  return {tokenizer.encode(" The pass key is "),
          tokenizer.encode(". Remember it. "),
          tokenizer.encode(" is the pass key. "),
          tokenizer.encode(" What is the pass key? The pass key is "),
          tokenizer.encode(key),
          tokenizer.encode(".")};
}

void append(std::vector<int32_t>& to, std::span<const int32_t> ids) {
  to.insert(to.end(), ids.begin(), ids.end());
}

}  // namespace

bool passkey_fits(const Tokenizer& tokenizer, int64_t length) {
  return length >= encode_pieces(tokenizer, draw_digits(0, 0)).tokens();
}

PasskeySample make_passkey_sample(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                  const PasskeyOptions& options) {
  ROPEWAY_CHECK(options.depth >= 0 && options.depth <= 1, "depth {}", options.depth);
  const Pieces pieces = encode_pieces(tokenizer, draw_digits(options.seed, options.index));
  const auto start = static_cast<int64_t>(options.start.size());
  const int64_t fixed = pieces.tokens() + start;
  if (options.length < fixed) {
    fail(ErrorKind::kConfig, "passkey length {} is too short: needle and question take {} tokens",
         options.length, fixed);
  }
  ROPEWAY_CHECK(static_cast<int64_t>(haystack.size()) + start >= options.length,
                "haystack of {} tokens for {}", haystack.size(), options.length);
  const int64_t prose = options.length - fixed;
  const int64_t before = std::llround(options.depth * static_cast<double>(prose));

  PasskeySample sample;
  sample.tokens.reserve(static_cast<size_t>(options.length));
  append(sample.tokens, options.start);
  append(sample.tokens, haystack.first(static_cast<size_t>(before)));
  append(sample.tokens, pieces.needle_start);
  append(sample.tokens, pieces.answer);
  append(sample.tokens, pieces.needle_middle);
  sample.repeat_begin = static_cast<int64_t>(sample.tokens.size());
  append(sample.tokens, pieces.answer);
  append(sample.tokens, pieces.needle_end);
  append(sample.tokens, haystack.subspan(static_cast<size_t>(before), static_cast<size_t>(prose - before)));
  append(sample.tokens, pieces.question);
  sample.answer_begin = static_cast<int64_t>(sample.tokens.size());
  sample.answer_count = static_cast<int64_t>(pieces.answer.size());
  append(sample.tokens, pieces.answer);
  append(sample.tokens, pieces.full_stop);
  return sample;
}

}  // namespace ropeway
