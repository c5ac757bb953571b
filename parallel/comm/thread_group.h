// What the threads of one process share when each of them is a rank: an inside header of comm/.
//
// A verb has two halves. In the first every rank publishes the address of its data and meets the others; in
// the second everybody reads what it needs straight from the others' memory, and all meet again before
// anybody leaves. A rank may give up (another one failed) in the first half only: in the second the others
// may still be reading its memory, and all of them are certain to come to the end.
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
  // The rank comes to no meeting any more; all who wait look again whether they wait in vain.
  void leave(int world_rank, bool by_exception);
  bool failed() const { return failed_; }
  bool has_left(int world_rank) const { return left_[static_cast<size_t>(world_rank)]; }

 private:
  std::atomic<bool> failed_{false};      // some rank threw
  std::vector<std::atomic<bool>> left_;  // by world rank
  std::mutex mutex_;
  std::vector<std::weak_ptr<ThreadGroup>> groups_;
};

// One side of a message. Both sides meet in a channel, in order; whoever comes second copies the bytes.
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
  void withdraw(int from, int to, const HopSide& side);  // its buffer is about to go

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
  bool broken_ = false;  // somebody gave up: its address must not be read by those who come later
  std::vector<const void*> addresses_;
  std::vector<Channel> channels_;
};

}  // namespace ropeway::internal
