// Steps that stand out: a loss or a gradient norm far above those of the steps before. "Far" is measured
// against the median of the last steps with an update, in robust standard deviations, 1.4826 times the median
// absolute deviation (which is the standard deviation where values are normal); a few outliers move neither.
#pragma once

#include <cstddef>
#include <vector>

namespace ropeway {

inline constexpr double kSpikeDeviations = 6;

struct Spike {
  const char* of = "loss";  // or "gradient norm"
  double value = 0, usual = 0;
  double deviations = 0;  // above the usual
  bool stands_out() const { return deviations > kSpikeDeviations; }
};

// Of steps with an update, oldest first.
struct SpikeHistory {
  std::vector<double> losses, gradient_norms;
};

class SpikeWatch {
 public:
  static constexpr size_t kRemembered = 64;  // steps
  static constexpr size_t kNeeded = 8;       // without as many nothing stands out
  // A deviation counts as at least this share of the median: a loss that hardly varies may rise a little.
  static constexpr double kLeastDeviation = 0.05;

  explicit SpikeWatch(SpikeHistory history = {}) : history_(std::move(history)) {}
  // Of loss and gradient norm the one that stands out more. Both finite.
  Spike look(double loss, double gradient_norm) const;
  void remember(double loss, double gradient_norm);
  const SpikeHistory& history() const { return history_; }

 private:
  SpikeHistory history_;
};

}  // namespace ropeway
