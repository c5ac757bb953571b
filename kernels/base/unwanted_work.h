// Whether what a thread computes will be used. Another thread raises the flag when it has decided that it
// will not (parallel/comm/stop_agreement.h does), and lowers it before anything is computed that will. A
// kernel that takes long looks at it between two tiles and returns at once, with the rest of its results
// unwritten.
#pragma once

#include <atomic>

namespace ropeway {

std::atomic<bool>& unwanted_work();  // of the calling thread; for as long as that lives

}  // namespace ropeway
