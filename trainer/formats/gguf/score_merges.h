// SentencePiece's BPE has a score for every piece and joins the neighbours whose sum scores highest; a list
// of merges says the same by its order. Both ways between them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace ropeway {

struct ScoreMerge {
  std::string_view left, right;
  bool operator==(const ScoreMerge&) const = default;
};

// Every way to make a token of two others, best score first; equal scores by the longer left part, then by
// the longer right part (in characters), then in the order of the tokens, as transformers' converter has
// them.
std::vector<ScoreMerge> merges_of_scores(const std::vector<std::string_view>& tokens,
                                         const std::vector<double>& scores);

// Scores that give these merges back: -0, -1, ... in the order in which merges first make a token, below them
// the other tokens in the order of their ids, as SentencePiece numbers single characters. Tokens with
// `fixed` get 0 (control, bytes, ...).
std::vector<double> scores_of_merges(const std::vector<std::string_view>& tokens,
                                     const std::vector<bool>& fixed, const std::vector<ScoreMerge>& merges);

}  // namespace ropeway
