// Which rank computes slower than the others, which wait for it in every step.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace ropeway {

class Stragglers {
 public:
  static constexpr size_t kSteps = 10;          // that are looked at
  static constexpr double kSlow = 0.7;          // of the others' speed
  static constexpr size_t kStepsBetween = 100;  // two warnings of one rank

  struct Slowest {
    int rank = 0;
    double speed = 1;                        // of the median of the others
    double seconds = 0, others_seconds = 0;  // of computation per step
  };

  // seconds[r]: of the step's computation on rank r, without waits. Nothing is known before kSteps steps, nor of
  // one rank alone.
  void add(const std::vector<double>& seconds);
  const std::optional<Slowest>& slowest() const { return slowest_; }
  // Whether it is to be said now: it is slow, and this was not said in the last kStepsBetween steps.
  bool is_news() const { return news_; }

 private:
  std::deque<std::vector<double>> steps_;
  std::optional<Slowest> slowest_;
  size_t since_told_ = kStepsBetween;
  int told_ = -1;
  bool news_ = false;
};

}  // namespace ropeway
