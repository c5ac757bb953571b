#include "trainer/data/npy.h"

#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

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
        refuse("an unknown or repeated key '" + key + "'");
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

template <typename Stored>
std::vector<int32_t> checked_ids(const std::string& where, std::string_view values, int64_t vocab_size) {
  std::vector<int32_t> ids(values.size() / sizeof(Stored));
  for (size_t i = 0; i < ids.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, values.data() + i * sizeof stored, sizeof stored);
    const int64_t id = static_cast<int64_t>(stored);
    if (id < 0 || id >= vocab_size) {
      fail(ErrorKind::kBadData, "{}: index {} holds token id {}, outside the model's vocabulary [0, {})",
           where, i, id, vocab_size);
    }
    ids[i] = static_cast<int32_t>(id);
  }
  return ids;
}

}  // namespace

std::vector<int32_t> read_npy_token_ids(const std::filesystem::path& path, int64_t vocab_size) {
  ROPEWAY_CHECK(vocab_size > 0 && vocab_size <= std::numeric_limits<int32_t>::max(), "vocab_size {}",
                vocab_size);
  const std::string where = path.string();
  const std::string file = read_text_file(path);
  std::string_view values;
  const NpyHeader header = parse_npy(where, file, values);

  struct Kind {
    std::string_view descr;
    size_t bytes;
    std::vector<int32_t> (*convert)(const std::string&, std::string_view, int64_t);
  };
  static constexpr Kind kKinds[] = {{"<i4", 4, checked_ids<int32_t>},
                                    {"<i8", 8, checked_ids<int64_t>},
                                    {"<u2", 2, checked_ids<uint16_t>},
                                    {"|u1", 1, checked_ids<uint8_t>}};
  const Kind* kind = nullptr;
  for (const Kind& candidate : kKinds) {
    if (candidate.descr == header.descr) kind = &candidate;
  }
  if (kind == nullptr) {
    fail(
        ErrorKind::kBadData,
        "{}: values of type '{}', wanted little-endian int32 '<i4', int64 '<i8', uint16 '<u2' or uint8 '|u1'",
        where, header.descr);
  }
  if (header.shape.size() != 1) {
    fail(ErrorKind::kBadData, "{}: {} dimensions, wanted one", where, header.shape.size());
  }
  if (header.fortran_order) fail(ErrorKind::kBadData, "{}: Fortran order, wanted C order", where);
  const uint64_t count = static_cast<uint64_t>(header.shape[0]);
  if (values.size() % kind->bytes != 0 || values.size() / kind->bytes != count) {
    fail(ErrorKind::kBadData, "{}: {} bytes follow the header, wanted {} values of {} bytes", where,
         values.size(), count, kind->bytes);
  }
  if (count == 0) fail(ErrorKind::kBadData, "{}: no token ids", where);
  return kind->convert(where, values, vocab_size);
}

void write_npy_float32(const std::filesystem::path& path, std::span<const float> values, int64_t rows,
                       int64_t columns) {
  ROPEWAY_CHECK(static_cast<int64_t>(values.size()) == rows * columns, "{} values for [{}, {}]",
                values.size(), rows, columns);
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  // The values begin at a multiple of 64 bytes, so that they can be memory-mapped.
  const size_t prefix = kMagic.size() + 4;
  header.resize((prefix + header.size() + 1 + 63) / 64 * 64 - prefix, ' ');
  header.back() = '\n';
  std::string file(kMagic);
  file += {1, 0, static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_file_atomically(path, file);
}

}  // namespace ropeway
