#include "kernels/ops/fingerprint.h"

#include <ATen/ops/sum.h>

#include <algorithm>
#include <cstring>

#include "kernels/base/error.h"

namespace ropeway::ops {
namespace {

constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
constexpr size_t kLanes = 8;  // independent chains, which the processor computes side by side

// Invertible in both, so that a change of one word cannot vanish; the shift brings high bits, which a product only
// moves up, back to where the next one spreads them.
uint64_t mixed(uint64_t hash, uint64_t word) {
  const uint64_t product = (hash ^ word) * kFactor;
  return product ^ (product >> 32);
}

// Integer sums of parts: no order of addition changes them.
uint64_t fingerprint_on_device(const at::Tensor& flat) {
  constexpr int64_t kParts = 64;
  const auto type = flat.element_size() == 2 ? at::kShort : flat.element_size() == 4 ? at::kInt : at::kLong;
  const at::Tensor words = flat.view(type);
  uint64_t hash = 0;
  for (int64_t part = 0; part < kParts; ++part) {
    const int64_t begin = words.numel() * part / kParts, end = words.numel() * (part + 1) / kParts;
    if (begin == end) continue;
    const auto sum = at::sum(words.narrow(0, begin, end - begin), at::kLong).item<int64_t>();
    hash = mixed(hash, static_cast<uint64_t>(sum));
  }
  return hash;
}

}  // namespace

uint64_t fingerprint(std::span<const std::byte> bytes) {
  uint64_t lanes[kLanes] = {};
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= sizeof lanes; left -= sizeof lanes, at += sizeof lanes) {
    uint64_t words[kLanes];
    std::memcpy(words, at, sizeof words);
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = mixed(lanes[lane], words[lane]);
  }
  uint64_t hash = bytes.size();
  for (const uint64_t lane : lanes) hash = mixed(hash, lane);
  while (left > 0) {
    uint64_t word = 0;
    const size_t count = std::min(left, sizeof word);
    std::memcpy(&word, at, count);
    hash = mixed(hash, word);
    at += count;
    left -= count;
  }
  return hash;
}

uint64_t fingerprint(const at::Tensor& flat) {
  ROPEWAY_CHECK(flat.is_contiguous(), "the fingerprint of a tensor with gaps");
  if (!flat.is_cpu()) return fingerprint_on_device(flat.flatten());
  const auto bytes = static_cast<size_t>(flat.numel()) * flat.element_size();
  return fingerprint(std::span(static_cast<const std::byte*>(flat.const_data_ptr()), bytes));
}

}  // namespace ropeway::ops
