#include "trainer/report/run_report.h"

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/json_fault.h"
#include "trainer/report/report_json.h"

namespace ropeway {

using Json = nlohmann::ordered_json;

RunReport read_report(const std::filesystem::path& path) {
  return report_from_text(read_text_file(path), path.string());
}

std::string report_text(const RunReport& report) { return to_json(report).dump(); }

RunReport report_from_text(const std::string& text, const std::string& where) {
  try {
    return report_from_json(Json::parse(text));
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, "{}: not as this program writes it: {}", where, json_fault(error));
  }
}

}  // namespace ropeway
