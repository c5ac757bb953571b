#include "tests/parallel/comm_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/run_on_rank.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A value whose sum over ranks depends on the order of summation.
template <typename T>
T value_of(int rank, int64_t i) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(std::sin(0.37 * static_cast<double>(i) + rank) * std::pow(10.0, rank % 5));
  } else {
    return static_cast<T>(i * 31 + rank * 7);
  }
}

template <typename T>
void sums_in_rank_order(Communicator& comm, DType dtype, std::initializer_list<int64_t> counts) {
  for (const int64_t count : counts) {
    std::vector<T> data(count), expected(count);
    for (int64_t i = 0; i < count; ++i) {
      data[i] = value_of<T>(comm.rank(), i);
      expected[i] = value_of<T>(0, i);
      for (int r = 1; r < comm.size(); ++r) expected[i] = static_cast<T>(expected[i] + value_of<T>(r, i));
    }
    comm.all_reduce(data.data(), count, dtype, ReduceOp::kSum);
    EXPECT_TRUE(data == expected) << count << " elements";
  }
}

void all_reduce_sums_f64(Communicator& comm) {
  sums_in_rank_order<double>(comm, DType::kF64, {0, 1, 3, 1000, 100'003});
}
void all_reduce_sums_f32(Communicator& comm) {
  sums_in_rank_order<float>(comm, DType::kF32, {1, 7, 1001, 200'001});
}
void all_reduce_sums_i64(Communicator& comm) {
  sums_in_rank_order<int64_t>(comm, DType::kI64, {1, 5, 30'001});
}
void all_reduce_sums_u8(Communicator& comm) {
  sums_in_rank_order<uint8_t>(comm, DType::kU8, {1, 5, 300'007});
}

void all_reduce_takes_extremes(Communicator& comm) {
  const int rank = comm.rank(), size = comm.size();
  std::vector<double> high{1.0 * rank, -1.0 * rank}, low = high;
  comm.all_reduce(high.data(), 2, DType::kF64, ReduceOp::kMax);
  comm.all_reduce(low.data(), 2, DType::kF64, ReduceOp::kMin);
  EXPECT_THAT(high, ElementsAre(size - 1.0, 0.0));
  EXPECT_THAT(low, ElementsAre(0.0, 1.0 - size));
}

void all_reduce_hands_a_nan_on(Communicator& comm) {
  for (int owner = 0; owner < comm.size(); ++owner) {
    for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin}) {
      double value = comm.rank() == owner ? std::numeric_limits<double>::quiet_NaN() : 1.0;
      comm.all_reduce(&value, 1, DType::kF64, op);
      EXPECT_TRUE(std::isnan(value)) << "owner " << owner;
    }
  }
}

void broadcast_reaches_all(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    for (const int64_t bytes : {0, 1, 13, 4096, 100'001}) {
      std::vector<uint8_t> data(bytes), expected(bytes);
      for (int64_t i = 0; i < bytes; ++i) {
        expected[i] = static_cast<uint8_t>(i * 3 + root);
        data[i] = comm.rank() == root ? expected[i] : 0xEE;
      }
      comm.broadcast(data.data(), bytes, root);
      EXPECT_EQ(data, expected) << bytes << " bytes from " << root;
    }
  }
}

void all_gather_keeps_rank_order(Communicator& comm) {
  for (const int64_t bytes : {0, 1, 7, 10'001}) {
    const int size = comm.size();
    std::vector<uint8_t> mine(bytes), all(bytes * size, 0xEE), expected;
    for (int64_t i = 0; i < bytes; ++i) mine[i] = static_cast<uint8_t>(i + 50 * comm.rank());
    for (int r = 0; r < size; ++r) {
      for (int64_t i = 0; i < bytes; ++i) expected.push_back(static_cast<uint8_t>(i + 50 * r));
    }
    comm.all_gather(mine.data(), all.data(), bytes);
    EXPECT_EQ(all, expected);
    std::vector<uint8_t> in_place(bytes * size, 0xEE);
    std::copy(mine.begin(), mine.end(), in_place.begin() + comm.rank() * bytes);
    comm.all_gather(in_place.data() + comm.rank() * bytes, in_place.data(), bytes);
    EXPECT_EQ(in_place, expected);
  }
}

std::vector<uint8_t> pattern(int from, int to, int message, int64_t bytes) {
  std::vector<uint8_t> data(bytes);
  for (int64_t i = 0; i < bytes; ++i)
    data[i] = static_cast<uint8_t>(i * 7 + from * 11 + to * 13 + message * 17);
  return data;
}

void hops_go_round_the_ring(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  for (const int64_t bytes : {0, 1, 333, 65'537, 1'000'003}) {
    auto send = pattern(rank, next, 0, bytes);
    std::vector<uint8_t> recv(bytes, 0xEE);
    comm.start_hop(send.data(), next, recv.data(), previous, bytes)->wait();
    EXPECT_EQ(recv, pattern(previous, rank, 0, bytes)) << bytes << " bytes";
  }
}

// Four in flight, waited for in the opposite order, and sizes that differ: messages match in the order they
// started.
void four_hops_overlap(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const int64_t sizes[4] = {70'001, 3, 20'000, 1};
  std::vector<uint8_t> send[4], recv[4];
  std::unique_ptr<Hop> hops[4];
  for (int m = 0; m < 4; ++m) {
    send[m] = pattern(rank, next, m, sizes[m]);
    recv[m].assign(sizes[m], 0xEE);
    hops[m] = comm.start_hop(send[m].data(), next, recv[m].data(), previous, sizes[m]);
  }
  for (int m = 3; m >= 0; --m) hops[m]->wait();
  for (int m = 0; m < 4; ++m) EXPECT_EQ(recv[m], pattern(previous, rank, m, sizes[m])) << "message " << m;
}

// Odd ranks wait for the second of two hops first, even ranks for the first.
void hops_may_be_waited_for_in_any_order(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const int64_t bytes = 200'000;
  auto right = pattern(rank, next, 0, bytes), left = pattern(rank, previous, 1, bytes);
  std::vector<uint8_t> from_left(bytes), from_right(bytes);
  auto first = comm.start_hop(right.data(), next, from_left.data(), previous, bytes);
  auto second = comm.start_hop(left.data(), previous, from_right.data(), next, bytes);
  (rank % 2 ? second : first)->wait();
  (rank % 2 ? first : second)->wait();
  EXPECT_EQ(from_left, pattern(previous, rank, 0, bytes));
  EXPECT_EQ(from_right, pattern(next, rank, 1, bytes));
}

void hop_to_itself(Communicator& comm) {
  const auto send = pattern(comm.rank(), comm.rank(), 0, 5003);
  std::vector<uint8_t> recv(5003);
  comm.start_hop(send.data(), comm.rank(), recv.data(), comm.rank(), 5003)->wait();
  EXPECT_EQ(recv, send);
}

void destructor_of_a_hop_waits(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const auto send = pattern(rank, next, 0, 300'000);
  std::vector<uint8_t> recv(300'000);
  { const auto hop = comm.start_hop(send.data(), next, recv.data(), previous, 300'000); }
  EXPECT_EQ(recv, pattern(previous, rank, 0, 300'000));
}

void collectives_run_while_a_hop_is_in_flight(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const auto send = pattern(rank, next, 0, 500'000);
  std::vector<uint8_t> recv(500'000);
  const auto hop = comm.start_hop(send.data(), next, recv.data(), previous, 500'000);
  comm.barrier();
  EXPECT_EQ(all_reduce_sum(comm, rank), size * (size - 1) / 2.0);
  hop->wait();
  EXPECT_EQ(recv, pattern(previous, rank, 0, 500'000));
}

void split_orders_by_key(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const auto reversed = comm.split(0, -rank);
  EXPECT_EQ(reversed->size(), size);
  EXPECT_EQ(reversed->rank(), size - 1 - rank);
  std::vector<int32_t> all(size);
  const int32_t mine = rank;
  reversed->all_gather(&mine, all.data(), sizeof mine);
  for (int r = 0; r < size; ++r) EXPECT_EQ(all[r], size - 1 - r);
}

void split_groups_are_separate(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const auto group = comm.split(rank % 2, rank);
  const int members = (size + 1 - rank % 2) / 2;
  ASSERT_EQ(group->size(), members);
  EXPECT_EQ(group->rank(), rank / 2);
  double expected = 0;
  for (int r = rank % 2; r < size; r += 2) expected += r;
  EXPECT_EQ(all_reduce_sum(*group, rank), expected);
  const int next = (group->rank() + 1) % members, previous = (group->rank() + members - 1) % members;
  const auto send = pattern(rank, 0, 0, 1000);
  std::vector<uint8_t> recv(1000);
  group->start_hop(send.data(), next, recv.data(), previous, 1000)->wait();
  EXPECT_EQ(recv, pattern(2 * previous + rank % 2, 0, 0, 1000));
  const auto single = group->split(group->rank(), 0);  // a group of a group
  EXPECT_EQ(single->size(), 1);
  EXPECT_EQ(all_reduce_sum(*single, rank), rank);
}

void helpers_gather_unequal_lengths(Communicator& comm) {
  std::vector<double> mine(comm.rank(), comm.rank() + 0.5), expected;
  for (int r = 0; r < comm.size(); ++r) expected.insert(expected.end(), r, r + 0.5);
  EXPECT_EQ(all_gather_vector(comm, mine), expected);
  const auto strings = all_gather_strings(comm, std::string(comm.rank() * 2, 'x'));
  ASSERT_EQ(static_cast<int>(strings.size()), comm.size());
  for (int r = 0; r < comm.size(); ++r) EXPECT_EQ(strings[r], std::string(r * 2, 'x'));
}

void helpers_reduce_and_broadcast(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank(), last = size - 1;
  EXPECT_EQ(all_reduce_max(comm, -rank), 0.0);
  EXPECT_TRUE(any_rank(comm, rank == last));
  EXPECT_FALSE(any_rank(comm, false));
  EXPECT_EQ(broadcast_string(comm, rank == last ? "from the last" : "other", last), "from the last");
  EXPECT_EQ(broadcast_string(comm, rank == 0 ? "" : "other"), "");
  std::vector<double> values{1.0, 1.0 * rank};
  all_reduce_sum(comm, std::span(values));
  EXPECT_THAT(values, ElementsAre(size, size * (size - 1) / 2.0));
}

void error_on_one_rank_is_thrown_on_all(Communicator& comm) {
  const int root = comm.size() - 1;
  int calls = 0;
  run_on_rank(comm, root, [&] { ++calls; });
  EXPECT_EQ(calls, comm.rank() == root ? 1 : 0);
  try {
    run_on_rank(comm, root, [] { fail(ErrorKind::kBadData, "file {} is bad", 7); });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadData);
    EXPECT_STREQ(e.what(), "file 7 is bad");
  }
  comm.barrier();  // still in step with each other
}

void mesh_has_rows_and_columns(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  for (int data = 1; data <= size; ++data) {
    if (size % data != 0) {
      EXPECT_THROW(Mesh(comm, {data, 0}), Error);
      continue;
    }
    const Mesh mesh(comm, {data, 0});
    const int sequence = size / data;
    EXPECT_EQ(mesh.size(Axis::kSequence), sequence);
    EXPECT_EQ(mesh.index(Axis::kData) * sequence + mesh.index(Axis::kSequence), rank);
    EXPECT_EQ(mesh.group(Axis::kSequence).size(), sequence);
    EXPECT_EQ(mesh.group(Axis::kSequence).rank(), mesh.index(Axis::kSequence));
    EXPECT_EQ(mesh.group(Axis::kData).size(), data);
    EXPECT_EQ(mesh.group(Axis::kData).rank(), mesh.index(Axis::kData));
    // A row is a run of neighbours; a column takes every sequence-th rank.
    EXPECT_EQ(all_reduce_sum(mesh.group(Axis::kSequence), rank),
              sequence * (mesh.index(Axis::kData) * sequence + (sequence - 1) / 2.0));
    EXPECT_EQ(all_reduce_sum(mesh.group(Axis::kData), rank),
              data * (mesh.index(Axis::kSequence) + sequence * (data - 1) / 2.0));
  }
}

void mesh_that_does_not_fit_is_refused(Communicator& comm) {
  try {
    Mesh(comm, {comm.size(), 3});
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kLauncher);
    EXPECT_THAT(e.what(), HasSubstr("= " + std::to_string(3 * comm.size()) + " ranks"));
  }
}

}  // namespace

const std::vector<CommCase>& comm_cases() {
  static const std::vector<CommCase> cases{
#define ROPEWAY_CASE(name) {#name, name}
      ROPEWAY_CASE(all_reduce_sums_f64),
      ROPEWAY_CASE(all_reduce_sums_f32),
      ROPEWAY_CASE(all_reduce_sums_i64),
      ROPEWAY_CASE(all_reduce_sums_u8),
      ROPEWAY_CASE(all_reduce_takes_extremes),
      ROPEWAY_CASE(all_reduce_hands_a_nan_on),
      ROPEWAY_CASE(broadcast_reaches_all),
      ROPEWAY_CASE(all_gather_keeps_rank_order),
      ROPEWAY_CASE(hops_go_round_the_ring),
      ROPEWAY_CASE(four_hops_overlap),
      ROPEWAY_CASE(hops_may_be_waited_for_in_any_order),
      ROPEWAY_CASE(hop_to_itself),
      ROPEWAY_CASE(destructor_of_a_hop_waits),
      ROPEWAY_CASE(collectives_run_while_a_hop_is_in_flight),
      ROPEWAY_CASE(split_orders_by_key),
      ROPEWAY_CASE(split_groups_are_separate),
      ROPEWAY_CASE(helpers_gather_unequal_lengths),
      ROPEWAY_CASE(helpers_reduce_and_broadcast),
      ROPEWAY_CASE(error_on_one_rank_is_thrown_on_all),
      ROPEWAY_CASE(mesh_has_rows_and_columns),
      ROPEWAY_CASE(mesh_that_does_not_fit_is_refused),
#undef ROPEWAY_CASE
  };
  return cases;
}

std::ostream& operator<<(std::ostream& out, const CommCase& c) { return out << c.name; }

}  // namespace ropeway::testing
