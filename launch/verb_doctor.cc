// ropeway doctor: whether ranks, hosts, disks and links are fit for a run, as one block to paste.
#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "launch/choice_option.h"
#include "launch/command_page.h"
#include "launch/doctor_report.h"
#include "launch/folder_check.h"
#include "launch/host_check.h"
#include "launch/link_check.h"
#include "launch/rank_table.h"
#include "launch/verbs.h"
#include "launch/version_text.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/nccl_library.h"
#include "parallel/comm/run_on_rank.h"
#include "parallel/device/cuda_job.h"
#include "trainer/files/files.h"
#include "trainer/files/output_place.h"

namespace ropeway {

enum class DoctorDevice { kAuto, kCpu, kCuda };
template <>
struct ChoiceTable<DoctorDevice> {
  using enum DoctorDevice;
  static constexpr Choice<DoctorDevice> choices[] = {{kAuto, "auto"}, {kCpu, "cpu"}, {kCuda, "cuda"}};
};

namespace {

namespace po = boost::program_options;

constexpr double kClocksMayDiffer = 2;  // seconds

// What rank 0 has to say, printed as it comes: a link that hangs is looked at last.
class Examination {
 public:
  explicit Examination(MpiSession& job) : job_(job), world_(job.world()) {}

  const DoctorReport& report() const { return report_; }

  void program() {
    add("date", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now())));
    add("program", version_text());
  }

  // The GPUs of the job; null: it works in host memory.
  std::unique_ptr<CudaJob> devices(DoctorDevice choice) {
    const std::vector<DeviceInfo> visible = visible_devices();
    const bool uses =
        choice == DoctorDevice::kAuto ? any_rank(world_, !visible.empty()) : choice == DoctorDevice::kCuda;
    std::unique_ptr<CudaJob> gpus;
    std::string nccl = "not needed", why;
    if (uses) {
      try {
        gpus = std::make_unique<CudaJob>(job_);
        nccl = nccl_library().version();
      } catch (const Error& error) {
        why = error.what();
        gpus.reset();
      }
    }
    if (any_rank(world_, !why.empty())) gpus.reset();
    add("NCCL", nccl);
    for (const std::string& fault : all_gather_strings(world_, why)) {
      if (!fault.empty()) fail_check("GPUs", ErrorKind::kLauncher, fault, "nvidia-smi; one rank per GPU");
    }
    return gpus;
  }

  void ranks(const CudaJob* gpus) {
    const std::string gpu =
        gpus == nullptr ? "" : fmt::format("{}: {}", gpus->info().index, gpus->info().name);
    const std::vector<RankSeat> seats = all_seats(world_, own_seat(job_.host_name(), gpu));
    add("ranks", rank_table(seats, world_.size()));
    for (const std::string& warning : seat_warnings(seats)) {
      fail_check("threads", ErrorKind::kLauncher, warning, "");
    }
  }

  // Each host once, by its first rank; what is wrong there, by whoever finds it.
  void hosts(const std::string& folder) {
    const std::vector<std::string> hosts = all_gather_strings(world_, job_.host_name());
    const auto on_host = static_cast<int>(std::count(hosts.begin(), hosts.end(), job_.host_name()));
    HostCheck own = check_host(folder, world_.size(), on_host);
    own.facts.emplace_back("GPUs", gpu_words());
    own.facts.emplace_back("environment", fmt::format("{}", fmt::join(environment_that_matters(), "\n")));
    const std::vector<std::string> all = all_gather_strings(world_, packed({own.facts, {}, own.faults}));
    std::map<std::string, bool> told;
    for (size_t rank = 0; rank < all.size(); ++rank) {
      const DoctorReport found = unpacked_report(all[rank]);
      for (const DoctorFault& fault : found.faults) {
        fail_check(fault.check, fault.kind, fmt::format("{}: {}", hosts[rank], fault.words), fault.hint);
      }
      if (std::exchange(told[hosts[rank]], true)) continue;
      add("host", hosts[rank]);
      for (const auto& [title, lines] : found.facts) add(title, lines);
    }
  }

  void folder(const std::string& folder) {
    const FolderCheck check = check_folder(world_, folder);
    add("folder", check.words);
    append(check.faults);
  }

