// How often something is done, and lengths of time as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ropeway {

// Every so many steps, or every so many seconds; neither: never.
struct Cadence {
  int64_t steps = 0;
  double seconds = 0;

  Cadence() = default;
  Cadence(int64_t every_steps) : steps(every_steps) {}
  static Cadence of_seconds(double seconds) {
    Cadence cadence;
    cadence.seconds = seconds;
    return cadence;
  }
  bool is_never() const { return steps == 0 && seconds == 0; }
  bool operator==(const Cadence&) const = default;
};

// "25" or "10m"; nullopt: neither a number of steps nor a time.
std::optional<Cadence> parse_cadence(std::string_view text);
std::string text_of(const Cadence& cadence);

// "90s", "10m", "3h50m", "1d12h": whole numbers, the larger units first, above 0. In seconds.
std::optional<double> parse_duration(std::string_view text);
std::string format_duration(double seconds);  // 13800 -> "3h50m", to the second

}  // namespace ropeway
