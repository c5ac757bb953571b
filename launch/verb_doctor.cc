// ropeway doctor: whether ranks, hosts, disks and links are fit for a run, as one block to paste.
#include <algorithm>
#include <iostream>

#include "launch/choice_option.h"
#include "launch/command_page.h"
#include "launch/examination.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/files/output_place.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

std::string names_of(const DoctorFaults& faults) {
  std::vector<std::string> names;
  for (const DoctorFault& fault : faults) {
    if (std::ranges::find(names, fault.check) == names.end()) names.push_back(fault.check);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

CommandPage doctor_page() {
  return {
      .usage = "[--folder DIR] [--device D] [--json OUT]",
      .about =
          "Looks at what a run needs, alone or on the ranks of a job, and prints one block to paste:\n"
          "versions, ranks and cores, GPUs, memory, limits, room, clocks, a folder and its locks, and\n"
          "the speed of an all-reduce, a hop and a ring step. Then what failed, with a hint for each.\n",
      .options = {row(Option::text("folder", "DIR", "runs").offering(Completion::kFile),
                      "where runs write (default: runs)"),
                  row(Option::text("device", "D", "auto").offering("auto cpu cuda"),
                      "auto (default): GPUs where there are any; cpu, cuda"),
                  row(Option::text("json", "OUT").offering(Completion::kFile), "the same as JSON")},
      .notes =
          "Ends with 0, or with the exit code that a run would have had of the first check that failed.\n",
      .examples = "mpirun -n 8 ropeway doctor --folder /scratch/me/runs\n",
      .columns = 100,
      .help_column = 20};
}

void doctor_verb(const Arguments& arguments, MpiSession& job) {
  Communicator& world = job.world();
  const CommandLine line = command_line("doctor", doctor_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (world.rank() == 0) std::cout << line.help;
    return;
  }
  const std::string folder = values["folder"].as<std::string>();
  const auto device = read_choice<DoctorDevice>("device", values["device"].as<std::string>());
  const std::string json = values.count("json") > 0 ? values["json"].as<std::string>() : "";
  run_on_rank(world, 0, [&] {
    if (!json.empty()) require_output(json);
  });
  const DoctorReport report =
      examine(job, folder, device, [](const std::string& title, const std::string& lines) {
        std::cout << fact_text(title, lines) << std::flush;
      });
  run_on_rank(world, 0, [&] {
    std::cout << verdict_text(report.faults);
    if (!json.empty()) write_file_atomically(json, doctor_json(report));
  });
  if (report.faults.empty()) return;
  fail(report.faults[0].kind, "doctor: {} failed: {}; what was found and hints are above",
       report.faults.size() == 1 ? "a check" : fmt::format("{} checks", report.faults.size()),
       names_of(report.faults));
}

}  // namespace ropeway
