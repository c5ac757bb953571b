#include "trainer/data/windows.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/data/passkey.h"

namespace ropeway {
namespace {

// make_passkey_sample draws its digits from block 0 of the same stream.
constexpr uint32_t kPlacementBlock = 1;

}  // namespace

WindowSampler::WindowSampler(const Documents& documents, const Tokenizer& tokenizer,
                             const WindowOptions& options)
    : texts_(documents, options.length, "training windows"), tokenizer_(tokenizer), options_(options) {
  ROPEWAY_CHECK(options_.length >= 2, "window of {} tokens", options_.length);
  ROPEWAY_CHECK(options_.passkey_fraction >= 0 && options_.passkey_fraction <= 1, "passkey_fraction {}",
                options_.passkey_fraction);
  if (options_.passkey_fraction > 0) {
    // A length without room for needle and question is refused now, not at the first window that wants one.
    const std::vector<int32_t> blank(static_cast<size_t>(options_.length), 0);
    make_passkey_sample(tokenizer_, blank, {.length = options_.length});
  }
}

Window WindowSampler::window(uint64_t index) const {
  const std::span<const int32_t> text = texts_.draw(options_.seed, Stream::kWindow, index);
  Window window;
  window.weights.assign(static_cast<size_t>(options_.length), 1.0f);
  window.weights.back() = 0;
  Philox placement(options_.seed, Stream::kPasskey, index, kPlacementBlock);
  if (placement.uniform() >= options_.passkey_fraction) {
    window.tokens.assign(text.begin(), text.end());
    return window;
  }
  const double depth = placement.uniform();
  PasskeySample sample = make_passkey_sample(
      tokenizer_, text, {.length = options_.length, .depth = depth, .seed = options_.seed, .index = index});
  for (const int64_t begin : {sample.repeat_begin, sample.answer_begin}) {
    std::fill_n(window.weights.begin() + begin - 1, sample.answer_count,
                static_cast<float>(options_.passkey_answer_weight));
  }
  window.tokens = std::move(sample.tokens);
  return window;
}

}  // namespace ropeway
