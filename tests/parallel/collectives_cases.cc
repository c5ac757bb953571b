#include "tests/parallel/collectives_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <ostream>

#include "parallel/comm/exchange_ahead.h"

namespace ropeway::testing {
namespace {

using ::testing::ElementsAre;

template <typename T>
class Buffer {
 public:
  Buffer(CaseMemory& memory, const std::vector<T>& values) : memory_(memory), count_(values.size()) {
    data_ = memory.allocate(bytes());
    memory.put(data_.get(), values.data(), bytes());
  }
  T* data() { return static_cast<T*>(data_.get()); }
  std::vector<T> values() const {
    std::vector<T> values(count_);
    memory_.get(values.data(), data_.get(), bytes());
    return values;
  }

 private:
  int64_t bytes() const { return static_cast<int64_t>(count_ * sizeof(T)); }

  CaseMemory& memory_;
  size_t count_;
  std::shared_ptr<void> data_;
};
using Bytes = Buffer<uint8_t>;

std::vector<uint8_t> blank(int64_t bytes) { return std::vector<uint8_t>(static_cast<size_t>(bytes), 0xEE); }

// A value whose sum over ranks depends on the order of summation.
template <typename T>
T value_of(int rank, int64_t i) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(std::sin(0.37 * static_cast<double>(i) + rank) * std::pow(10.0, rank % 5));
  } else {
    return static_cast<T>(i * 31 + rank * 7);
  }
}

// Small whole numbers, whose sums are exact in any order.
template <typename T>
T exact_value_of(int rank, int64_t i) {
  return static_cast<T>((i * 5 + rank * 3) % 17);
}

template <typename T>
using ValueOf = T (*)(int rank, int64_t i);

template <typename T>
std::vector<T> values_of_rank(int rank, int64_t begin, int64_t end, ValueOf<T> value) {
  std::vector<T> values;
  for (int64_t i = begin; i < end; ++i) values.push_back(value(rank, i));
  return values;
}

template <typename T>
std::vector<T> sum_in_rank_order(int ranks, int64_t begin, int64_t end, ValueOf<T> value) {
  std::vector<T> sum = values_of_rank<T>(0, begin, end, value);
  for (int r = 1; r < ranks; ++r) {
    for (int64_t i = begin; i < end; ++i) {
      T& s = sum[static_cast<size_t>(i - begin)];
      s = static_cast<T>(s + value(r, i));
    }
  }
  return sum;
}

template <typename T>
void all_reduce_sums(Collectives& group, CaseMemory& memory, DType dtype,
                     std::initializer_list<int64_t> counts, ValueOf<T> value) {
  for (const int64_t count : counts) {
    Buffer<T> data(memory, values_of_rank<T>(group.rank(), 0, count, value));
    group.all_reduce(data.data(), count, dtype, ReduceOp::kSum);
    EXPECT_TRUE(data.values() == sum_in_rank_order<T>(group.size(), 0, count, value)) << count << " elements";
  }
}

