// Cost is counted in forward equivalents (FE): one forward pass over one document of the target length. A
// prefix costs its share of the tokens; a held-out document, which is scored plain and with a needle, costs
// 2; a gradient (a forward pass, and a backward one without weight gradients) costs 3.5.
#pragma once

#include <cstdint>

namespace ropeway {

constexpr double kFinalistCost = 2, kGradientCost = 3.5;

struct SearchWork {
  double forwards = 0, gradients = 0;  // over documents of the target length

  double forward_equivalents() const { return forwards + kGradientCost * gradients; }
  SearchWork& operator+=(const SearchWork& other);
};

// How many of the fixed documents make one look: one of 2048 tokens ranks candidates well; of shorter ones it
// takes as many as have that many tokens together.
int64_t documents_per_look(int64_t num_documents, int64_t length);

}  // namespace ropeway
