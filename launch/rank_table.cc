#include "launch/rank_table.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "kernels/base/log.h"
#include "kernels/ops/host_copies.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {
namespace {

constexpr size_t kMostRows = 64;

int count_of(const std::string& list) {
  int count = 0;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t dash = part.find('-');
    count += dash == std::string::npos ? 1 : std::atoi(part.c_str() + dash + 1) - std::atoi(part.c_str()) + 1;
  }
  return count;
}

// What a container or a batch system leaves to the job, or all that are there.
int cores_of_host() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    std::ifstream cores("/sys/fs/cgroup" + line.substr(3) + "/cpuset.cpus.effective");
    std::string list;
    if (std::getline(cores, list) && count_of(list) > 0) return count_of(list);
  }
  return static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
}

std::string packed(const RankSeat& seat) {
  return fmt::format("{}\n{}\n{} {} {}\n{}", seat.host, seat.cores.to_string(), seat.threads,
                     seat.cores_of_host, seat.memory_bytes, seat.gpu);
}

RankSeat unpacked(const std::string& text) {
  RankSeat seat;
  std::istringstream lines(text);
  std::string cores, numbers;
  std::getline(lines, seat.host);
  std::getline(lines, cores);
  std::getline(lines, numbers);
  std::getline(lines, seat.gpu);
  seat.cores = CoreSet(cores);
  std::istringstream(numbers) >> seat.threads >> seat.cores_of_host >> seat.memory_bytes;
  return seat;
}

// Of one host.
struct HostSeats {
  CoreSet cores;
  int count = 0, threads = 0, most_threads = 0, cores_there = 0;
};

std::string warning_of(const std::string& host, const HostSeats& seats) {
  const auto cores = static_cast<int>(seats.cores.count());
  const bool bound = 2 * cores <= seats.cores_there;
  std::string warning;
  if (seats.threads > cores && seats.most_threads == 1) {
    warning = fmt::format("{}: {} ranks on {} {}, which they share; start one rank per core there", host,
                          seats.count, cores, cores == 1 ? "core" : "cores");
  } else if (seats.threads > cores) {
    warning = fmt::format(
        "{}: {} {} with up to {} threads each, {} in all, on {} {}: they wait for each other and the run may "
        "be "
        "ten times slower; OMP_NUM_THREADS={} gives each rank its share",
        host, seats.count, seats.count == 1 ? "rank" : "ranks", seats.most_threads, seats.threads, cores,
        cores == 1 ? "core" : "cores", std::max(1, (bound ? seats.cores_there : cores) / seats.count));
  }
  if (bound) {
    warning += warning.empty() ? fmt::format("{}: {} ranks", host, seats.count) : "; they";
    warning += fmt::format(
        " may run on {} of {} cores: mpirun --bind-to none lets them use all (or --map-by ppr:{}:node:pe={})",
        cores, seats.cores_there, seats.count, std::max(1, seats.cores_there / seats.count));
  }
  return warning;
}

}  // namespace

RankSeat own_seat(const std::string& host, const std::string& gpu) {
  return {.host = host,
          .cores = allowed_cores(),
          .threads = at::get_num_threads(),
          .cores_of_host = cores_of_host(),
          .memory_bytes = ops::available_host_bytes(),
          .gpu = gpu};
}

std::string words_for(const CoreSet& cores) {
  std::string words;
  for (size_t core = 0; core < cores.size(); ++core) {
    if (!cores[core]) continue;
    size_t last = core;
    while (last + 1 < cores.size() && cores[last + 1]) ++last;
    words += fmt::format("{}{}", words.empty() ? "" : ",", core);
    if (last > core) words += fmt::format("-{}", last);
    core = last;
  }
  return words;
}

std::string rank_table(const std::vector<RankSeat>& seats, int sequence) {
  size_t host_width = 4, place_width = 5;
  const auto place_of = [](const RankSeat& seat) {
    return seat.gpu.empty() ? words_for(seat.cores) : seat.gpu;
  };
  for (const RankSeat& seat : seats) {
    host_width = std::max(host_width, seat.host.size());
    place_width = std::max(place_width, place_of(seat).size());
  }
  const bool gpus = std::ranges::any_of(seats, [](const RankSeat& seat) { return !seat.gpu.empty(); });
  std::string table = fmt::format("{:>4}  {:<{}}  {:<{}}  threads  memory free  data  sequence", "rank",
                                  "host", host_width, gpus ? "GPU" : "cores", place_width);
  for (size_t rank = 0; rank < std::min(seats.size(), kMostRows); ++rank) {
    const RankSeat& seat = seats[rank];
    table += fmt::format("\n{:>4}  {:<{}}  {:<{}}  {:>7}  {:>7.1f} GiB  {:>4}  {:>8}", rank, seat.host,
                         host_width, place_of(seat), place_width, seat.threads,
                         static_cast<double>(seat.memory_bytes) / (int64_t{1} << 30),
                         static_cast<int>(rank) / sequence, static_cast<int>(rank) % sequence);
  }
  if (seats.size() > kMostRows) table += fmt::format("\nand {} more", seats.size() - kMostRows);
  return table;
}

std::vector<std::string> seat_warnings(const std::vector<RankSeat>& seats) {
  std::map<std::string, HostSeats> hosts;
  for (const RankSeat& seat : seats) {
    if (!seat.gpu.empty()) continue;  // its cores only feed it
    HostSeats& host = hosts[seat.host];
    ++host.count;
    host.threads += seat.threads;
    host.most_threads = std::max(host.most_threads, seat.threads);
    host.cores |= seat.cores;
    host.cores_there = seat.cores_of_host;
  }
  std::vector<std::string> warnings;
  for (const auto& [name, host] : hosts) {
    if (std::string warning = warning_of(name, host); !warning.empty())
      warnings.push_back(std::move(warning));
  }
  return warnings;
}

std::vector<RankSeat> all_seats(Communicator& world, const RankSeat& own) {
  std::vector<RankSeat> seats;
  for (const std::string& text : all_gather_strings(world, packed(own))) seats.push_back(unpacked(text));
  return seats;
}

void tell_of_ranks(Communicator& world, const RankSeat& own, int sequence) {
  const std::vector<RankSeat> seats = all_seats(world, own);
  if (world.rank() != 0) return;
  if (seats.size() > 1) log_info("the ranks of this job:\n{}", rank_table(seats, sequence));
  for (const std::string& warning : seat_warnings(seats)) log_warning("{}", warning);
}

}  // namespace ropeway
