#include "kernels/base/unwanted_work.h"

namespace ropeway {

std::atomic<bool>& unwanted_work() {
  thread_local std::atomic<bool> flag{false};
  return flag;
}

}  // namespace ropeway
