// What `ropeway doctor` looks at, in its order: program, GPUs, ranks, hosts, a folder, clocks, links.
#pragma once

#include <functional>
#include <string>

#include "launch/doctor_report.h"
#include "trainer/config/choices.h"

namespace ropeway {

class MpiSession;

// kAuto: GPUs where any rank sees one.
enum class DoctorDevice { kAuto, kCpu, kCuda };
template <>
struct ChoiceTable<DoctorDevice> {
  using enum DoctorDevice;
  static constexpr Choice<DoctorDevice> choices[] = {{kAuto, "auto"}, {kCpu, "cpu"}, {kCuda, "cuda"}};
};

using TellFact = std::function<void(const std::string& title, const std::string& lines)>;

// Collective; the same report on every rank. Facts are told on rank 0 as they come: links, of which one may
// hang, are looked at last.
DoctorReport examine(MpiSession& job, const std::string& folder, DoctorDevice device, const TellFact& tell);

}  // namespace ropeway
