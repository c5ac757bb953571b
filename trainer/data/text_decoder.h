// Whatever a text file holds, as well-formed UTF-8: a byte-order mark is dropped, UTF-16 behind one is
// translated, and what belongs to no well-formed character becomes U+FFFD and is counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ropeway {

class TextDecoder {
 public:
  // The next bytes of the file, unpacked, in pieces of any size; appends what is decoded. last: the file ends
  // behind them.
  void decode(std::string_view bytes, bool last, std::string& to);

  // By the mark at the beginning; known once three bytes were decoded.
  bool is_utf16() const { return encoding_ == Encoding::kUtf16Le || encoding_ == Encoding::kUtf16Be; }
  int64_t file_bytes() const { return file_bytes_; }
  int64_t replaced_bytes() const { return replaced_bytes_; }
  // To be called at the end. Throws kBadData naming the place of the first bad byte when more than 1 byte of
  // 1,000 was replaced, or when more than a quarter of the bytes are NUL (UTF-16 without its mark).
  void require_text(const std::string& name) const;

 private:
  enum class Encoding { kUnknown, kUtf8, kUtf16Le, kUtf16Be };
  bool find_encoding(bool last);
  size_t decode_utf8(bool last, std::string& to);
  size_t decode_utf16(bool last, std::string& to);
  void replace(size_t at, size_t bytes, std::string& to);

  Encoding encoding_ = Encoding::kUnknown;
  std::string waiting_;  // bytes that are not decoded yet: the beginning of a character, or of the file
  int64_t file_bytes_ = 0, decoded_bytes_ = 0;
  int64_t replaced_bytes_ = 0, first_replaced_ = -1;
  int64_t nul_bytes_ = 0;
};

}  // namespace ropeway
