#include "parallel/comm/thread_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <tuple>

#include "kernels/base/error.h"
#include "kernels/base/exception_watch.h"
#include "parallel/comm/reduce.h"
#include "parallel/comm/thread_group.h"

namespace ropeway {
namespace {

using internal::HopSide;
using internal::ThreadGroup;
using internal::ThreadWorld;

class ThreadHop : public Hop {
 public:
  ThreadHop(std::shared_ptr<ThreadGroup> group, int rank, const void* send, int to, void* recv, int from,
            int64_t bytes)
      : group_(std::move(group)), rank_(rank), to_(to), from_(from) {
    send_.source = send;
    receive_.target = recv;
    send_.bytes = receive_.bytes = bytes;
    group_->post_send(rank_, to_, send_);
    try {
      group_->post_receive(from_, rank_, receive_);
    } catch (...) {
      group_->withdraw(rank_, to_, send_);
      throw;
    }
  }

  ~ThreadHop() override {
    // While an exception passes the peer may never come: the hop is withdrawn, not waited for.
    if (!exceptions_.passing()) {
      try {
        wait();
      } catch (const Error&) {  // the peer is gone; withdrawn below
      }
    }
    group_->withdraw(rank_, to_, send_);
    group_->withdraw(from_, rank_, receive_);
  }

  void wait() override {
    group_->wait(from_, rank_, receive_, from_);
    group_->wait(rank_, to_, send_, to_);
  }

 private:
  std::shared_ptr<ThreadGroup> group_;
  int rank_, to_, from_;
  HopSide send_, receive_;
  ExceptionWatch exceptions_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<ThreadGroup> group, int rank) : group_(std::move(group)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return group_->size(); }

  // Every rank reduces a share of its own over all ranks, in rank order, and writes it to all of them: no
  // element is touched by two ranks.
  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op) override {
    group_->open(rank_, data);
    reduce_range(count * rank_ / size(), count * (rank_ + 1) / size(), dtype, op,
                 [&](int64_t offset, const void* result, size_t bytes) {
                   for (int r = 0; r < size(); ++r) std::memcpy(of_rank(r) + offset, result, bytes);
                 });
    group_->close();
  }

