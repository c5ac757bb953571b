#include "trainer/config/cadence.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace ropeway {
namespace {

struct Unit {
  char letter;
  int64_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
constexpr int64_t kLargest = 1'000'000'000;  // of a number before a unit, and of steps

// The digits at the start of `text`, which are taken off it. No leading zeros.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || text[0] == '-' || (digits > 1 && text[0] == '0') || value > kLargest)
    return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

}  // namespace

std::optional<double> parse_duration(std::string_view text) {
  double seconds = 0;
  for (const Unit* unit = std::begin(kUnits); !text.empty(); ++unit) {
    const auto number = take_number(text);
    if (!number || text.empty()) return std::nullopt;
    while (unit != std::end(kUnits) && unit->letter != text[0]) ++unit;
    if (unit == std::end(kUnits)) return std::nullopt;
    seconds += static_cast<double>(*number * unit->seconds);
    text.remove_prefix(1);
    if (unit + 1 == std::end(kUnits) && !text.empty()) return std::nullopt;
  }
  return seconds > 0 ? std::optional(seconds) : std::nullopt;
}

std::string format_duration(double seconds) {
  int64_t left = std::llround(seconds);
  std::string text;
  for (const Unit& unit : kUnits) {
    if (left >= unit.seconds) text += fmt::format("{}{}", left / unit.seconds, unit.letter);
    left %= unit.seconds;
  }
  return text.empty() ? "0s" : text;
}

std::optional<Cadence> parse_cadence(std::string_view text) {
  if (const auto seconds = parse_duration(text)) return Cadence::of_seconds(*seconds);
  const auto steps = take_number(text);
  return steps && text.empty() ? std::optional(Cadence(*steps)) : std::nullopt;
}

std::string text_of(const Cadence& cadence) {
  return cadence.seconds > 0 ? format_duration(cadence.seconds) : fmt::format("{}", cadence.steps);
}

}  // namespace ropeway
