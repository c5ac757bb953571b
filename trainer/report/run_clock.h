// Watches how fast the stages of a run go, and says how long the run still takes. Times are seconds on any one clock.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "trainer/report/time_left.h"

namespace ropeway {

struct SearchRecord;
struct StageRecord;

class RunClock {
 public:
  // What each stage takes, in the order they run, and those that are over.
  void plan(std::vector<StageWork> stages, const std::vector<StageRecord>& over);
  void begin(const std::string& stage, double now);

  // A training step is done; the steps that are left, a share of all of them, take `seconds_of_rest`.
  void step(const std::string& stage, double share_of_rest, double seconds_of_rest);
  void search(const SearchRecord& record, double now);
  void evaluation(const std::string& stage, const std::string& factors, int64_t length, double now);
  void end(const StageRecord& record);

  // Of the stage at work and of the whole run, as of the last of these calls; below 0: not known, as nothing has
  // been timed.
  double stage_left() const { return stage_left_; }
  double seconds_left() const { return seconds_left_; }

 private:
  void set_left(const std::string& stage, double of_stage);

  TimeLeft time_left_;
  double stage_left_ = -1, seconds_left_ = -1;
  // Of the stage at work.
  std::string stage_;
  bool timed_ = false;                                   // its own steps, evaluations, ... have told its pace
  double last_ = 0;                                      // when the last of them was done
  double busy_ = 0, units_ = 0, spent_ = 0;              // of a search: seconds, forward equivalents
  std::set<std::pair<std::string, int64_t>> evaluated_;  // factors, length
};

}  // namespace ropeway
