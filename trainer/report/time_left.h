// How long a run still takes. Arithmetic is counted beforehand, stage by stage; how long it takes is learned from the
// stages that are over: the same count of the same kind of pass takes as long as it took.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ropeway {

// A pass of a kind ("train", "evaluate at 16K", ...) and the FLOPs of all of them in the stage.
struct StageWork {
  std::string stage;
  std::vector<std::pair<std::string, double>> work;
};

class TimeLeft {
 public:
  TimeLeft() = default;
  explicit TimeLeft(std::vector<StageWork> stages) : stages_(std::move(stages)) {}

  // Learns from a stage that is over, or from the share of it that is.
  void took(const std::string& stage, double seconds, double share = 1);
  // Of the stages after this one; below 0: not known, as no stage has been timed.
  double after(const std::string& stage) const;

 private:
  const StageWork* find(const std::string& stage) const;
  double rate_of(const std::string& kind) const;  // seconds per FLOP; below 0: nothing is known

  std::vector<StageWork> stages_;
  std::map<std::string, double> rates_;  // by kind
};

}  // namespace ropeway
