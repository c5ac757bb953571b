#include "trainer/finetune/stragglers.h"

#include <algorithm>

namespace ropeway {
namespace {

// The lower one of an even number: of two ranks each is compared with the other.
double median(std::vector<double> values) {
  const auto middle = values.begin() + (std::ssize(values) - 1) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void Stragglers::add(const std::vector<double>& seconds) {
  news_ = false;
  slowest_.reset();
  ++since_told_;
  if (seconds.size() < 2) return;
  steps_.push_back(seconds);
  if (steps_.size() > kSteps) steps_.pop_front();
  if (steps_.size() < kSteps) return;
  // A median over steps: one slow step is a hiccup.
  std::vector<double> of_ranks;
  for (size_t rank = 0; rank < seconds.size(); ++rank) {
    std::vector<double> of_rank;
    for (const std::vector<double>& step : steps_) of_rank.push_back(step[rank]);
    of_ranks.push_back(median(of_rank));
  }
  const auto slowest = std::ranges::max_element(of_ranks);
  std::vector<double> others = of_ranks;
  others.erase(others.begin() + (slowest - of_ranks.begin()));
  const double of_others = median(others);
  slowest_ = {.rank = static_cast<int>(slowest - of_ranks.begin()),
              .speed = *slowest > 0 ? of_others / *slowest : 1,
              .seconds = *slowest,
              .others_seconds = of_others};
  news_ = slowest_->speed < kSlow && (slowest_->rank != told_ || since_told_ >= kStepsBetween);
  if (!news_) return;
  told_ = slowest_->rank;
  since_told_ = 0;
}

}  // namespace ropeway
