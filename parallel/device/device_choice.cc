#include "parallel/device/device_choice.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {
namespace {

constexpr int kOldestCapability = 80;
constexpr char kSeparator = '\x1f';  // in no host's and no device's name

struct Row {
  std::string host, device, uuid, why_none;
  int visible = 0, capability = 0;
};

std::string pack(const Row& row) {
  std::string text;
  for (const std::string& field : {row.host, row.device, row.uuid, row.why_none, std::to_string(row.visible),
                                   std::to_string(row.capability)}) {
    text += field + kSeparator;
  }
  return text;
}

Row unpack(const std::string& text) {
  std::vector<std::string> fields(1);
  for (const char c : text) {
    if (c == kSeparator) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  ROPEWAY_CHECK(fields.size() == 7, "a rank described its device in {} fields", fields.size());
  return {fields[0], fields[1], fields[2], fields[3], std::stoi(fields[4]), std::stoi(fields[5])};
}

std::string list_of(const std::vector<size_t>& ranks) {
  std::string text;
  for (size_t i = 0; i < ranks.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return (ranks.size() == 1 ? "rank " : "ranks ") + text;
}

// Empty if the job can run.
struct Reason {
  std::string text;  // empty: there is none
  WayOut way_out = WayOut::kNone;
};
Reason why_not(const std::vector<Row>& rows) {
  std::vector<size_t> without, old;
  std::map<std::string, std::vector<size_t>> users;  // by UUID
  for (size_t r = 0; r < rows.size(); ++r) {
    if (!rows[r].why_none.empty()) {
      without.push_back(r);
    } else {
      users[rows[r].uuid].push_back(r);
      if (rows[r].capability < kOldestCapability) old.push_back(r);
    }
  }
  if (!without.empty()) {
    const std::string& reason = rows[without.front()].why_none;
    if (without.size() == rows.size()) return {reason};
    return {fmt::format("{} of {} cannot use one: {}", list_of(without), rows.size(), reason)};
  }
  for (const auto& [uuid, ranks] : users) {
    if (ranks.size() == 1) continue;
    const Row& row = rows[ranks.front()];
    const auto on_host =
        std::count_if(rows.begin(), rows.end(), [&](const Row& r) { return r.host == row.host; });
    return {fmt::format("{} share one GPU; {} has {} ranks, which see {}: start one rank for each GPU",
                        list_of(ranks), row.host, on_host, row.visible),
            WayOut::kRankPerGpu};
  }
  if (!old.empty()) {
    return {
        fmt::format("the GPU of {} is older than sm_80 (A100): it does not compute in BF16", list_of(old))};
  }
  return {};
}

std::string table_of(const std::vector<Row>& rows) {
  size_t widest = 4;
  for (const Row& row : rows) widest = std::max(widest, row.host.size());
  std::string text = fmt::format("  rank  {:<{}}  GPU", "host", widest);
  for (size_t r = 0; r < rows.size(); ++r) {
    const Row& row = rows[r];
    const std::string device = row.why_none.empty()
                                   ? fmt::format("{}, sm_{}, {}", row.device, row.capability, row.uuid)
                                   : "none: " + row.why_none;
    text += fmt::format("\n  {:>4}  {:<{}}  {}", r, row.host, widest, device);
  }
  return text;
}

}  // namespace

bool has_code_for(int capability, const std::string& architectures) {
  std::istringstream list(architectures);
  bool any = false;
  for (std::string one; std::getline(list, one, ',');) {
    any = true;
    size_t digits = 0;
    while (digits < one.size() && std::isdigit(static_cast<unsigned char>(one[digits])) != 0) ++digits;
    if (digits == 0) return true;  // "all", "native"
    const int built = std::stoi(one.substr(0, digits));
    const bool machine_code_only = one.ends_with("-real"),
               special = digits < one.size() && one[digits] != '-';
    if (special ? capability == built
                : capability >= built && (!machine_code_only || capability / 10 == built / 10)) {
      return true;
    }
  }
  return !any;
}

DeviceInfo choose_device(Communicator& world, const DeviceSeat& seat) {
  Row own;
  own.host = seat.host;
  own.why_none = seat.why_none;
  own.visible = static_cast<int>(seat.devices.size());
  if (seat.devices.empty() && own.why_none.empty()) own.why_none = "no CUDA device is visible";
  DeviceInfo device;
  if (own.why_none.empty()) {
    device = seat.devices[static_cast<size_t>(seat.local_rank) % seat.devices.size()];
    own.device = fmt::format("{} {}", device.index, device.name);
    own.uuid = device.uuid;
    own.capability = device.capability;
    if (own.capability >= kOldestCapability && !has_code_for(own.capability, seat.architectures)) {
      own.why_none = fmt::format(
          "the GPU is {}, sm_{}, this program's kernels are for {}: build it with "
          "-DCMAKE_CUDA_ARCHITECTURES={}-real",
          device.name, own.capability, seat.architectures, own.capability);
    }
  }
  std::vector<Row> rows;
  for (const std::string& text : all_gather_strings(world, pack(own))) rows.push_back(unpack(text));
  if (const Reason reason = why_not(rows); !reason.text.empty()) {
    fail(ErrorKind::kLauncher, reason.way_out, "device cuda: {}\n{}", reason.text, table_of(rows));
  }
  return device;
}

}  // namespace ropeway
