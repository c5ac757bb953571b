// How long a run still takes. What its passes cost is counted beforehand, stage by stage; how long that takes is learned from the
// stages that are over and from the one at work: passes of a kind and length take as long per unit of cost as the last
// ones did. A search is counted with the most it may do and ends earlier: as much earlier as those before it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ropeway {

// The passes of a kind and length in a stage.
struct PassWork {
  std::string pass = "";  // "forward", "train", "factor gradient"
  int64_t length = 0;     // tokens of a sequence
  double cost = 0;        // of all of them: the time they take, in any one unit
  int64_t pieces = 0;     // that are told one by one, of equal work: the cells of an evaluation; 0: none are
  bool operator==(const PassWork&) const = default;
};

struct StageWork {
  std::string stage = "";
  std::vector<PassWork> work = {};
  double most = 0;  // of a search: the forward equivalents that the work is counted with; else 0
  bool operator==(const StageWork&) const = default;
};

class TimeLeft {
 public:
  TimeLeft() = default;
  explicit TimeLeft(std::vector<StageWork> stages) : stages_(std::move(stages)) {}

  // The stage did `share` of its counted work in so many seconds: it is over, or shows its pace.
  void took(const std::string& stage, double seconds, double share = 1);
  // A piece of the stage is done: an evaluation at this length.
  void piece_took(const std::string& stage, int64_t length, double seconds);
  // A search ended after so many forward equivalents.
  void ended_after(const std::string& stage, double forward_equivalents);

  const StageWork* find(const std::string& stage) const;  // null: not planned
  // Of what a search is counted with, the share that it takes.
  double usual_share() const;
  // Of the stage without its pieces that are done, and of the stages after this one; below 0: not known, as nothing
  // has been timed.
  double of(const std::string& stage) const;
  double after(const std::string& stage) const;

 private:
  using Kind = std::pair<std::string, int64_t>;  // pass, length
  double rate_of(const Kind& kind) const;        // seconds per unit of cost; below 0: nothing is known
  double of(const StageWork& stage) const;

  std::vector<StageWork> stages_;
  std::map<Kind, double> rates_;
  std::map<std::pair<std::string, int64_t>, int64_t> pieces_done_;  // of a stage, by length
  double ended_after_ = 0, counted_with_ = 0;                       // of the searches that are over, together
};

}  // namespace ropeway
