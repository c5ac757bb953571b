#include "parallel/comm/exchange_values.h"

#include <algorithm>
#include <cstring>

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

std::vector<std::string> all_gather_strings(Communicator& comm, const std::string& value) {
  return all_gather_bytes(comm, value.data(), static_cast<int64_t>(value.size()));
}

}  // namespace ropeway
