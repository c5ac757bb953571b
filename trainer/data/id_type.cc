#include "trainer/data/id_type.h"

#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little);

template <typename Stored>
Stored swapped(Stored value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  for (size_t i = 0; i < sizeof value / 2; ++i) std::swap(bytes[i], bytes[sizeof value - 1 - i]);
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename Stored>
std::optional<BadId> convert(std::string_view values, bool big_endian, int64_t vocab_size,
                             std::vector<int32_t>& ids) {
  ids.resize(values.size() / sizeof(Stored));
  for (size_t i = 0; i < ids.size(); ++i) {
    Stored value;
    std::memcpy(&value, values.data() + i * sizeof value, sizeof value);
    if (big_endian) value = swapped(value);
    // A negative one is beyond every vocabulary as well.
    if (static_cast<uint64_t>(value) >= static_cast<uint64_t>(vocab_size)) {
      if constexpr (std::is_signed_v<Stored>) return BadId{i, fmt::format("{}", static_cast<int64_t>(value))};
      return BadId{i, fmt::format("{}", static_cast<uint64_t>(value))};
    }
    ids[i] = static_cast<int32_t>(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<BadId> convert_ids(std::string_view values, const IdType& type, int64_t vocab_size,
                                 std::vector<int32_t>& ids) {
  ROPEWAY_CHECK(vocab_size > 0 && vocab_size <= std::numeric_limits<int32_t>::max(), "vocab_size {}",
                vocab_size);
  ROPEWAY_CHECK(values.size() % type.bytes == 0, "{} bytes of {} each", values.size(), type.bytes);
  const auto as = [&](auto stored) {
    return convert<decltype(stored)>(values, type.big_endian, vocab_size, ids);
  };
  switch (type.bytes) {
    case 1:
      return type.is_signed ? as(int8_t{}) : as(uint8_t{});
    case 2:
      return type.is_signed ? as(int16_t{}) : as(uint16_t{});
    case 4:
      return type.is_signed ? as(int32_t{}) : as(uint32_t{});
    default:
      ROPEWAY_CHECK(type.bytes == 8, "ids of {} bytes", type.bytes);
      return type.is_signed ? as(int64_t{}) : as(uint64_t{});
  }
}

}  // namespace ropeway
