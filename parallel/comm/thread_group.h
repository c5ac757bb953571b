// Internal to comm/: what the threads of one process share when each of them is a rank.
//
// A verb has two halves. In the first every rank publishes the address of its data and waits for the others.
// In the second each reads what it needs from the others' memory, and all wait for each other again before
// any returns. A rank may give up, because another one failed, in the first half only: in the second the
// others may still be reading its memory, and all of them are certain to finish.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace ropeway::internal {

class ThreadGroup;

// The threads of one run_thread_world.
class ThreadWorld {
 public:
  explicit ThreadWorld(int size) : left_(static_cast<size_t>(size)) {}

  std::shared_ptr<ThreadGroup> make_group(std::vector<int> world_ranks);
  // The rank takes part in nothing more; ranks that wait for it are woken and give up.
  void leave(int world_rank, bool by_exception);
  bool failed() const { return failed_; }
  bool has_left(int world_rank) const { return left_[static_cast<size_t>(world_rank)]; }

 private:
  std::atomic<bool> failed_{false};      // some rank threw
  std::vector<std::atomic<bool>> left_;  // by world rank
  std::mutex mutex_;
  std::vector<std::weak_ptr<ThreadGroup>> groups_;
};

// One side of a message. The two sides of a channel are matched in order; the second to come copies the
// bytes.
struct HopSide {
  const void* source = nullptr;
  void* target = nullptr;
  int64_t bytes = 0;
  bool done = false;
};

class ThreadGroup {
 public:
  ThreadGroup(ThreadWorld& world, std::vector<int> world_ranks);
  int size() const { return static_cast<int>(world_ranks_.size()); }
  ThreadWorld& world() { return world_; }
  const std::vector<int>& world_ranks() const { return world_ranks_; }

  void open(int rank, const void* address);  // first half; throws kPeer when the group can never be complete
  const void* published(int rank) const { return addresses_[static_cast<size_t>(rank)]; }
  void close();  // end of the second half
  void barrier() { meet(true); }

  void post_send(int from, int to, HopSide& side);
  void post_receive(int from, int to, HopSide& side);
  // Until the side is done; throws kPeer when `peer` (a rank of this group) cannot do its part any more.
  void wait(int from, int to, const HopSide& side, int peer);
  void withdraw(int from, int to, const HopSide& side);  // its buffer is about to be freed

  void wake_all();

 private:
  struct Channel {  // all messages from one rank to another
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<HopSide*> sends, receives;  // of one of them at least one is empty
  };
  Channel& channel(int from, int to) { return channels_[static_cast<size_t>(from * size() + to)]; }
  void meet(bool may_give_up);
  bool incomplete() const;

  ThreadWorld& world_;
  const std::vector<int> world_ranks_;  // by rank of this group
  std::mutex mutex_;
  std::condition_variable wake_;
  int arrived_ = 0;
  int64_t generation_ = 0;
  bool broken_ = false;  // a rank gave up: its address must not be read by ranks that come later
  std::vector<const void*> addresses_;
  std::vector<Channel> channels_;
};

}  // namespace ropeway::internal
