// What `ropeway doctor` finds wrong.
#pragma once

#include <string>
#include <vector>

#include "kernels/base/error.h"

namespace ropeway {

struct DoctorFault {
  std::string check;  // "limits"
  ErrorKind kind;     // what a run would end with
  std::string words;  // what was found
  std::string hint;   // what mends it
  bool operator==(const DoctorFault&) const = default;
};
using DoctorFaults = std::vector<DoctorFault>;

}  // namespace ropeway