  // Nobody else reads the own row of send, so recv may be that row.
  void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                      ReduceOp op) override {
    group_->open(rank_, send);
    const int64_t begin = rank_ * count_per_rank, first_byte = begin * bytes_of(dtype);
    reduce_range(begin, begin + count_per_rank, dtype, op,
                 [&](int64_t offset, const void* result, size_t bytes) {
                   std::memcpy(static_cast<std::byte*>(recv) + (offset - first_byte), result, bytes);
                 });
    group_->close();
  }

  void broadcast(void* data, int64_t bytes, int root) override {
    ROPEWAY_CHECK(root >= 0 && root < size(), "broadcast from rank {} of {}", root, size());
    group_->open(rank_, data);
    if (rank_ != root && bytes > 0) std::memcpy(data, of_rank(root), static_cast<size_t>(bytes));
    group_->close();
  }

  void all_gather(const void* send, void* recv, int64_t bytes_per_rank) override {
    group_->open(rank_, send);
    for (int r = 0; r < size() && bytes_per_rank > 0; ++r) {
      auto* target = static_cast<std::byte*>(recv) + r * bytes_per_rank;
      if (target != of_rank(r)) std::memcpy(target, of_rank(r), static_cast<size_t>(bytes_per_rank));
    }
    group_->close();
  }

  void all_to_all(const void* send, void* recv, int64_t bytes_per_rank) override {
    group_->open(rank_, send);
    for (int r = 0; r < size() && bytes_per_rank > 0; ++r) {
      std::memcpy(static_cast<std::byte*>(recv) + r * bytes_per_rank, of_rank(r) + rank_ * bytes_per_rank,
                  static_cast<size_t>(bytes_per_rank));
    }
    group_->close();
  }

  void barrier() override { group_->barrier(); }

  std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from, int64_t bytes) override {
    ROPEWAY_CHECK(to >= 0 && to < size() && from >= 0 && from < size(),
                  "hop to rank {} and from rank {} of {}", to, from, size());
    return std::make_unique<ThreadHop>(group_, rank_, send, to, recv, from, bytes);
  }

  std::unique_ptr<Communicator> split(int colour, int key) override {
    struct Card {
      int colour, key, world_rank;
      std::shared_ptr<ThreadGroup> child;  // filled in by the first rank of the colour
    } mine{colour, key, group_->world_ranks()[static_cast<size_t>(rank_)], nullptr};
    group_->open(rank_, &mine);
    const auto card = [&](int r) -> Card& {
      return *static_cast<Card*>(const_cast<void*>(group_->published(r)));
    };
    std::vector<int> members;  // ranks of this group
    for (int r = 0; r < size(); ++r) {
      if (card(r).colour == colour) members.push_back(r);
    }
    const int leader = members.front();
    std::stable_sort(members.begin(), members.end(), [&](int a, int b) { return card(a).key < card(b).key; });
    if (rank_ == leader) {
      std::vector<int> world_ranks;
      for (int r : members) world_ranks.push_back(card(r).world_rank);
      mine.child = group_->world().make_group(std::move(world_ranks));
    }
    group_->close();
    // The leaders have filled in their cards; a second round keeps the cards alive until all have read them.
    group_->open(rank_, &mine);
    auto child = card(leader).child;
    group_->close();
    const auto position = std::find(members.begin(), members.end(), rank_) - members.begin();
    return std::make_unique<ThreadCommunicator>(std::move(child), static_cast<int>(position));
  }

  void abort(int exit_code) override {
    std::fflush(nullptr);
    std::_Exit(exit_code);
  }

 private:
  // Elements [begin, end) of what the ranks published, reduced in rank order, a piece at a time: put(byte
  // offset of the piece, its result, its bytes).
  template <typename Put>
  void reduce_range(int64_t begin, int64_t end, DType dtype, ReduceOp op, const Put& put) const {
    const int64_t element = bytes_of(dtype);
    alignas(64) std::byte scratch[16384];
    const int64_t step = static_cast<int64_t>(sizeof scratch) / element;
    for (int64_t at = begin; at < end; at += step) {
      const int64_t n = std::min(step, end - at), offset = at * element;
      const auto bytes = static_cast<size_t>(n * element);
      std::memcpy(scratch, of_rank(0) + offset, bytes);
      for (int r = 1; r < size(); ++r) reduce_into(scratch, of_rank(r) + offset, n, dtype, op);
      put(offset, scratch, bytes);
    }
  }

  std::byte* of_rank(int r) const { return static_cast<std::byte*>(const_cast<void*>(group_->published(r))); }

  std::shared_ptr<ThreadGroup> group_;
  int rank_;
};

bool is_peer_error(const std::exception_ptr& error) { return failure_of(error).kind == ErrorKind::kPeer; }

}  // namespace

void run_thread_world(int size, const std::function<void(Communicator&)>& body) {
  ROPEWAY_CHECK(size >= 1, "a world of {} threads", size);
  ThreadWorld world(size);
  std::vector<int> all(static_cast<size_t>(size));
  for (int r = 0; r < size; ++r) all[static_cast<size_t>(r)] = r;
  const auto group = world.make_group(std::move(all));
  std::vector<std::exception_ptr> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r) {
    threads.emplace_back([&, r] {
      try {
        ThreadCommunicator communicator(group, r);
        body(communicator);
      } catch (...) {
        errors[static_cast<size_t>(r)] = std::current_exception();
      }
      world.leave(r, errors[static_cast<size_t>(r)] != nullptr);
    });
  }
  for (auto& thread : threads) thread.join();
  // A kPeer error only says that another rank failed: that rank's own error is thrown first.
  for (const bool peer : {false, true}) {
    for (const auto& error : errors) {
      if (error && is_peer_error(error) == peer) std::rethrow_exception(error);
    }
  }
}

}  // namespace ropeway
