// Skipped positions (Zhu et al., "PoSE", 2023, arXiv 2309.10400): a window of N tokens is cut into a few chunks
// at random places, and from each chunk on RoPE counts further by a random number, so that the distances in
// short windows reach as far as those of a longer target. The text goes on over the cuts.
//
// Chunk 0 lies where it lies; chunk i is shifted by u_i, uniform over u_(i-1) .. target - N.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/layout/sequence_layout.h"

namespace ropeway {

struct SkipOptions {
  int64_t target = 0;  // that positions stay below, tokens; 0: none are skipped
  int64_t chunks = 2;
  // The target of window i of the first so many is N (target / N)^(i / growing_windows); 0: it is the same for all.
  int64_t growing_windows = 0;
};

// Of window `index`, which has `length` tokens; a pure function of seed and index.
std::vector<PositionJump> skipped_positions(const SkipOptions& options, int64_t length, uint64_t seed,
                                            uint64_t index);

// Of that window.
int64_t skip_target(const SkipOptions& options, int64_t length, uint64_t index);

}  // namespace ropeway
