// What a processor reaches, for plans: TF/s of matrix products and of causal attention by local length,
// memory, and links. BF16, head_dim 128. Where the figures come from stands beside each row of the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ropeway {

struct AttentionRate {
  int64_t length;            // local tokens
  double forward, backward;  // TF/s, causal count
};

struct DeviceRates {
  static constexpr const char* kCpu = "cpu";  // the name of the one device that is no GPU

  std::string name;
  int64_t memory_bytes = 0;              // 0: unknown
  double product = 0;                    // TF/s of matrix products, as reached; 0: unknown, no times
  double peak = 0;                       // TF/s of dense BF16 products in the maker's data sheet; 0: unknown
  std::vector<AttentionRate> attention;  // ascending length
  double link = 0, network = 0;          // GB/s each way to a neighbour within the host, and beyond it
  int devices_a_host = 8;
  std::string source;

  bool is_gpu() const { return name != kCpu; }
  // Interpolated in the logarithm of the length; heads of 64 and less run slower.
  AttentionRate attention_at(int64_t local_length, int64_t head_dim) const;
};

// "h200", "h100", "a100", "cpu" (memory and rates unknown). Throws kUsage, with the nearest name.
DeviceRates find_device(const std::string& name);
// The one that CUDA calls so ("NVIDIA H200"). None for others, boards for PCIe slots among them: they have
// fewer units or less power than the modules of the table.
std::optional<DeviceRates> device_called_by_cuda(const std::string& name);

}  // namespace ropeway
