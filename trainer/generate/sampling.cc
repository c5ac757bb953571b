#include "trainer/generate/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/random.h"

namespace ropeway {
namespace {

int32_t largest(std::span<const double> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

int32_t choose_token(std::span<const double> logits, const Sampling& sampling, int64_t position) {
  if (std::ranges::any_of(logits, [](double logit) { return std::isnan(logit); })) {
    fail(ErrorKind::kNumerics, "token {}: a logit is not a number", position);
  }
  const int32_t best = largest(logits);
  const double top = logits[static_cast<size_t>(best)];
  if (!std::isfinite(top)) fail(ErrorKind::kNumerics, "token {}: no logit is finite", position);
  if (sampling.temperature == 0) return best;

  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](int32_t id) { return logits[static_cast<size_t>(id)]; });
  std::vector<double> upto(order.size());  // of the probability, not yet divided by its sum
  double sum = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    sum += std::exp((logits[static_cast<size_t>(order[i])] - top) / sampling.temperature);
    upto[i] = sum;
  }
  // The nucleus: up to the first token with which it holds top_p.
  const auto last = std::min(std::ranges::lower_bound(upto, sampling.top_p * sum), upto.end() - 1);
  const double u = Philox(sampling.seed, Stream::kSampling, static_cast<uint64_t>(position)).uniform();
  const auto drawn = std::min(std::upper_bound(upto.begin(), last, u * *last), last);
  return order[static_cast<size_t>(drawn - upto.begin())];
}

}  // namespace ropeway
