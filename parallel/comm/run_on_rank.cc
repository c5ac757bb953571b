#include "parallel/comm/run_on_rank.h"

#include <exception>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {

namespace {

// What another rank can be told of an error. kind 0: there is none.
struct Told {
  int32_t kind = 0, way_out = 0;
  std::string message = {};
};

struct Caught {
  std::exception_ptr error;
  Told told;
};

Caught caught(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    const Failure failure = failure_of(error);
    return {error,
            {static_cast<int32_t>(failure.kind), static_cast<int32_t>(failure.way_out), failure.message}};
  }
}

// The exception itself on the rank that has it: its type may say more than an Error.
[[noreturn]] void throw_on_this_rank(const Caught& own, bool is_own, const Told& told) {
  if (is_own) std::rethrow_exception(own.error);
  throw Error(static_cast<ErrorKind>(told.kind), told.message, static_cast<WayOut>(told.way_out));
}

}  // namespace

void run_on_rank(Communicator& comm, int root, const std::function<void()>& work) {
  const bool is_root = comm.rank() == root;
  Caught own = is_root ? caught(work) : Caught{};
  int32_t numbers[] = {own.told.kind, own.told.way_out};
  comm.broadcast(numbers, sizeof numbers, root);
  if (numbers[0] == 0) return;
  throw_on_this_rank(own, is_root, {numbers[0], numbers[1], broadcast_string(comm, own.told.message, root)});
}

void run_on_all_ranks(Communicator& comm, const std::function<void()>& work) {
  const Caught own = caught(work);
  // Two numbers and the message; nothing where there is no error.
  const std::string packed =
      own.told.kind == 0 ? "" : fmt::format("{} {} {}", own.told.kind, own.told.way_out, own.told.message);
  const std::vector<std::string> all = all_gather_strings(comm, packed);
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].empty()) continue;
    const size_t first = all[rank].find(' '), second = all[rank].find(' ', first + 1);
    throw_on_this_rank(
        own, static_cast<int>(rank) == comm.rank(),
        {std::stoi(all[rank]), std::stoi(all[rank].substr(first + 1)), all[rank].substr(second + 1)});
  }
}

}  // namespace ropeway
