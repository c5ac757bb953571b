// Scores that are kept sequence by sequence while a cell is under way (kept_pieces.h): the losses of a sequence
// depend on the weights, the factors and its tokens, and on nothing else.
#pragma once

#include <functional>
#include <string>

#include "trainer/score/kept_pieces.h"
#include "trainer/score/score_sequences.h"

namespace ropeway {

// `score`, but sequences whose scores are kept are not scored again, and the others' are kept. subject: the
// same for the same weights, computed in the same type, and the same factors only. Keeps a reference to
// `pieces`.
ScoreSequences kept_scores(ScoreSequences score, KeptPieces& pieces, std::string subject);

}  // namespace ropeway
