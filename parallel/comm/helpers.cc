// Conveniences on top of the verbs: nothing here knows which communicator it runs on.
#include <algorithm>
#include <cstring>
#include <exception>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"

namespace ropeway {
namespace {

// Every rank's bytes, of different lengths, on every rank.
std::vector<std::string> all_gather_bytes(Communicator& comm, const void* data, int64_t bytes) {
  std::vector<int64_t> lengths(static_cast<size_t>(comm.size()));
  comm.all_gather(&bytes, lengths.data(), sizeof bytes);
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::string mine(static_cast<size_t>(longest), '\0');
  if (bytes > 0) std::memcpy(mine.data(), data, static_cast<size_t>(bytes));
  std::string all(static_cast<size_t>(longest * comm.size()), '\0');
  comm.all_gather(mine.data(), all.data(), longest);
  std::vector<std::string> result;
  for (size_t r = 0; r < lengths.size(); ++r) {
    result.push_back(all.substr(r * static_cast<size_t>(longest), static_cast<size_t>(lengths[r])));
  }
  return result;
}

}  // namespace

void all_reduce_sum(Communicator& comm, std::span<double> values) {
  comm.all_reduce(values.data(), static_cast<int64_t>(values.size()), DType::kF64, ReduceOp::kSum);
}

double all_reduce_sum(Communicator& comm, double value) {
  comm.all_reduce(&value, 1, DType::kF64, ReduceOp::kSum);
  return value;
}

double all_reduce_max(Communicator& comm, double value) {
  comm.all_reduce(&value, 1, DType::kF64, ReduceOp::kMax);
  return value;
}

bool any_rank(Communicator& comm, bool value) {
  uint8_t flag = value ? 1 : 0;
  comm.all_reduce(&flag, 1, DType::kU8, ReduceOp::kMax);
  return flag != 0;
}

std::string broadcast_string(Communicator& comm, std::string value, int root) {
  auto length = static_cast<int64_t>(value.size());
  comm.broadcast(&length, sizeof length, root);
  value.resize(static_cast<size_t>(length));
  comm.broadcast(value.data(), length, root);
  return value;
}

std::vector<double> all_gather_vector(Communicator& comm, std::span<const double> values) {
  std::vector<double> result;
  for (const std::string& bytes :
       all_gather_bytes(comm, values.data(), static_cast<int64_t>(values.size_bytes()))) {
    const size_t old = result.size();
    result.resize(old + bytes.size() / sizeof(double));
    if (!bytes.empty()) std::memcpy(result.data() + old, bytes.data(), bytes.size());
  }
  return result;
}

std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& value) {
  return all_gather_bytes(comm, value.data(), static_cast<int64_t>(value.size()));
}

void run_on_rank(Communicator& comm, int root, const std::function<void()>& work) {
  std::exception_ptr error;
  int32_t kind = 0;  // of the error; 0 = none
  std::string message;
  if (comm.rank() == root) {
    try {
      work();
    } catch (const Error& e) {
      error = std::current_exception();
      kind = static_cast<int32_t>(e.kind());
      message = e.what();
    } catch (const std::exception& e) {
      error = std::current_exception();
      kind = static_cast<int32_t>(is_out_of_memory(e) ? ErrorKind::kMemory : ErrorKind::kInternal);
      message = e.what();
    }
  }
  comm.broadcast(&kind, sizeof kind, root);
  if (kind == 0) return;
  message = broadcast_string(comm, std::move(message), root);
  if (error) std::rethrow_exception(error);
  throw Error(static_cast<ErrorKind>(kind), message);
}

}  // namespace ropeway
