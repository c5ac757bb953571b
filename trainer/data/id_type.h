// Token ids as other programs store them: integers of 1 to 8 bytes in either byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

struct IdType {
  size_t bytes = 4;  // 1, 2, 4 or 8
  bool is_signed = true;
  bool big_endian = false;
};

struct BadId {
  size_t index = 0;
  std::string value;  // in full, also beyond 63 bits
};

// Replaces `ids` by the values (a multiple of the type's bytes). The first one outside [0, vocab_size) is
// returned, and what is in `ids` then is of no use. vocab_size: at most 2^31 - 1.
std::optional<BadId> convert_ids(std::string_view values, const IdType& type, int64_t vocab_size,
                                 std::vector<int32_t>& ids);

}  // namespace ropeway
