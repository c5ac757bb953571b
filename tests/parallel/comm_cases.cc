#include "tests/parallel/comm_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "parallel/comm/run_on_rank.h"
#include "tests/parallel/collectives_cases.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A hop in flight while the ranks meet at a barrier and a helper reduces.
void barrier_passes_while_a_hop_is_in_flight(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const auto send = byte_pattern(rank, next, 0, 500'000);
  std::vector<uint8_t> recv(500'000);
  const auto hop = comm.start_hop(send.data(), next, recv.data(), previous, 500'000);
  comm.barrier();
  EXPECT_EQ(all_reduce_sum(comm, rank), size * (size - 1) / 2.0);
  hop->wait();
  EXPECT_EQ(recv, byte_pattern(previous, rank, 0, 500'000));
}

void destructor_of_a_hop_waits(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank();
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const auto send = byte_pattern(rank, next, 0, 300'000);
  std::vector<uint8_t> recv(300'000);
  { const auto hop = comm.start_hop(send.data(), next, recv.data(), previous, 300'000); }
  EXPECT_EQ(recv, byte_pattern(previous, rank, 0, 300'000));
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
  const auto send = byte_pattern(rank, 0, 0, 1000);
  std::vector<uint8_t> recv(1000);
  group->start_hop(send.data(), next, recv.data(), previous, 1000)->wait();
  EXPECT_EQ(recv, byte_pattern(2 * previous + rank % 2, 0, 0, 1000));
  const auto single = group->split(group->rank(), 0);  // a group of a group
  EXPECT_EQ(single->size(), 1);
  EXPECT_EQ(all_reduce_sum(*single, rank), rank);
}

void helpers_gather_unequal_lengths(Communicator& comm) {
  const auto strings = all_gather_strings(comm, std::string(comm.rank() * 2, 'x'));
  ASSERT_EQ(static_cast<int>(strings.size()), comm.size());
  for (int r = 0; r < comm.size(); ++r) EXPECT_EQ(strings[r], std::string(r * 2, 'x'));
}

void helpers_reduce_and_broadcast(Communicator& comm) {
  const int size = comm.size(), rank = comm.rank(), last = size - 1;
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

void the_lowest_ranks_error_is_thrown_on_all(Communicator& comm) {
  int calls = 0;
  run_on_all_ranks(comm, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
  const int first = comm.size() / 2;
  try {
    run_on_all_ranks(comm, [&] {
      if (comm.rank() >= first)
        fail(ErrorKind::kBadData, WayOut::kOtherRun, "rank {} has a bad file", comm.rank());
    });
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadData);
    EXPECT_EQ(e.way_out(), WayOut::kOtherRun);
    EXPECT_EQ(e.what(), fmt::format("rank {} has a bad file", first));
  }
  comm.barrier();
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
    for (int heads = 1; heads <= sequence; ++heads) {
      if (sequence % heads != 0) {
        EXPECT_THROW(Mesh(comm, {data, sequence, heads}), Error);
        continue;
      }
      const Mesh both(comm, {data, sequence, heads});
      EXPECT_EQ(both.size(Axis::kRing) * both.size(Axis::kHeads), sequence);
      EXPECT_EQ(both.index(Axis::kRing) * heads + both.index(Axis::kHeads), both.index(Axis::kSequence));
      const int first = rank - both.index(Axis::kSequence);  // of the row
      // Neighbours share heads; the ring goes from place to place.
      const int own_heads = both.index(Axis::kHeads), own_place = both.index(Axis::kRing);
      EXPECT_EQ(all_reduce_sum(both.group(Axis::kHeads), rank),
                heads * (first + own_place * heads + (heads - 1) / 2.0));
      EXPECT_EQ(all_reduce_sum(both.group(Axis::kRing), rank),
                both.size(Axis::kRing) * (first + own_heads + heads * (both.size(Axis::kRing) - 1) / 2.0));
    }
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
      ROPEWAY_CASE(barrier_passes_while_a_hop_is_in_flight),
      ROPEWAY_CASE(destructor_of_a_hop_waits),
      ROPEWAY_CASE(split_orders_by_key),
      ROPEWAY_CASE(split_groups_are_separate),
      ROPEWAY_CASE(helpers_gather_unequal_lengths),
      ROPEWAY_CASE(helpers_reduce_and_broadcast),
      ROPEWAY_CASE(error_on_one_rank_is_thrown_on_all),
      ROPEWAY_CASE(the_lowest_ranks_error_is_thrown_on_all),
      ROPEWAY_CASE(mesh_has_rows_and_columns),
      ROPEWAY_CASE(mesh_that_does_not_fit_is_refused),
#undef ROPEWAY_CASE
  };
  return cases;
}

std::ostream& operator<<(std::ostream& out, const CommCase& c) { return out << c.name; }

}  // namespace ropeway::testing
