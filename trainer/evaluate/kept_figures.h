// Figures of finished cells, on disk while an evaluation is under way, so that one that was interrupted goes
// on where it was.
//
//   {"format": "ropeway-figures", "version": 1, "evaluations": [{"of": {...}, "figures": {...}}, ...]}
//
// "of" says what the figures are of: the length, the content of the factor set, the weights, the data and
// what was asked for. They are used for an evaluation of exactly that and for no other. The file is written
// anew, atomically, after each cell; doubles are read back with the same bits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/evaluate/evaluation.h"

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

  // The same on every rank; null: there are none.
  const CellFigures* find(const EvaluationCell& cell, const EvaluationTasks& tasks) const;
  // Rank 0 writes the file. A write that fails is warned of: the evaluation goes on, and cannot be resumed
  // here. Losses of single tokens are not kept.
  void add(const EvaluatedCell& evaluated, const EvaluationTasks& tasks);

 private:
  struct Entry {
    std::string of;  // JSON
    CellFigures figures;
  };
  std::string describe(const EvaluationCell& cell, const EvaluationTasks& tasks) const;
  void read(const std::string& text);
  void write() const;

  const std::filesystem::path file_;
  const bool writes_;
  Subject subject_;
  std::vector<Entry> entries_;
};

}  // namespace ropeway
