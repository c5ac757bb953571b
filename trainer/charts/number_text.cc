#include "trainer/charts/number_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace ropeway::charts {
namespace {

// Three significant digits, without zeros that say nothing: 1.5, 12.3, 950.
std::string short_text(double value) {
  const int decimals = std::abs(value) >= 99.95 ? 0 : std::abs(value) >= 9.995 ? 1 : 2;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

}  // namespace

std::string length_text(double tokens) {
  constexpr double kKilo = 1024, kMega = kKilo * kKilo;
  const auto whole = [](double value) { return value >= 1 && value == std::floor(value); };
  if (whole(tokens / kMega)) return fmt::format("{:.0f}M", tokens / kMega);
  if (whole(tokens / kKilo)) return fmt::format("{:.0f}K", tokens / kKilo);
  return fmt::format("{:.0f}", tokens);
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0)) return "-";
  if (seconds < 9.95) return fmt::format("{} s", short_text(std::round(seconds * 10) / 10));
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 24 * 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / (24 * 3600), whole / 3600 % 24);
}

std::string bytes_text(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (std::abs(bytes) >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", short_text(bytes), kUnits[unit]);
}

std::string count_text(double value) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) >= 999.5e6) return fmt::format("{}G", short_text(value / 1e9));
  if (std::abs(value) >= 999.5e3) return fmt::format("{}M", short_text(value / 1e6));
  if (std::abs(value) >= 999.5) return fmt::format("{}k", short_text(value / 1e3));
  return short_text(value);
}

std::string share_text(double share) {
  if (!std::isfinite(share)) return "-";
  const double percent = 100 * share;
  const bool whole = percent >= 99.5 || percent >= 10 || percent == std::round(percent);
  return fmt::format("{:.{}f}%", percent, whole ? 0 : 1);
}

std::string figure_text(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size < 1e-3 || size >= 1e6) return fmt::format("{:.{}e}", value, digits - 1);
  const int before = static_cast<int>(std::floor(std::log10(size))) + 1;
  return fmt::format("{:.{}f}", value, std::max(0, digits - std::max(before, 0)));
}

}  // namespace ropeway::charts
