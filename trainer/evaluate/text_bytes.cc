#include "trainer/evaluate/text_bytes.h"

#include <algorithm>
#include <vector>

#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

constexpr int64_t kTokensBefore = 8;  // more than a character has bytes

}  // namespace

double text_bytes(const Tokenizer& tokenizer, std::span<const int32_t> text, int64_t begin, int64_t end) {
  const int64_t from = std::max<int64_t>(0, begin - kTokensBefore);
  const auto bytes_until = [&](int64_t until) {
    const auto part = text.subspan(static_cast<size_t>(from), static_cast<size_t>(until - from));
    return static_cast<double>(tokenizer.decode({part.begin(), part.end()}).size());
  };
  return bytes_until(end) - (begin == from ? 0.0 : bytes_until(begin));
}

}  // namespace ropeway
