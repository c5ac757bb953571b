#include "trainer/plan/device_rates.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "trainer/config/nearest_word.h"

namespace ropeway {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
// cuDNN 9.19 on an H200, 64 query and 8 key heads of 128, causal: the results cudnn-frontend publishes.
const std::vector<AttentionRate> kHopper = {
    {2048, 484, 370}, {4096, 591, 474}, {8192, 644, 541}, {16384, 673, 579}, {32768, 688, 581}};
// An assumption: heads of 64 channels reach 500 of 688.
constexpr double kNarrowHeads = 0.73;

std::vector<AttentionRate> scaled(std::vector<AttentionRate> rates, double forward, double backward) {
  for (AttentionRate& rate : rates) {
    rate.forward *= forward;
    rate.backward *= backward;
  }
  return rates;
}

std::vector<DeviceRates> make_devices() {
  return {
      {.name = "h200",
       .memory_bytes = 139 * kGiB,
       .product = 650,
       .peak = 989,
       .attention = kHopper,
       .link = 400,
       .network = 45,
       .source = "attention: cuDNN 9.19's published results; products 650 TF/s, NVLink 400 GB/s, 400 Gb/s "
                 "InfiniBand: assumed"},
      {.name = "h100",
       .memory_bytes = 79 * kGiB,
       .product = 650,
       .peak = 989,
       .attention = scaled(kHopper, 607.0 / 688, 517.0 / 581),
       .link = 400,
       .network = 45,
       .source =
           "attention: cuDNN through torch at 32K in MagiAttention's benchmark (607/517 TF/s), shorter ones "
           "as on the H200; the rest assumed"},
      {.name = "a100",
       .memory_bytes = 79 * kGiB,
       .product = 250,
       .peak = 312,
       .attention = {{2048, 140, 120}, {8192, 180, 155}, {32768, 190, 165}},
       .link = 240,
       .network = 22,
       .source =
           "FlashAttention 2 at 190/165 TF/s and products at 250: assumed, from memory of published figures"},
      {.name = DeviceRates::kCpu, .attention = {}, .source = "no rates of its own"},
  };
}

}  // namespace

AttentionRate DeviceRates::attention_at(int64_t local_length, int64_t head_dim) const {
  if (attention.empty()) return {local_length, product, product};
  const auto above = std::find_if(attention.begin(), attention.end(),
                                  [&](const AttentionRate& rate) { return rate.length >= local_length; });
  AttentionRate rate = above == attention.end() ? attention.back() : *above;
  if (above == attention.begin()) {
    // Shorter than any figure there is: in proportion.
    const double share = static_cast<double>(local_length) / static_cast<double>(rate.length);
    rate.forward *= share;
    rate.backward *= share;
  } else if (above != attention.end()) {
    const AttentionRate& below = *std::prev(above);
    const double t = std::log2(static_cast<double>(local_length) / static_cast<double>(below.length)) /
                     std::log2(static_cast<double>(above->length) / static_cast<double>(below.length));
    rate.forward = below.forward + t * (above->forward - below.forward);
    rate.backward = below.backward + t * (above->backward - below.backward);
  }
  if (head_dim <= 64) {
    rate.forward *= kNarrowHeads;
    rate.backward *= kNarrowHeads;
  }
  rate.length = local_length;
  return rate;
}

DeviceRates find_device(const std::string& name) {
  std::vector<std::string> names;
  for (DeviceRates& device : make_devices()) {
    if (device.name == name) return device;
    names.push_back(device.name);
  }
  const std::string nearest = nearest_word(name, names);
  fail(ErrorKind::kUsage, "'{}': no such GPU is known; {}", name,
       nearest.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                       : fmt::format("did you mean {}?", nearest));
}

std::optional<DeviceRates> device_called_by_cuda(const std::string& name) {
  if (name.find("PCIe") != std::string::npos || name.find("NVL") != std::string::npos) return std::nullopt;
  for (const auto& [word, device] : {std::pair{" H200", "h200"}, {" H100", "h100"}, {" A100", "a100"}}) {
    if (name.find(word) != std::string::npos) return find_device(device);  // a "GH200" is no H200
  }
  return std::nullopt;
}

}  // namespace ropeway
