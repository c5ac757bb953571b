// What a search minimises: the mean negative log-likelihood (NLL) of documents under candidate factors, of
// the answers to questions about needles hidden in them, or both (SearchFitness). An interface, so that
// the search itself can be tested on functions whose minimum is known; model_objective.h is the real one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/search/candidate.h"

namespace ropeway {

// A held-out document's targets are cut into this many stretches, as equal as they can be: its last quarter
// is the last four.
inline constexpr int64_t kScoreBlocks = 16;

struct DocumentScore {
  // By score(): the fitness. By score_finalist(): the mean over the text's scored targets. Nats per token.
  double nll = 0;
  double tail_nll = 0;  // over the last quarter of the targets
  // Over the answer of a passkey hidden in the document, or of num_needles() needles; score_finalist only.
  double needle_nll = 0;
  // Of each stretch, the mean over its targets (0 where it has none); score_finalist only.
  std::vector<double> blocks = {};
  std::vector<double> needles = {};  // of each needle's answer; score_finalist only
};

// Ranks of one row of the mesh's data axis evaluate together; rows evaluate different things at the same time
// (rows.h).
class Objective {
 public:
  virtual ~Objective() = default;
  virtual int64_t num_documents() const = 0;           // fixed ones, which rank candidates
  virtual int64_t num_finalist_documents() const = 0;  // held out from the ranking
  // Fitness of fixed document `index` at `length` tokens (0: the target length). Non-finite is +infinity.
  virtual DocumentScore score(const Candidate& candidate, int64_t index, int64_t length = 0) = 0;
  // NLL, tail, needle and blocks on held-out document `index`, and each of its needles.
  virtual DocumentScore score_finalist(const Candidate& candidate, int64_t index) = 0;
  // On fresh document number `draw` (a function of the seed and draw): loss and its gradient. The loss may
  // give the tail more weight than the ranking does.
  struct Gradient {
    double nll = 0;
    std::vector<double> log_factors;
    double log_temperature = 0;
  };
  virtual Gradient gradient(const Candidate& candidate, int64_t draw) = 0;
  virtual const std::string& data_fingerprint() const = 0;
  // Of a document: tokens of the target length less one.
  virtual int64_t num_targets() const = 0;
  // Of a held-out document, where candidates are ranked by needles; else 0.
  virtual int64_t num_needles() const { return 0; }
};

}  // namespace ropeway
