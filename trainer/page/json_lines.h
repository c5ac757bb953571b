// Records of a file with a JSON object per line, as a page reads it while another process writes: lines that are
// not whole are passed over.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace ropeway::page {

// Throws kMissingInput when the file cannot be read.
void for_each_record(const std::filesystem::path& file,
                     const std::function<void(const nlohmann::json&)>& take);

// A number, or NaN where JSON has null because it has no NaN and no infinity.
double number_at(const nlohmann::json& record, const char* key);

}  // namespace ropeway::page
