// Figures of finished cells, on disk while an evaluation is under way, so that one that was interrupted goes
// on where it was: kept_entries.h, where "of" says the length, the content of the factor set, the weights, the
// data and what was asked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "parallel/comm/communicator.h"
#include "trainer/evaluate/evaluation.h"
#include "trainer/score/kept_entries.h"

namespace ropeway {

class KeptFigures {
 public:
  struct Subject {
    std::string weights;  // the same for the same weights only
    std::string data;     // Documents::fingerprint()
  };
  // Collective. Reads what is there. A file that cannot be read is warned of, and replaced when the first cell
  // is added.
  KeptFigures(std::filesystem::path file, Communicator& world, Subject subject);

  // The same on every rank; none: there are none.
  std::optional<CellFigures> find(const EvaluationCell& cell, const EvaluationTasks& tasks) const;
  // Rank 0 writes the file. A write that fails is warned of: the evaluation goes on, and cannot be resumed
  // here. Losses of single tokens are not kept.
  void add(const EvaluatedCell& evaluated, const EvaluationTasks& tasks);

 private:
  std::string describe(const EvaluationCell& cell, const EvaluationTasks& tasks) const;

  KeptEntries entries_;
  Subject subject_;
};

}  // namespace ropeway
