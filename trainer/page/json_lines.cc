#include "trainer/page/json_lines.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "trainer/files/files.h"

namespace ropeway::page {

void for_each_record(const std::filesystem::path& file,
                     const std::function<void(const nlohmann::json&)>& take) {
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_object()) take(record);
  }
}

double number_at(const nlohmann::json& record, const char* key) {
  const auto found = record.find(key);
  const bool there = found != record.end() && found->is_number();
  return there ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace ropeway::page
