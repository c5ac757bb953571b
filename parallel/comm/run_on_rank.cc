#include "parallel/comm/run_on_rank.h"

#include <exception>
#include <string>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {

void run_on_rank(Communicator& comm, int root, const std::function<void()>& work) {
  std::exception_ptr error;
  struct {
    int32_t kind = 0, way_out = 0;
  } what;  // of the error; kind 0: there is none
  std::string message;
  if (comm.rank() == root) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
      const Failure failure = failure_of(error);
      what = {static_cast<int32_t>(failure.kind), static_cast<int32_t>(failure.way_out)};
      message = failure.message;
    }
  }
  comm.broadcast(&what, sizeof what, root);
  if (what.kind == 0) return;
  message = broadcast_string(comm, std::move(message), root);
  if (error) std::rethrow_exception(error);
  throw Error(static_cast<ErrorKind>(what.kind), message, static_cast<WayOut>(what.way_out));
}

}  // namespace ropeway
