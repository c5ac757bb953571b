#include "trainer/report/time_left.h"

#include <algorithm>
#include <cmath>

namespace ropeway {
namespace {

// Of the first search, before another is over: races end early, and seeds are dropped at half the length.
constexpr double kUsualShare = 0.8;

}  // namespace

const StageWork* TimeLeft::find(const std::string& stage) const {
  const auto found = std::ranges::find(stages_, stage, &StageWork::stage);
  return found == stages_.end() ? nullptr : &*found;
}

// That of the kind; else of the nearest length of the same pass; else of the nearest length. Short texts keep cores
// and GPUs less busy than long ones.
double TimeLeft::rate_of(const Kind& kind) const {
  double rate = -1, least = 0;
  for (const auto& [known, seconds] : rates_) {
    constexpr double kOtherPass = 100;  // more than lengths can differ by
    const double apart =
        std::abs(std::log2(static_cast<double>(kind.second) / static_cast<double>(known.second)));
    const double distance = apart + (known.first == kind.first ? 0 : kOtherPass);
    if (rate >= 0 && distance >= least) continue;
    rate = seconds;
    least = distance;
  }
  return rate;
}

double TimeLeft::usual_share() const {
  return counted_with_ > 0 ? ended_after_ / counted_with_ : kUsualShare;
}

// The seconds are shared out by what the kinds were thought to take, and all of the stage's rates are moved alike.
void TimeLeft::took(const std::string& stage, double seconds, double share) {
  const StageWork* work = find(stage);
  if (work == nullptr || !(seconds > 0) || !(share > 0)) return;
  const auto thought_rate = [&](const PassWork& pass) {
    return rates_.empty() ? 1 : rate_of({pass.pass, pass.length});
  };
  double thought = 0;
  for (const PassWork& pass : work->work) thought += pass.cost * thought_rate(pass);
  if (!(thought > 0)) return;
  std::map<Kind, double> learned;
  for (const PassWork& pass : work->work) {
    if (pass.cost > 0) learned[{pass.pass, pass.length}] = thought_rate(pass) * seconds / (share * thought);
  }
  for (const auto& [kind, rate] : learned) rates_[kind] = rate;
}

void TimeLeft::piece_took(const std::string& stage, int64_t length, double seconds) {
  const StageWork* work = find(stage);
  if (work == nullptr) return;
  for (const PassWork& pass : work->work) {
    if (pass.length != length || pass.pieces == 0) continue;
    ++pieces_done_[{stage, length}];
    if (seconds > 0 && pass.cost > 0)
      rates_[{pass.pass, length}] = seconds * static_cast<double>(pass.pieces) / pass.cost;
  }
}

void TimeLeft::ended_after(const std::string& stage, double forward_equivalents) {
  const StageWork* work = find(stage);
  if (work == nullptr || !(work->most > 0)) return;
  ended_after_ += forward_equivalents;
  counted_with_ += work->most;
}

double TimeLeft::of(const StageWork& stage) const {
  if (rates_.empty()) return -1;
  double seconds = 0;
  for (const PassWork& pass : stage.work) {
    double left = 1;
    const auto done = pieces_done_.find({stage.stage, pass.length});
    if (pass.pieces > 0 && done != pieces_done_.end()) {
      left = std::max(0.0, 1 - static_cast<double>(done->second) / static_cast<double>(pass.pieces));
    }
    seconds += left * pass.cost * rate_of({pass.pass, pass.length});
  }
  return stage.most > 0 ? seconds * usual_share() : seconds;
}

double TimeLeft::of(const std::string& stage) const {
  const StageWork* here = find(stage);
  return here == nullptr ? -1 : of(*here);
}

double TimeLeft::after(const std::string& stage) const {
  const StageWork* here = find(stage);
  if (here == nullptr || rates_.empty()) return -1;
  double seconds = 0;
  for (auto later = stages_.begin() + (here - stages_.data()) + 1; later != stages_.end(); ++later) {
    seconds += of(*later);
  }
  return seconds;
}

}  // namespace ropeway
