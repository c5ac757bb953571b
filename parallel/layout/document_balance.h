// Who computes what of a sequence of packed documents, so that the causal work is even. Zigzag over the whole
// sequence is even for one document, not for several: attention ends at their borders, so a rank may hold the
// long half of a long document and another one beginnings of short ones.
//
// Here the longest documents are cut in zigzag, each over all ranks, and the others stay whole, the longest
// first to the rank with the least work. Every rank holds the same number of rows: what room is left at the
// end is filled by pieces of short documents. As few documents are cut as make the work even. All ranks
// compute the same schedule from the same borders.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/layout/placement.h"

namespace ropeway {

// What each rank holds of a sequence; runs ascend in position and fill rows 0, 1, ... without a gap.
using RankRuns = std::vector<std::vector<PositionRun>>;

// length: a multiple of 2 * ranks. documents: the positions at which they start, 0 first, ascending. Its
// largest area is not above that of zigzag over the whole sequence.
RankRuns balanced_runs(int64_t length, const std::vector<int64_t>& documents, int ranks);

// Pairs (query, key) that the queries of these runs see of all keys of the sequence, counted causally within
// documents and through the window (0: none).
int64_t causal_area(const std::vector<PositionRun>& runs, const std::vector<int64_t>& documents,
                    int64_t window = 0);

// Largest area of a rank by the mean of all; 1: even.
double area_balance(const RankRuns& runs, const std::vector<int64_t>& documents, int64_t window = 0);

}  // namespace ropeway
