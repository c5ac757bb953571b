#include "trainer/data/text_decoder.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr int64_t kMaxReplacedShare = 1000;  // one byte of so many

bool is_high_surrogate(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

// False: too few bytes to tell.
bool TextDecoder::find_encoding(bool last) {
  if (waiting_.size() < 3 && !last) return false;
  encoding_ = Encoding::kUtf8;
  size_t mark = 0;
  if (waiting_.starts_with("\xEF\xBB\xBF")) {
    mark = 3;
  } else if (waiting_.starts_with("\xFF\xFE")) {
    encoding_ = Encoding::kUtf16Le;
    mark = 2;
  } else if (waiting_.starts_with("\xFE\xFF")) {
    encoding_ = Encoding::kUtf16Be;
    mark = 2;
  }
  waiting_.erase(0, mark);
  decoded_bytes_ += static_cast<int64_t>(mark);
  return true;
}

void TextDecoder::decode(std::string_view bytes, bool last, std::string& to) {
  file_bytes_ += static_cast<int64_t>(bytes.size());
  waiting_ += bytes;
  if (encoding_ == Encoding::kUnknown && !find_encoding(last)) return;
  const size_t done = encoding_ == Encoding::kUtf8 ? decode_utf8(last, to) : decode_utf16(last, to);
  waiting_.erase(0, done);
  decoded_bytes_ += static_cast<int64_t>(done);
}

void TextDecoder::replace(size_t at, size_t bytes, std::string& to) {
  if (first_replaced_ < 0) first_replaced_ = decoded_bytes_ + static_cast<int64_t>(at);
  replaced_bytes_ += static_cast<int64_t>(bytes);
  to += kReplacement;
}

size_t TextDecoder::decode_utf8(bool last, std::string& to) {
  const std::string_view text = waiting_;
  nul_bytes_ += std::count(text.begin(), text.end(), '\0');
  size_t at = 0;
  while (at < text.size()) {
    const size_t good = valid_utf8_bytes(text.substr(at));
    to += text.substr(at, good);
    at += good;
    if (at == text.size()) break;
    const IllFormed part = ill_formed_at(text, at);
    if (part.may_continue && !last) break;  // the rest of the character may be in the next piece
    replace(at, part.bytes, to);
    at += part.bytes;
  }
  return at;
}

size_t TextDecoder::decode_utf16(bool last, std::string& to) {
  const size_t low = encoding_ == Encoding::kUtf16Le ? 0 : 1;
  const auto unit = [&](size_t at) {
    const auto byte = [&](size_t i) {
      return static_cast<uint32_t>(static_cast<unsigned char>(waiting_[i]));
    };
    return byte(at + low) | byte(at + 1 - low) << 8;
  };
  size_t at = 0;
  while (at + 2 <= waiting_.size()) {
    const uint32_t first = unit(at);
    if (is_high_surrogate(first)) {
      if (at + 4 > waiting_.size() && !last) return at;
      if (at + 4 <= waiting_.size() && is_low_surrogate(unit(at + 2))) {
        append_utf8(to, 0x10000 + ((first & 0x3FF) << 10) + (unit(at + 2) & 0x3FF));
        at += 4;
        continue;
      }
    }
    if (is_high_surrogate(first) || is_low_surrogate(first)) {
      replace(at, 2, to);
    } else {
      append_utf8(to, first);
    }
    at += 2;
  }
  if (last && at < waiting_.size()) {
    replace(at, 1, to);
    ++at;
  }
  return at;
}

void TextDecoder::require_text(const std::string& name) const {
  if (replaced_bytes_ * kMaxReplacedShare > file_bytes_) {
    fail(ErrorKind::kBadData,
         "{}: {} of {} bytes are not {} (the first is byte {}), at most 1 of {} may be: "
         "binary data, or text in another encoding, to be converted: "
         "iconv -f LATIN1 -t UTF-8 FILE > FILE.utf8",
         name, replaced_bytes_, file_bytes_, encoding_ == Encoding::kUtf8 ? "UTF-8" : "UTF-16",
         first_replaced_, kMaxReplacedShare);
  }
  if (nul_bytes_ * 4 > file_bytes_) {
    fail(ErrorKind::kBadData,
         "{}: {} of {} bytes are NUL: binary data, or UTF-16 without its byte-order mark, to be converted: "
         "iconv -f UTF-16LE -t UTF-8 FILE > FILE.utf8",
         name, nul_bytes_, file_bytes_);
  }
}

}  // namespace ropeway
