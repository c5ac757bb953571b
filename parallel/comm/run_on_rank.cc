#include "parallel/comm/run_on_rank.h"

#include <exception>
#include <string>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"

namespace ropeway {

void run_on_rank(Communicator& comm, int root, const std::function<void()>& work) {
  std::exception_ptr error;
  int32_t kind = 0;  // of the error; 0 = none
  std::string message;
  if (comm.rank() == root) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
      const Failure failure = failure_of(error);
      kind = static_cast<int32_t>(failure.kind);
      message = failure.message;
    }
  }
  comm.broadcast(&kind, sizeof kind, root);
  if (kind == 0) return;
  message = broadcast_string(comm, std::move(message), root);
  if (error) std::rethrow_exception(error);
  throw Error(static_cast<ErrorKind>(kind), message);
}

}  // namespace ropeway
