#include "trainer/report/time_left.h"

#include <algorithm>

namespace ropeway {

const StageWork* TimeLeft::find(const std::string& stage) const {
  const auto found = std::ranges::find(stages_, stage, &StageWork::stage);
  return found == stages_.end() ? nullptr : &*found;
}

// That of the kind; else the mean of those there are.
double TimeLeft::rate_of(const std::string& kind) const {
  if (rates_.empty()) return -1;
  if (const auto known = rates_.find(kind); known != rates_.end()) return known->second;
  double sum = 0;
  for (const auto& [other, rate] : rates_) sum += rate;
  return sum / static_cast<double>(rates_.size());
}

// The seconds are shared out by what the kinds were thought to take, and all of the stage's rates are moved alike.
void TimeLeft::took(const std::string& stage, double seconds, double share) {
  const StageWork* work = find(stage);
  if (work == nullptr || seconds <= 0 || share <= 0) return;
  double thought = 0;
  for (const auto& [kind, flops] : work->work) thought += flops * (rates_.empty() ? 1 : rate_of(kind));
  if (thought <= 0) return;
  std::map<std::string, double> learned;
  for (const auto& [kind, flops] : work->work) {
    if (flops > 0) learned[kind] = (rates_.empty() ? 1 : rate_of(kind)) * seconds / (share * thought);
  }
  for (const auto& [kind, rate] : learned) rates_[kind] = rate;
}

double TimeLeft::after(const std::string& stage) const {
  const StageWork* here = find(stage);
  if (here == nullptr || rates_.empty()) return -1;
  double seconds = 0;
  for (auto later = stages_.begin() + (here - stages_.data()) + 1; later != stages_.end(); ++later) {
    for (const auto& [kind, flops] : later->work) seconds += flops * rate_of(kind);
  }
  return seconds;
}

}  // namespace ropeway
