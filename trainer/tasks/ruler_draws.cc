#include "trainer/tasks/ruler_draws.h"

#include <fmt/format.h>

#include <unordered_set>

#include "kernels/base/error.h"
#include "trainer/tasks/word_lists.h"

namespace ropeway {

// The stream of evaluation samples is the passkeys' too, which have a == 0.
RulerDice::RulerDice(RulerTask task, const RulerDraw& draw, uint64_t part)
    : random_(draw.seed, Stream::kEvaluation, 1 + (static_cast<uint64_t>(task) << 8) + part,
              static_cast<uint32_t>(draw.index)) {}

std::vector<int64_t> RulerDice::sample(int64_t bound, int64_t count) {
  ROPEWAY_CHECK(count <= bound, "{} of {}", count, bound);
  std::vector<int64_t> drawn;
  std::unordered_set<int64_t> taken;
  // Floyd's algorithm gives a set in as many draws as it has members; its order is shuffled.
  for (int64_t last = bound - count; last < bound; ++last) {
    const auto candidate = static_cast<int64_t>(random_.below(static_cast<uint64_t>(last) + 1));
    drawn.push_back(taken.insert(candidate).second ? candidate : last);
    taken.insert(drawn.back());
  }
  shuffle(drawn);
  return drawn;
}

std::string RulerDice::letters(int64_t count, char first) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text.push_back(static_cast<char>(first + static_cast<char>(below(26))));
  return text;
}

std::string RulerDice::number() { return fmt::format("{}", 1'000'000 + below(9'000'000)); }

std::string RulerDice::uuid() {
  const uint64_t high = (random_.next_u64() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (random_.next_u64() & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF,
                     low >> 48, low & 0xFFFFFFFFFFFFULL);
}

std::string RulerDice::key_words() {
  const std::string& adjective = adjectives()[below(adjectives().size())];
  return fmt::format("{}-{}", adjective, nouns()[below(nouns().size())]);
}

}  // namespace ropeway
