#include "launch/doctor_report.h"

#include <nlohmann/json.hpp>
#include <sstream>

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

// Paths and variables may hold any bytes.
std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string fact_text(const std::string& title, const std::string& lines) {
  constexpr size_t kWidth = 13;
  std::string text, margin = title;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    text += fmt::format("{:<{}}{}\n", margin, kWidth, line);
    margin = "";
  }
  return text;
}

std::string verdict_text(const DoctorFaults& faults) {
  if (faults.empty()) return "all good\n";
  std::string text =
      faults.size() == 1 ? "1 check failed:\n" : fmt::format("{} checks failed:\n", faults.size());
  for (const DoctorFault& fault : faults) {
    text += fmt::format("{} ({}): {}\n", fault.check, static_cast<int>(fault.kind), fault.words);
    if (!fault.hint.empty()) text += fmt::format("  try: {}\n", fault.hint);
  }
  return text;
}

std::string doctor_json(const DoctorReport& report) {
  Json json;
  json["facts"] = Json::array();
  for (const auto& [title, lines] : report.facts)
    json["facts"].push_back({{"what", title}, {"found", lines}});
  json["figures"] = Json::object();
  for (const auto& [name, value] : report.figures) json["figures"][name] = value;
  json["failed"] = Json::array();
  for (const DoctorFault& fault : report.faults) {
    json["failed"].push_back({{"check", fault.check},
                              {"exit_code", static_cast<int>(fault.kind)},
                              {"found", fault.words},
                              {"hint", fault.hint}});
  }
  return text_of(json, 2) + "\n";
}

std::string packed(const DoctorReport& report) {
  Json faults = Json::array();
  for (const DoctorFault& fault : report.faults) {
    faults.push_back({fault.check, static_cast<int>(fault.kind), fault.words, fault.hint});
  }
  return text_of({{"facts", report.facts}, {"figures", report.figures}, {"faults", faults}}, -1);
}

DoctorReport unpacked_report(const std::string& text) {
  const Json json = Json::parse(text);
  DoctorReport report;
  json["facts"].get_to(report.facts);
  json["figures"].get_to(report.figures);
  for (const Json& fault : json["faults"]) {
    report.faults.push_back({fault[0], static_cast<ErrorKind>(fault[1].get<int>()), fault[2], fault[3]});
  }
  return report;
}

}  // namespace ropeway
