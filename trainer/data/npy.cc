#include "trainer/data/npy.h"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// Reads the dictionary literal; only what NumPy itself writes (keys in any order, each once).
class HeaderParser {
 public:
  HeaderParser(const std::string& where, std::string_view text) : where_(where), text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_descr) {
        header.descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = tuple();
        has_shape = true;
      } else {
        refuse("an unknown or repeated key '" + shorten(key, 40) + "'");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) refuse("text after the dictionary");
    if (!has_descr || !has_order || !has_shape) refuse("no descr, fortran_order or shape");
    return header;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ErrorKind::kBadData, "{}: .npy header has {} at character {}", where_, what, at_);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) refuse(std::string("no '") + c + "'");
  }
  std::string quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) refuse("an open string");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    refuse("neither True nor False");
  }
  int64_t integer() {
    skip_space();
    const size_t begin = at_;
    int64_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      const int64_t digit = text_[at_] - '0';
      if (value > (std::numeric_limits<int64_t>::max() - digit) / 10) refuse("a size beyond 64 bits");
      value = value * 10 + digit;
      ++at_;
    }
    if (at_ == begin) refuse("no number");
    return value;
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(integer());
      if (!accept(',')) {
        if (values.size() == 1) refuse("no ',' after the only size");
        expect(')');
        break;
      }
    }
    return values;
  }

  const std::string& where_;
  std::string_view text_;
  size_t at_ = 0;
};

// Splits a file into its header and its raw values.
NpyHeader parse_npy(const std::string& where, std::string_view file, std::string_view& values) {
  if (file.size() < kMagic.size() + 4 || file.substr(0, kMagic.size()) != kMagic) {
    fail(ErrorKind::kBadData, "{}: not a .npy file: it does not begin with \\x93NUMPY and a version", where);
  }
  const int major = static_cast<unsigned char>(file[6]), minor = static_cast<unsigned char>(file[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    fail(ErrorKind::kBadData, "{}: .npy version {}.{}, wanted 1.0 or 2.0", where, major, minor);
  }
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t begin = kMagic.size() + 2 + length_bytes;
  uint32_t header_bytes = 0;
  if (file.size() >= begin) std::memcpy(&header_bytes, file.data() + kMagic.size() + 2, length_bytes);
  if (file.size() < begin || file.size() - begin < header_bytes) {
    fail(ErrorKind::kBadData, "{}: truncated: {} bytes end inside the .npy header", where, file.size());
  }
  values = file.substr(begin + header_bytes);
  return HeaderParser(where, file.substr(begin, header_bytes)).parse();
}

// 'i' or 'u' and the bytes, behind the byte order: '<' little, '>' big, '|' of no matter. nullopt: no integers.
std::optional<IdType> id_type_of(std::string_view descr) {
  if (descr.size() != 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    return std::nullopt;
  if (descr[1] != 'i' && descr[1] != 'u') return std::nullopt;
  const size_t bytes = static_cast<size_t>(descr[2] - '0');
  if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) return std::nullopt;
  return IdType{.bytes = bytes, .is_signed = descr[1] == 'i', .big_endian = descr[0] == '>'};
}

}  // namespace

NpyIds find_npy_ids(std::string_view file, const std::string& where) {
  NpyIds ids;
  const NpyHeader header = parse_npy(where, file, ids.values);
  const std::optional<IdType> type = id_type_of(header.descr);
  if (!type) {
    fail(ErrorKind::kBadData, "{}: values of type '{}', wanted integers: '<i4', '<u2' and the like", where,
         shorten(header.descr, 40));
  }
  ids.type = *type;
  if (header.shape.size() != 1) {
    fail(ErrorKind::kBadData, "{}: {} dimensions, wanted one", where, header.shape.size());
  }
  const uint64_t count = static_cast<uint64_t>(header.shape[0]);
  if (ids.values.size() % type->bytes != 0 || ids.values.size() / type->bytes != count) {
    fail(ErrorKind::kBadData, "{}: {} bytes follow the header, wanted {} values of {} bytes", where,
         ids.values.size(), count, type->bytes);
  }
  if (count == 0) fail(ErrorKind::kBadData, "{}: no token ids", where);
  return ids;
}

namespace {

// header: its dictionary; the values begin at a multiple of 64 bytes, so that they can be memory-mapped.
void write_npy(const std::filesystem::path& path, std::string header, std::string_view values) {
  const size_t prefix = kMagic.size() + 4;
  header.resize((prefix + header.size() + 1 + 63) / 64 * 64 - prefix, ' ');
  header.back() = '\n';
  std::string file(kMagic);
  file += {1, 0, static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  file += header;
  file += values;
  write_file_atomically(path, file);
}

template <typename Value>
std::string_view bytes_of_values(std::span<const Value> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

void write_npy_float32(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
                       int64_t columns) {
  ROPEWAY_CHECK(static_cast<int64_t>(values.size()) == rows * columns, "{} values for [{}, {}]",
                values.size(), rows, columns);
  write_npy(path,
            fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns),
            bytes_of_values(values));
}

void write_npy_int32(const std::filesystem::path& path, std::span<const int32_t> values) {
  write_npy(path, fmt::format("{{'descr': '<i4', 'fortran_order': False, 'shape': ({},), }}", values.size()),
            bytes_of_values(values));
}

}  // namespace ropeway
