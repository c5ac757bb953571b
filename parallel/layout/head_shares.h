// How the ranks that share heads divide them: each has as many query heads, and the key heads these need.
#pragma once

#include <cstdint>

namespace ropeway {

// They must divide the query heads, and divide the key heads or be a multiple of them: then the queries of a
// rank are groups of equal size, and a key head that several ranks need is needed by as many each time.
constexpr bool can_share_heads(int64_t query_heads, int64_t key_heads, int ranks) {
  return ranks >= 1 && query_heads % ranks == 0 && (key_heads % ranks == 0 || ranks % key_heads == 0);
}

// Of `heads` heads those of a rank: neighbours have the same one where there are more ranks than heads.
constexpr int64_t heads_of_rank(int64_t heads, int ranks) { return heads > ranks ? heads / ranks : 1; }

// Whether heads can be computed in `groups` equal parts, each shared by `ranks` ranks.
constexpr bool can_group_heads(int64_t query_heads, int64_t key_heads, int groups, int ranks) {
  return groups >= 1 && key_heads % groups == 0 &&
         can_share_heads(query_heads / groups, key_heads / groups, ranks);
}

}  // namespace ropeway
