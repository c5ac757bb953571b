// What a JSON reader found wrong, for people.
#pragma once

#include <exception>
#include <string>

namespace ropeway {

// Of nlohmann/json's exceptions: "key 'trials' not found", without "[json.exception.out_of_range.403]" before it.
std::string json_fault(const std::exception& error);

}  // namespace ropeway
