// An axis: from a value to a place between 0 and 1, and the ticks to write on it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ropeway::charts {

enum class Scale { kLinear, kLog2, kLog10 };

struct Tick {
  double value = 0;
  std::string text = "";
};

class Axis {
 public:
  // Of the values low to high, with about `count` ticks at 1, 2 or 5 times a power of ten. One value alone gets
  // room on both sides.
  static Axis linear(double low, double high, int count = 5);
  // Ticks at powers of two, at most `count`; written as lengths: 256, 1K, 16K.
  static Axis log2(double low, double high, int count = 9);
  // Ticks at powers of ten, with 2 and 5 times them where there is room.
  static Axis log10(double low, double high, int count = 6);

  double at(double value) const;  // not finite for a value that a logarithm does not have
  const std::vector<Tick>& ticks() const { return ticks_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  Axis(Scale scale, double low, double high) : scale_(scale), low_(low), high_(high) {}

  Scale scale_;
  double low_, high_;
  std::vector<Tick> ticks_;
};

}  // namespace ropeway::charts
