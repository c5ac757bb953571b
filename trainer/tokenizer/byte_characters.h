// GPT-2's byte characters: a byte that prints stands for itself, the others for U+0100 and up, so that a
// vocabulary of byte strings can be written as text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ropeway {

const std::array<std::string, 256>& byte_characters();  // UTF-8, one or two bytes each

// The bytes that `text` stands for; nullopt when some character of it is no byte character.
std::optional<std::string> bytes_of_characters(std::string_view text);

}  // namespace ropeway