  void clocks() {
    const std::vector<std::string> hosts = all_gather_strings(world_, job_.host_name());
    const std::vector<ClockOffset> offsets = clock_offsets(world_);
    ClockOffset largest;
    for (size_t rank = 1; rank < offsets.size(); ++rank) {
      if (std::abs(offsets[rank].seconds) >= std::abs(largest.seconds)) largest = offsets[rank];
      if (std::abs(offsets[rank].seconds) - offsets[rank].error < kClocksMayDiffer) continue;
      fail_check(
          "clocks", ErrorKind::kLauncher,
          fmt::format("{}: its clock is {:.3g} s {} that of {}", hosts[rank], std::abs(offsets[rank].seconds),
                      offsets[rank].seconds > 0 ? "ahead of" : "behind", hosts[0]),
          "have chrony or ntpd set the clocks of all nodes");
    }
    figure("largest_clock_offset_seconds", largest.seconds);
    add("clocks",
        fmt::format("within {:.2g} s of rank 0's (± {:.2g} s)", std::abs(largest.seconds), largest.error));
  }

  void links(CudaJob* gpus) {
    if (world_.size() == 1) {
      add("links", "one rank has none: mpirun -n 2 ropeway doctor");
      return;
    }
    clocks();
    const LinkCheck check = check_links(world_, gpus);
    add_speed("all-reduce", "all_reduce", check.all_reduce);
    add_speed("ring hop", "hop", check.hop);
    add("", fmt::format("an empty one {:.1f} us", 1e6 * check.hop_latency));
    add("ring step",
        fmt::format("attention of {} tokens per rank, {} heads: {:.2g} s for {} ring steps, {:.2g} s of "
                    "them waiting for keys",
                    check.step_tokens, check.step_heads, check.step_seconds, world_.size(),
                    check.step_waited));
    figure("hop_latency_seconds", check.hop_latency);
    figure("ring_step_seconds", check.step_seconds / world_.size());
    figure("ring_step_waited_seconds", check.step_waited / world_.size());
    append(check.faults);
  }

  // Rank 0's, on every rank.
  DoctorReport agreed() { return unpacked_report(broadcast_string(world_, packed(report_))); }

 private:
  bool prints() const { return world_.rank() == 0; }

  void add(const std::string& title, const std::string& lines) {
    report_.facts.emplace_back(title, lines);
    if (prints()) std::cout << fact_text(title, lines) << std::flush;
  }
  void figure(const std::string& name, double value) { report_.figures.emplace_back(name, value); }

  void add_speed(const std::string& title, const std::string& name, const LinkSpeed& speed) {
    figure(name + "_gigabytes_per_second", speed.gigabytes_per_second);
    add(title,
        fmt::format("{:.0f} MiB over {} ranks in {:.2g} s: {:.3g} GB/s each way for each rank; rank {} takes "
                    "longest",
                    speed.bytes / (1 << 20), world_.size(), speed.seconds, speed.gigabytes_per_second,
                    speed.slowest_rank));
  }

  void fail_check(const std::string& check, ErrorKind kind, const std::string& words,
                  const std::string& hint) {
    append({{check, kind, words, hint}});
  }
  // Several ranks may find the same.
  void append(const DoctorFaults& faults) {
    for (const DoctorFault& fault : faults) {
      if (std::ranges::find(report_.faults, fault) == report_.faults.end()) report_.faults.push_back(fault);
    }
  }

  std::string gpu_words() const {
    std::vector<std::string> words;
    for (const DeviceInfo& gpu : visible_devices()) {
      words.push_back(fmt::format("{}: {}, {:.0f} GiB, sm_{}", gpu.index, gpu.name,
                                  static_cast<double>(gpu.memory_bytes) / (int64_t{1} << 30),
                                  gpu.capability));
    }
    return words.empty() ? "none" : fmt::format("{}", fmt::join(words, "\n"));
  }

  MpiSession& job_;
  Communicator& world_;
  DoctorReport report_;
};

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
  Examination examination(job);
  examination.program();
  const std::unique_ptr<CudaJob> gpus = examination.devices(device);
  examination.ranks(gpus.get());
  examination.hosts(folder);
  examination.folder(folder);
  examination.links(gpus.get());
  if (gpus) gpus->close();
  const DoctorReport report = examination.agreed();
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
