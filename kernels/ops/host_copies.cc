#include "kernels/ops/host_copies.h"

#include <ATen/ops/empty.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <limits>
#include <string>

#include "kernels/base/error.h"

namespace ropeway::ops {
namespace {

// The number behind `name` in a file of names and numbers, or the file's first word; -1: there
// is none ("max").
int64_t number_in(const char* file, const std::string& name = "") {
  std::ifstream in(file);
  int64_t number = -1;
  for (std::string word; in >> word;) {
    if (name.empty()) return std::isdigit(static_cast<unsigned char>(word[0])) != 0 ? std::stoll(word) : -1;
    if (word == name) return in >> number ? number : -1;
  }
  return number;
}

// How much more a control group may take. Its page cache does not count: it is dropped when memory is short.
int64_t left_in_group(int64_t limit, int64_t used, int64_t cache) {
  if (limit < 0 || used < 0) return std::numeric_limits<int64_t>::max();
  // Without a limit this is the largest number there is: nothing may be added to it.
  return std::max<int64_t>(0, limit - std::max<int64_t>(0, used - std::max<int64_t>(0, cache)));
}

// How much more this process may map (ulimit -v).
int64_t left_of_address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<int64_t>::max();
  }
  const int64_t pages = number_in("/proc/self/statm");
  return std::max<int64_t>(
      0, static_cast<int64_t>(limit.rlim_cur) - std::max<int64_t>(0, pages) * ::getpagesize());
}

class PlainCopies : public HostCopies {
 public:
  at::Tensor host_memory(int64_t bytes) override { return at::empty({bytes}, at::kByte); }
  Ticket start(const at::Tensor& from, const at::Tensor& to) override {
    to.copy_(from);
    return ++last_;
  }
  void compute_after(Ticket) override {}

 private:
  Ticket last_ = 0;
};

}  // namespace

int64_t control_group_limit() {
  // Version 1 says "none" with a number near 2^63.
  constexpr int64_t kNone = int64_t{1} << 62;
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t limit = number_in(file);
    if (limit > 0 && limit < kNone) return limit;
  }
  return 0;
}

int64_t available_host_bytes() {
  const int64_t kib = number_in("/proc/meminfo", "MemAvailable:");
  const int64_t machine = kib < 0 ? std::numeric_limits<int64_t>::max() : kib * 1024;
  const int64_t second =
      left_in_group(number_in("/sys/fs/cgroup/memory.max"), number_in("/sys/fs/cgroup/memory.current"),
                    number_in("/sys/fs/cgroup/memory.stat", "file"));
  const int64_t first = left_in_group(number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
                                      number_in("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
                                      number_in("/sys/fs/cgroup/memory/memory.stat", "total_cache"));
  return std::min({machine, first, second, left_of_address_space()});
}

std::unique_ptr<HostCopies> make_host_copies(c10::Device device) {
  if (device.is_cuda()) return make_cuda_host_copies(device);
  ROPEWAY_CHECK(device.is_cpu(), "no copies for {}", device.str());
  return std::make_unique<PlainCopies>();
}

}  // namespace ropeway::ops
