// The cells of an evaluation in order: those whose figures are kept are taken, the others done, kept and told,
// with a line that says how far it is, until a stop is asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "parallel/comm/mesh.h"
#include "trainer/score/kept_pieces.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

class CausalLM;
struct FactorSet;

struct WalkControl {
  std::string name = {};              // of the stage or the command, for progress and errors
  std::string cells = "evaluations";  // what they are called there
  std::function<bool()> stop_requested =
      {};                        // asked between windows and after each cell; on one rank: stops all
  KeptPieces* pieces = nullptr;  // of the cell under way; null: it begins anew where it was interrupted
  std::string weights = {};      // which weights, and the type they are computed in: for what is kept
};

// What a cell is done with.
class CellTools {
 public:
  CellTools(CausalLM& model, const Mesh& mesh, const WalkControl& control, TellDone tell)
      : model_(model), mesh_(mesh), control_(control), tell_(std::move(tell)) {}

  // Scores under these factors, which must outlive what is returned: told of (unless `told` is false, for who
  // tells itself), kept where pieces are, and stopped between two rounds of batches where a stop is asked for.
  ScoreSequences scores(const FactorSet& factors, bool told = true) const;
  const Mesh& mesh() const { return mesh_; }
  const TellDone& tell() const { return tell_; }
  KeptPieces* pieces() const { return control_.pieces; }
  // For keys of pieces: the same for the same weights and factors only.
  std::string subject(const FactorSet& factors) const;
  // Collective. Throws kStopped where a stop is asked for.
  void stop_if_asked() const;

 private:
  CausalLM& model_;
  const Mesh& mesh_;
  const WalkControl& control_;
  const TellDone tell_;
};

// Cells by their index. Everything but `describe` and `summary` is called on every rank.
struct CellSteps {
  int64_t count = 0;
  std::function<bool(int64_t cell)> take_kept;  // its figures are kept, and were taken from there
  std::function<void(int64_t cell, const CellTools& tools)> run;  // does it and keeps its figures
  std::function<void(int64_t cell)> finished;                     // its figures are there, either way
  std::function<std::string(int64_t cell)> describe, summary;     // before and after it is done
};

// Collective over the mesh. Rank 0 shows progress. Throws kStopped when a stop was requested; resumable: whether
// the way out is to run again.
void walk_cells(CausalLM& model, const Mesh& mesh, const WalkControl& control, bool resumable,
                const CellSteps& steps);

}  // namespace ropeway
