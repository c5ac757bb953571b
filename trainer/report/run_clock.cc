#include "trainer/report/run_clock.h"

#include <algorithm>

#include "trainer/report/reporter.h"

namespace ropeway {
namespace {

// What takes less was computed by an earlier process, and is only read: an evaluation of a search from its log, one
// of an evaluate stage from the figures that are kept.
constexpr double kReplayed = 1e-3, kKept = 0.05;

double forward_equivalents_of(const StageRecord& record) {
  const auto found =
      std::ranges::find(record.numbers, "forward_equivalents", &std::pair<std::string, double>::first);
  return found == record.numbers.end() ? 0 : found->second;
}

}  // namespace

void RunClock::plan(std::vector<StageWork> stages, const std::vector<StageRecord>& over) {
  time_left_ = TimeLeft(std::move(stages));
  for (const StageRecord& record : over) end(record);
}

void RunClock::begin(const std::string& stage, double now) {
  stage_ = stage;
  timed_ = false;
  last_ = now;
  busy_ = units_ = spent_ = 0;
  evaluated_.clear();
  set_left(stage, time_left_.of(stage));
}

void RunClock::set_left(const std::string& stage, double of_stage) {
  const double after = time_left_.after(stage);
  stage_left_ = of_stage;
  seconds_left_ = of_stage < 0 || after < 0 ? -1 : of_stage + after;
}

void RunClock::step(const std::string& stage, double share_of_rest, double seconds_of_rest) {
  if (share_of_rest > 0) {
    time_left_.took(stage, seconds_of_rest, share_of_rest);
    timed_ = true;
  }
  set_left(stage, seconds_of_rest);
}

void RunClock::search(const SearchRecord& record, double now) {
  const double seconds = now - last_, units = record.spent - spent_;
  last_ = now;
  spent_ = record.spent;
  if (seconds > kReplayed && units > 0) {
    busy_ += seconds;
    units_ += units;
  }
  const StageWork* work = time_left_.find(record.stage);
  if (units_ <= 0 || work == nullptr || !(work->most > 0)) return;
  const double pace = busy_ / units_;
  time_left_.took(record.stage, pace * work->most);
  timed_ = true;
  set_left(record.stage, pace * time_left_.usual_share() * std::max(0.0, record.expected - record.spent));
}

void RunClock::evaluation(const std::string& stage, const std::string& factors, int64_t length, double now) {
  const double seconds = now - last_;
  last_ = now;
  if (!evaluated_.insert({factors, length}).second) return;  // told again, with what it is compared with
  time_left_.piece_took(stage, length, seconds > kKept ? seconds : 0);
  timed_ = timed_ || seconds > kKept;
  set_left(stage, time_left_.of(stage));
}

void RunClock::end(const StageRecord& record) {
  const StageWork* work = time_left_.find(record.name);
  const double spent = forward_equivalents_of(record);
  const bool searched = work != nullptr && work->most > 0 && spent > 0;
  if (!timed_ || record.name != stage_) {
    time_left_.took(record.name, record.seconds, searched ? spent / work->most : 1);
  }
  if (searched) time_left_.ended_after(record.name, spent);
  set_left(record.name, 0);
}

}  // namespace ropeway
