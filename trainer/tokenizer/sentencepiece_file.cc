#include "trainer/tokenizer/sentencepiece_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace ropeway {
namespace {

constexpr int64_t kMaxPieces = 1 << 20;  // the largest vocabulary seen has a quarter of that
constexpr uint32_t kMaxArrayBytes =
    4 << 20;                          // that of nmt_nfkc, the largest that comes with the library: 0.2 MB
constexpr int kMaxValuesOnPath = 32;  // Normalizer::kMaxTrieResultsSize

// Fields of one protobuf message, in order.
class Message {
 public:
  explicit Message(std::string_view bytes) : bytes_(bytes) {}

  // The next field; false at the end and when the bytes are not a message, which `broken` tells apart.
  bool next() {
    if (bytes_.empty()) return false;
    uint64_t key = 0, length = 0;
    broken = !varint(key);
    if (broken) return false;
    field = key >> 3;
    content = {};
    switch (key & 7) {
      case 0:
        broken = !varint(length);
        return !broken;
      case 1:
        return take(8);
      case 2:
        broken = !varint(length);
        return !broken && take(length);
      case 5:
        return take(4);
      default:  // groups, which no version of the format has used
        broken = true;
        return false;
    }
  }

  uint64_t field = 0;
  std::string_view content;  // of fields with a length
  bool broken = false;

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(uint64_t length) {
    broken = length > bytes_.size();
    if (broken) return false;
    content = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return true;
  }

  std::string_view bytes_;
};

// Units are shared between paths: it is a graph, walked once from every unit that is reached.
class DoubleArray {
 public:
  DoubleArray(std::string_view bytes, std::string_view forms)
      : units_(bytes.size() / 4), below_(units_.size(), kNotSeen), forms_(forms) {
    std::memcpy(units_.data(), bytes.data(), units_.size() * 4);
  }

  std::string problem() {
    struct Step {
      uint64_t at;
      uint64_t next;  // byte to try
    };
    std::vector<Step> path = {{0, 0}};
    below_[0] = kOnPath;
    while (!path.empty()) {
      auto& [at, next] = path.back();
      const uint64_t base = at ^ offset(units_[at]);
      // The library looks at all of them, whatever the text says.
      if ((base | 0xff) >= units_.size()) return "leads outside its array";
      if (next == 256) {
        below_[at] = values_below(base);
        if (below_[at] > kMaxValuesOnPath) return "has too many values on one path";
        path.pop_back();
        continue;
      }
      const uint64_t child = base ^ next++;
      if (!is_child(child, base)) continue;
      if (below_[child] == kOnPath) return "leads in circles";
      if (below_[child] != kNotSeen) continue;
      if (has_value(child) && form_of(child) >= forms_.size()) return "leads to no normal form";
      below_[child] = kOnPath;
      path.push_back({child, 0});
    }
    return "";
  }

 private:
  static constexpr int kNotSeen = -2, kOnPath = -1;

  static uint64_t offset(uint32_t unit) { return uint64_t{unit >> 10} << ((unit & 1u << 9) >> 6); }
  bool is_child(uint64_t at, uint64_t base) const { return (units_[at] & 0x800000ff) == (at ^ base); }
  bool has_value(uint64_t at) const { return (units_[at] >> 8 & 1) != 0; }
  // Of a unit with a value; SIZE_MAX when that lies outside the array.
  uint64_t form_of(uint64_t at) const {
    const uint64_t value_at = at ^ offset(units_[at]);
    return value_at < units_.size() ? units_[value_at] & 0x7fffffff : SIZE_MAX;
  }
  // The most values on a path from the unit with this base; its children are done.
  int values_below(uint64_t base) const {
    int most = 0;
    for (uint64_t child = base & ~uint64_t{0xff}; child <= (base | 0xff); ++child) {
      if (is_child(child, base)) most = std::max(most, below_[child] + has_value(child));
    }
    return most;
  }

  std::vector<uint32_t> units_;
  std::vector<int> below_;  // of each unit: the most values on a path from it, or kNotSeen, kOnPath
  std::string_view forms_;
};

std::string problem_of_charsmap(std::string_view bytes) {
  uint32_t size = 0;
  if (bytes.empty()) return "";  // no normal form
  if (bytes.size() < 4) return "is cut short";
  std::memcpy(&size, bytes.data(), 4);
  bytes.remove_prefix(4);
  if (size > kMaxArrayBytes)
    return fmt::format("states an array of {} bytes, at most {} are read", size, kMaxArrayBytes);
  if (size == 0 || size % 4 != 0 || size >= bytes.size()) {
    return fmt::format("states an array of {} bytes, wanted a multiple of 4 below its own {}", size,
                       bytes.size());
  }
  const std::string_view forms = bytes.substr(size);
  if (forms.back() != '\0') return "ends within a normal form";
  return DoubleArray(bytes.substr(0, size), forms).problem();
}

}  // namespace

std::string problem_of_sentencepiece_file(std::string_view bytes) {
  constexpr const char* kNoMessage = "not a protobuf message, or one that was cut short";
  Message model(bytes);
  int64_t pieces = 0;
  while (model.next()) {
    if (model.field == 1 && ++pieces > kMaxPieces) return fmt::format("more than {} pieces", kMaxPieces);
    if (model.field != 3 && model.field != 5) continue;
    Message specification(model.content);
    while (specification.next()) {
      if (specification.field != 2) continue;
      const std::string problem = problem_of_charsmap(specification.content);
      if (!problem.empty()) return "precompiled_charsmap " + problem;
    }
    if (specification.broken) return kNoMessage;
  }
  if (model.broken) return kNoMessage;
  return pieces > 0 ? "" : "no pieces";
}

}  // namespace ropeway