void all_reduce_sums_f64(Collectives& group, CaseMemory& memory) {
  all_reduce_sums<double>(group, memory, DType::kF64, {0, 1, 3, 1000, 100'003}, value_of);
}
void all_reduce_sums_f32(Collectives& group, CaseMemory& memory) {
  all_reduce_sums<float>(group, memory, DType::kF32, {1, 7, 1001, 200'001}, value_of);
}
void all_reduce_sums_i64(Collectives& group, CaseMemory& memory) {
  all_reduce_sums<int64_t>(group, memory, DType::kI64, {1, 5, 30'001}, value_of);
}
void all_reduce_sums_u8(Collectives& group, CaseMemory& memory) {
  all_reduce_sums<uint8_t>(group, memory, DType::kU8, {1, 5, 300'007}, value_of);
}
void all_reduce_sums_whole_numbers(Collectives& group, CaseMemory& memory) {
  all_reduce_sums<float>(group, memory, DType::kF32, {1, 7, 1001, 200'001}, exact_value_of);
  all_reduce_sums<double>(group, memory, DType::kF64, {3, 1000}, exact_value_of);
}

void all_reduce_takes_extremes(Collectives& group, CaseMemory& memory) {
  const int rank = group.rank(), size = group.size();
  Buffer<double> high(memory, {1.0 * rank, -1.0 * rank}), low(memory, {1.0 * rank, -1.0 * rank});
  group.all_reduce(high.data(), 2, DType::kF64, ReduceOp::kMax);
  group.all_reduce(low.data(), 2, DType::kF64, ReduceOp::kMin);
  EXPECT_THAT(high.values(), ElementsAre(size - 1.0, 0.0));
  EXPECT_THAT(low.values(), ElementsAre(0.0, 1.0 - size));
}

constexpr ReduceOp kEveryOp[] = {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin};

void all_reduce_hands_a_nan_on(Collectives& group, CaseMemory& memory) {
  for (int owner = 0; owner < group.size(); ++owner) {
    for (const ReduceOp op : kEveryOp) {
      Buffer<double> value(memory, {group.rank() == owner ? std::numeric_limits<double>::quiet_NaN() : 1.0});
      group.all_reduce(value.data(), 1, DType::kF64, op);
      EXPECT_TRUE(std::isnan(value.values()[0])) << "owner " << owner;
    }
  }
}

// Rank r gets share r of the sum; the others' shares stay out of it, and what was sent stays as it was. Then
// the same with the result in the place of the own share.
template <typename T>
void reduce_scatter_sums(Collectives& group, CaseMemory& memory, DType dtype,
                         std::initializer_list<int64_t> counts, ValueOf<T> value) {
  const int rank = group.rank(), size = group.size();
  for (const int64_t count : counts) {
    const auto mine = values_of_rank<T>(rank, 0, count * size, value);
    const auto expected = sum_in_rank_order<T>(size, rank * count, (rank + 1) * count, value);
    Buffer<T> send(memory, mine), recv(memory, std::vector<T>(static_cast<size_t>(count), T(77)));
    group.reduce_scatter(send.data(), recv.data(), count, dtype, ReduceOp::kSum);
    EXPECT_TRUE(recv.values() == expected) << count << " elements";
    EXPECT_TRUE(send.values() == mine) << count << " elements";
    T* const own = send.data() + rank * count;
    group.reduce_scatter(send.data(), own, count, dtype, ReduceOp::kSum);
    auto after = mine;
    std::copy(expected.begin(), expected.end(), after.begin() + rank * count);
    EXPECT_TRUE(send.values() == after) << count << " elements in place";
  }
}

void reduce_scatter_sums_f64(Collectives& group, CaseMemory& memory) {
  reduce_scatter_sums<double>(group, memory, DType::kF64, {0, 1, 3, 1000, 50'003}, value_of);
}
void reduce_scatter_sums_f32(Collectives& group, CaseMemory& memory) {
  reduce_scatter_sums<float>(group, memory, DType::kF32, {1, 7, 1001, 100'001}, value_of);
}
void reduce_scatter_sums_i64(Collectives& group, CaseMemory& memory) {
  reduce_scatter_sums<int64_t>(group, memory, DType::kI64, {1, 5, 20'001}, value_of);
}
void reduce_scatter_sums_u8(Collectives& group, CaseMemory& memory) {
  reduce_scatter_sums<uint8_t>(group, memory, DType::kU8, {1, 5, 200'007}, value_of);
}
void reduce_scatter_sums_whole_numbers(Collectives& group, CaseMemory& memory) {
  reduce_scatter_sums<float>(group, memory, DType::kF32, {1, 7, 1001, 100'001}, exact_value_of);
  reduce_scatter_sums<double>(group, memory, DType::kF64, {3, 1000}, exact_value_of);
}

void reduce_scatter_takes_extremes(Collectives& group, CaseMemory& memory) {
  const int rank = group.rank(), size = group.size();
  std::vector<double> mine;  // share s of rank r: r * s, -r * s
  for (int share = 0; share < size; ++share) {
    mine.push_back(1.0 * rank * share);
    mine.push_back(-1.0 * rank * share);
  }
  Buffer<double> send(memory, mine), high(memory, {7, 7}), low(memory, {7, 7});
  group.reduce_scatter(send.data(), high.data(), 2, DType::kF64, ReduceOp::kMax);
  group.reduce_scatter(send.data(), low.data(), 2, DType::kF64, ReduceOp::kMin);
  EXPECT_THAT(high.values(), ElementsAre((size - 1.0) * rank, 0.0));
  EXPECT_THAT(low.values(), ElementsAre(0.0, (1.0 - size) * rank));
}

// A NaN that rank `owner` has in share s reaches rank s and no other.
void reduce_scatter_hands_a_nan_on(Collectives& group, CaseMemory& memory) {
  const int rank = group.rank(), size = group.size();
  for (int owner = 0; owner < size; ++owner) {
    for (const ReduceOp op : kEveryOp) {
      const int share = (owner + 1) % size;
      std::vector<double> mine(static_cast<size_t>(size), 1.0);
      if (rank == owner) mine[static_cast<size_t>(share)] = std::numeric_limits<double>::quiet_NaN();
      Buffer<double> send(memory, mine), recv(memory, {0.0});
      group.reduce_scatter(send.data(), recv.data(), 1, DType::kF64, op);
      EXPECT_EQ(std::isnan(recv.values()[0]), rank == share) << "owner " << owner;
    }
  }
}

// Two exchanges in flight, waited for in the other order. What they give is there after wait(), if not
// before.
void exchanges_go_ahead(Collectives& group, CaseMemory& memory) {
  const int64_t count = 1001;
  const int rank = group.rank(), size = group.size();
  Buffer<float> gathered(memory, std::vector<float>(static_cast<size_t>(count * size), 77));
  Buffer<float> own(memory, values_of_rank<float>(rank, 0, count, exact_value_of));
  Buffer<float> send(memory, values_of_rank<float>(rank, 0, count * size, exact_value_of));
  float* const share = send.data() + rank * count;
  const auto gathering = start_all_gather(group, own.data(), gathered.data(), count * 4);
  const auto reducing = start_reduce_scatter(group, send.data(), share, count, DType::kF32, ReduceOp::kSum);
  reducing->wait();
  gathering->wait();
  const std::vector<float> all = gathered.values(), sums = send.values();
  for (int r = 0; r < size; ++r) {
    const auto of_rank = values_of_rank<float>(r, 0, count, exact_value_of);
    EXPECT_TRUE(std::equal(of_rank.begin(), of_rank.end(), all.begin() + r * count)) << "rank " << r;
  }
  const auto sum = sum_in_rank_order<float>(size, rank * count, (rank + 1) * count, exact_value_of);
  EXPECT_TRUE(std::equal(sum.begin(), sum.end(), sums.begin() + rank * count));
}

// What an optimizer does that holds a share of a sum: both verbs together are the all-reduce.
void gathered_shares_of_a_sum_are_the_sum(Collectives& group, CaseMemory& memory) {
  const int64_t count = 1001;
  const int size = group.size();
  Buffer<float> all(memory, values_of_rank<float>(group.rank(), 0, count * size, exact_value_of));
  float* const own = all.data() + group.rank() * count;
  group.reduce_scatter(all.data(), own, count, DType::kF32, ReduceOp::kSum);
  group.all_gather(own, all.data(), count * static_cast<int64_t>(sizeof(float)));
  EXPECT_TRUE(all.values() == sum_in_rank_order<float>(size, 0, count * size, exact_value_of));
}

void broadcast_reaches_all(Collectives& group, CaseMemory& memory) {
  for (int root = 0; root < group.size(); ++root) {
    for (const int64_t bytes : {0, 1, 13, 4096, 100'001}) {
      const auto expected = byte_pattern(root, 0, 0, bytes);
      Bytes data(memory, group.rank() == root ? expected : blank(bytes));
      group.broadcast(data.data(), bytes, root);
      EXPECT_EQ(data.values(), expected) << bytes << " bytes from " << root;
    }
  }
}

void all_gather_keeps_rank_order(Collectives& group, CaseMemory& memory) {
  const int size = group.size(), rank = group.rank();
  for (const int64_t bytes : {0, 1, 7, 10'001}) {
    const auto mine = byte_pattern(rank, 0, 0, bytes);
    std::vector<uint8_t> expected;
    for (int r = 0; r < size; ++r) {
      const auto theirs = byte_pattern(r, 0, 0, bytes);
      expected.insert(expected.end(), theirs.begin(), theirs.end());
    }
    Bytes send(memory, mine), all(memory, blank(bytes * size));
    group.all_gather(send.data(), all.data(), bytes);
    EXPECT_EQ(all.values(), expected);
    auto placed = blank(bytes * size);
    std::copy(mine.begin(), mine.end(), placed.begin() + rank * bytes);
    Bytes in_place(memory, placed);
    group.all_gather(in_place.data() + rank * bytes, in_place.data(), bytes);
    EXPECT_EQ(in_place.values(), expected);
  }
}

// Row r of every rank goes to rank r: a transpose of the rows, and a second one brings all of them home.
void all_to_all_transposes(Collectives& group, CaseMemory& memory) {
  const int size = group.size(), rank = group.rank();
  for (const int64_t bytes : {0, 1, 7, 10'001, 70'003}) {
    std::vector<uint8_t> mine, expected;
    for (int r = 0; r < size; ++r) {
      const auto to = byte_pattern(rank, r, 0, bytes), from = byte_pattern(r, rank, 0, bytes);
      mine.insert(mine.end(), to.begin(), to.end());
      expected.insert(expected.end(), from.begin(), from.end());
    }
    Bytes send(memory, mine), recv(memory, blank(bytes * size)), home(memory, blank(bytes * size));
    group.all_to_all(send.data(), recv.data(), bytes);
    EXPECT_EQ(recv.values(), expected) << bytes << " bytes";
    EXPECT_EQ(send.values(), mine) << bytes << " bytes";
    group.all_to_all(recv.data(), home.data(), bytes);
    EXPECT_EQ(home.values(), mine) << bytes << " bytes";
  }
}

struct Neighbours {
  int rank, next, previous;
  explicit Neighbours(const Collectives& group)
      : rank(group.rank()),
        next((rank + 1) % group.size()),
        previous((rank + group.size() - 1) % group.size()) {}
};

void hops_go_round_the_ring(Collectives& group, CaseMemory& memory) {
  const Neighbours at(group);
  for (const int64_t bytes : {0, 1, 333, 65'537, 1'000'003}) {
    Bytes send(memory, byte_pattern(at.rank, at.next, 0, bytes)), recv(memory, blank(bytes));
    group.start_hop(send.data(), at.next, recv.data(), at.previous, bytes)->wait();
    EXPECT_EQ(recv.values(), byte_pattern(at.previous, at.rank, 0, bytes)) << bytes << " bytes";
  }
}

// Four in flight, waited for in the opposite order, and sizes that differ: messages match in the order they
// started.
void four_hops_overlap(Collectives& group, CaseMemory& memory) {
  const Neighbours at(group);
  const int64_t sizes[4] = {70'001, 3, 20'000, 1};
  std::vector<Bytes> send, recv;
  for (int m = 0; m < 4; ++m) {
    send.emplace_back(memory, byte_pattern(at.rank, at.next, m, sizes[m]));
    recv.emplace_back(memory, blank(sizes[m]));
  }
  std::vector<std::unique_ptr<Hop>> hops;
  for (size_t m = 0; m < 4; ++m) {
    hops.push_back(group.start_hop(send[m].data(), at.next, recv[m].data(), at.previous, sizes[m]));
  }
  for (size_t m = 4; m-- > 0;) hops[m]->wait();
  for (int m = 0; m < 4; ++m) {
    EXPECT_EQ(recv[static_cast<size_t>(m)].values(), byte_pattern(at.previous, at.rank, m, sizes[m]))
        << "message " << m;
  }
}

// Odd ranks wait for the second of two hops first, even ranks for the first.
void hops_may_be_waited_for_in_any_order(Collectives& group, CaseMemory& memory) {
  const Neighbours at(group);
  const int64_t bytes = 200'000;
  Bytes right(memory, byte_pattern(at.rank, at.next, 0, bytes)),
      left(memory, byte_pattern(at.rank, at.previous, 1, bytes));
  Bytes from_left(memory, blank(bytes)), from_right(memory, blank(bytes));
  auto first = group.start_hop(right.data(), at.next, from_left.data(), at.previous, bytes);
  auto second = group.start_hop(left.data(), at.previous, from_right.data(), at.next, bytes);
  (at.rank % 2 ? second : first)->wait();
  (at.rank % 2 ? first : second)->wait();
  EXPECT_EQ(from_left.values(), byte_pattern(at.previous, at.rank, 0, bytes));
  EXPECT_EQ(from_right.values(), byte_pattern(at.next, at.rank, 1, bytes));
}

void hop_to_itself(Collectives& group, CaseMemory& memory) {
  const int rank = group.rank();
  Bytes send(memory, byte_pattern(rank, rank, 0, 5003)), recv(memory, blank(5003));
  group.start_hop(send.data(), rank, recv.data(), rank, 5003)->wait();
  EXPECT_EQ(recv.values(), byte_pattern(rank, rank, 0, 5003));
}

void collectives_run_while_a_hop_is_in_flight(Collectives& group, CaseMemory& memory) {
  const Neighbours at(group);
  const int64_t bytes = 500'000, size = group.size();
  Bytes send(memory, byte_pattern(at.rank, at.next, 0, bytes)), recv(memory, blank(bytes));
  Buffer<double> sum(memory, {1.0 * at.rank}), share(memory, {0.0}),
      ones(memory, std::vector<double>(static_cast<size_t>(size), 1.0));
  Buffer<int64_t> rows(memory, std::vector<int64_t>(static_cast<size_t>(size), at.rank)),
      columns(memory, std::vector<int64_t>(static_cast<size_t>(size), -1));
  const auto hop = group.start_hop(send.data(), at.next, recv.data(), at.previous, bytes);
  group.all_reduce(sum.data(), 1, DType::kF64, ReduceOp::kSum);
  group.reduce_scatter(ones.data(), share.data(), 1, DType::kF64, ReduceOp::kSum);
  group.all_to_all(rows.data(), columns.data(), sizeof(int64_t));
  EXPECT_EQ(sum.values()[0], static_cast<double>(size * (size - 1)) / 2);
  EXPECT_EQ(share.values()[0], static_cast<double>(size));
  for (int64_t r = 0; r < size; ++r) EXPECT_EQ(columns.values()[static_cast<size_t>(r)], r);
  hop->wait();
  EXPECT_EQ(recv.values(), byte_pattern(at.previous, at.rank, 0, bytes));
}

}  // namespace

std::shared_ptr<void> CaseMemory::allocate(int64_t bytes) {
  return {std::malloc(static_cast<size_t>(bytes) + 1), std::free};
}
void CaseMemory::put(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}
void CaseMemory::get(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
}

std::vector<uint8_t> byte_pattern(int from, int to, int message, int64_t bytes) {
  std::vector<uint8_t> data(static_cast<size_t>(bytes));
  for (int64_t i = 0; i < bytes; ++i) {
    data[static_cast<size_t>(i)] = static_cast<uint8_t>(i * 7 + from * 11 + to * 13 + message * 17);
  }
  return data;
}

const std::vector<CollectivesCase>& collectives_cases() {
  static const std::vector<CollectivesCase> cases{
#define ROPEWAY_CASE(name) {#name, name}
#define ROPEWAY_HOST_CASE(name) \
  { #name, name, true }
      ROPEWAY_HOST_CASE(all_reduce_sums_f64),
      ROPEWAY_HOST_CASE(all_reduce_sums_f32),
      ROPEWAY_CASE(all_reduce_sums_i64),
      ROPEWAY_CASE(all_reduce_sums_u8),
      ROPEWAY_CASE(all_reduce_sums_whole_numbers),
      ROPEWAY_CASE(all_reduce_takes_extremes),
      ROPEWAY_HOST_CASE(all_reduce_hands_a_nan_on),
      ROPEWAY_HOST_CASE(reduce_scatter_sums_f64),
      ROPEWAY_HOST_CASE(reduce_scatter_sums_f32),
      ROPEWAY_CASE(reduce_scatter_sums_i64),
      ROPEWAY_CASE(reduce_scatter_sums_u8),
      ROPEWAY_CASE(reduce_scatter_sums_whole_numbers),
      ROPEWAY_CASE(reduce_scatter_takes_extremes),
      ROPEWAY_HOST_CASE(reduce_scatter_hands_a_nan_on),
      ROPEWAY_CASE(exchanges_go_ahead),
      ROPEWAY_CASE(gathered_shares_of_a_sum_are_the_sum),
      ROPEWAY_CASE(broadcast_reaches_all),
      ROPEWAY_CASE(all_gather_keeps_rank_order),
      ROPEWAY_CASE(all_to_all_transposes),
      ROPEWAY_CASE(hops_go_round_the_ring),
      ROPEWAY_CASE(four_hops_overlap),
      ROPEWAY_CASE(hops_may_be_waited_for_in_any_order),
      ROPEWAY_CASE(hop_to_itself),
      ROPEWAY_CASE(collectives_run_while_a_hop_is_in_flight),
#undef ROPEWAY_HOST_CASE
#undef ROPEWAY_CASE
  };
  return cases;
}

std::ostream& operator<<(std::ostream& out, const CollectivesCase& c) { return out << c.name; }

}  // namespace ropeway::testing
