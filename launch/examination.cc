#include "launch/examination.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include "launch/folder_check.h"
#include "launch/host_check.h"
#include "launch/link_check.h"
#include "launch/rank_table.h"
#include "launch/version_text.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/nccl_library.h"
#include "parallel/device/cuda_job.h"

namespace ropeway {
namespace {

constexpr double kClocksMayDiffer = 2;  // seconds

class Examination {
 public:
  Examination(MpiSession& job, const TellFact& tell) : job_(job), world_(job.world()), tell_(tell) {}

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
  void add(const std::string& title, const std::string& lines) {
    report_.facts.emplace_back(title, lines);
    if (world_.rank() == 0) tell_(title, lines);
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
  const TellFact& tell_;
  DoctorReport report_;
};

}  // namespace

DoctorReport examine(MpiSession& job, const std::string& folder, DoctorDevice device, const TellFact& tell) {
  Examination examination(job, tell);
  examination.program();
  const std::unique_ptr<CudaJob> gpus = examination.devices(device);
  examination.ranks(gpus.get());
  examination.hosts(folder);
  examination.folder(folder);
  examination.links(gpus.get());
  if (gpus) gpus->close();
  return examination.agreed();
}

}  // namespace ropeway
