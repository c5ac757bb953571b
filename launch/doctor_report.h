// What `ropeway doctor` has found, as text and as JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "launch/doctor_fault.h"

namespace ropeway {

struct DoctorReport {
  std::vector<std::pair<std::string, std::string>> facts;  // a title, and lines
  std::vector<std::pair<std::string, double>> figures;     // "hop_gigabytes_per_second"
  DoctorFaults faults;
};

// "disk      /scratch 1.2 TiB": further lines stand below the first.
std::string fact_text(const std::string& title, const std::string& lines);
// What failed, each with its hint, or "all good".
std::string verdict_text(const DoctorFaults& faults);
std::string doctor_json(const DoctorReport& report);

// For sending between ranks.
std::string packed(const DoctorReport& report);
DoctorReport unpacked_report(const std::string& text);

}  // namespace ropeway
