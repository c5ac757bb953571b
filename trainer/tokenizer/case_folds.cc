#include "trainer/tokenizer/case_folds.h"

#include <utf8proc.h>

#include <array>
#include <set>

namespace ropeway {
namespace {

constexpr uint32_t kLastCased = 0x1FFFF;
constexpr size_t kLongestFold = 3;

std::u32string fold(uint32_t code) {
  std::array<utf8proc_int32_t, 8> folds{};
  int last_boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), folds.data(), folds.size(),
                                             UTF8PROC_CASEFOLD, &last_boundary);
  if (count < 1) return std::u32string(1, code);
  return {folds.begin(), folds.begin() + std::min<size_t>(static_cast<size_t>(count), folds.size())};
}

const std::set<std::u32string, std::less<>>& long_folds() {
  static const std::set<std::u32string, std::less<>> all = [] {
    std::set<std::u32string, std::less<>> found;
    for (uint32_t code = 0x80; code <= kLastCased; ++code) {
      if (std::u32string several = fold(code); several.size() > 1) found.insert(std::move(several));
    }
    return found;
  }();
  return all;
}

}  // namespace

bool folds_to_several(uint32_t code) { return code >= 0x80 && code <= kLastCased && fold(code).size() > 1; }

uint32_t folded(uint32_t code) { return fold(code).front(); }

size_t fold_at_end(std::u32string_view text) {
  for (size_t count = 2; count <= kLongestFold && count <= text.size(); ++count) {
    if (long_folds().contains(text.substr(text.size() - count))) return count;
  }
  return 0;
}

}  // namespace ropeway
