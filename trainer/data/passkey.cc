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

void append(std::vector<int32_t>& to, std::span<const int32_t> ids) {
  to.insert(to.end(), ids.begin(), ids.end());
}

}  // namespace

PasskeySample make_passkey_sample(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                  const PasskeyOptions& options) {
  ROPEWAY_CHECK(options.depth >= 0 && options.depth <= 1, "depth {}", options.depth);
  const std::string key = draw_digits(options.seed, options.index);
  // The key's mentions and the answer are encoded apart, so that they have tokens of their own whatever the
  // tokenizer would merge.
  const std::vector<int32_t> needle_start = tokenizer.encode(" The pass key is ");
  const std::vector<int32_t> needle_middle = tokenizer.encode(". Remember it. ");
  const std::vector<int32_t> needle_end = tokenizer.encode(" is the pass key. ");
  const std::vector<int32_t> question = tokenizer.encode(" What is the pass key? The pass key is ");
  const std::vector<int32_t> answer = tokenizer.encode(key);
  const std::vector<int32_t> full_stop = tokenizer.encode(".");

  const int64_t fixed = static_cast<int64_t>(needle_start.size() + needle_middle.size() + needle_end.size() +
                                             3 * answer.size() + question.size() + full_stop.size());
  if (options.length < fixed) {
    fail(ErrorKind::kConfig, "passkey length {} is too short: needle and question take {} tokens",
         options.length, fixed);
  }
  ROPEWAY_CHECK(static_cast<int64_t>(haystack.size()) >= options.length, "haystack of {} tokens for {}",
                haystack.size(), options.length);
  const int64_t prose = options.length - fixed;
  const int64_t before = std::llround(options.depth * static_cast<double>(prose));

  PasskeySample sample;
  sample.tokens.reserve(static_cast<size_t>(options.length));
  append(sample.tokens, haystack.first(static_cast<size_t>(before)));
  append(sample.tokens, needle_start);
  append(sample.tokens, answer);
  append(sample.tokens, needle_middle);
  sample.repeat_begin = static_cast<int64_t>(sample.tokens.size());
  append(sample.tokens, answer);
  append(sample.tokens, needle_end);
  append(sample.tokens, haystack.subspan(static_cast<size_t>(before), static_cast<size_t>(prose - before)));
  append(sample.tokens, question);
  sample.answer_begin = static_cast<int64_t>(sample.tokens.size());
  sample.answer_count = static_cast<int64_t>(answer.size());
  append(sample.tokens, answer);
  append(sample.tokens, full_stop);
  return sample;
}

}  // namespace ropeway
