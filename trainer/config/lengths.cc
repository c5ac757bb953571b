#include "trainer/config/lengths.h"

#include <charconv>

#include "kernels/base/error.h"

namespace ropeway {

int64_t parse_length(const std::string& text) {
  const auto refuse = [&]() {
    fail(ErrorKind::kUsage, "'{}' is not a length: wanted tokens such as 4096, 4K, 256K or 2M (K is 1024)",
         text);
  };
  std::string digits = text;
  int shift = 0;
  if (!digits.empty()) {
    const char unit = digits.back();
    shift = unit == 'K' ? 10 : unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
    if (shift != 0) digits.pop_back();
  }
  if (digits.empty() || digits[0] < '1' || digits[0] > '9') refuse();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > (INT64_MAX >> shift)) refuse();
  return value << shift;
}

std::string format_length(int64_t length) {
  for (const auto& [shift, unit] : {std::pair{30, 'G'}, {20, 'M'}, {10, 'K'}}) {
    if (length > 0 && length % (int64_t{1} << shift) == 0) return fmt::format("{}{}", length >> shift, unit);
  }
  return fmt::format("{}", length);
}

std::string format_count(double count) {
  if (count < 1e4) return fmt::format("{:.0f}", count);
  return count < 1e9 ? fmt::format("{:.3g}M", count / 1e6) : fmt::format("{:.3g}B", count / 1e9);
}

}  // namespace ropeway
