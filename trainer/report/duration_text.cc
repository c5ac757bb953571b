#include "trainer/report/duration_text.h"

#include <fmt/format.h>

#include <cstdint>

namespace ropeway {

std::string duration_text(double seconds) {
  constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= kDay) return fmt::format("{}d{:02}h", whole / kDay, whole / kHour % 24);
  if (whole >= kHour) return fmt::format("{}h{:02}m", whole / kHour, whole / kMinute % 60);
  if (whole >= kMinute) return fmt::format("{}m{:02}s", whole / kMinute, whole % kMinute);
  return fmt::format("{}s", whole);
}

}  // namespace ropeway
