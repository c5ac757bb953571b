#include "trainer/tokenizer/byte_characters.h"

#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

constexpr uint32_t kEnd = 0x144;  // behind the last stand-in

struct Tables {
  std::array<std::string, 256> characters;
  std::array<int16_t, kEnd> bytes;
  Tables() {
    bytes.fill(-1);
    uint32_t next_stand_in = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const bool prints =
          (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
      const uint32_t code = prints ? byte : next_stand_in++;
      append_utf8(characters[byte], code);
      bytes[code] = static_cast<int16_t>(byte);
    }
  }
};

const Tables& tables() {
  static const Tables instance;
  return instance;
}

}  // namespace

const std::array<std::string, 256>& byte_characters() { return tables().characters; }

std::optional<std::string> bytes_of_characters(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const uint32_t code = next_code_point(text, at);
    if (code >= kEnd || tables().bytes[code] < 0) return std::nullopt;
    bytes += static_cast<char>(tables().bytes[code]);
  }
  return bytes;
}

}  // namespace ropeway
