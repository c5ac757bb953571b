#include "parallel/comm/thread_group.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/error.h"
#include "parallel/board/position.h"

namespace ropeway::internal {

std::shared_ptr<ThreadGroup> ThreadWorld::make_group(std::vector<int> world_ranks) {
  auto group = std::make_shared<ThreadGroup>(*this, std::move(world_ranks));
  const std::lock_guard lock(mutex_);
  std::erase_if(groups_, [](const auto& known) { return known.expired(); });
  groups_.push_back(group);
  return group;
}

void ThreadWorld::leave(int world_rank, bool by_exception) {
  if (by_exception) failed_ = true;
  left_[static_cast<size_t>(world_rank)] = true;
  // A group made after this line sees the flags before it first waits.
  const std::lock_guard lock(mutex_);
  for (const auto& known : groups_) {
    if (const auto group = known.lock()) group->wake_all();
  }
}

ThreadGroup::ThreadGroup(ThreadWorld& world, std::vector<int> world_ranks)
    : world_(world),
      world_ranks_(std::move(world_ranks)),
      addresses_(world_ranks_.size()),
      channels_(world_ranks_.size() * world_ranks_.size()) {}

bool ThreadGroup::incomplete() const {
  return broken_ || world_.failed() ||
         std::any_of(world_ranks_.begin(), world_ranks_.end(), [&](int r) { return world_.has_left(r); });
}

void ThreadGroup::meet(bool may_give_up) {
  std::unique_lock lock(mutex_);
  const int64_t mine = generation_;
  const auto give_up = [&] {
    broken_ = true;
    wake_.notify_all();
    fail(ErrorKind::kPeer, "another rank failed or ended while this one waited for it");
  };
  if (may_give_up && incomplete()) give_up();
  if (++arrived_ == size()) {
    arrived_ = 0;
    ++generation_;
    wake_.notify_all();
    return;
  }
  const Waiting waiting(WaitFor::kRanks, "meeting");
  wake_.wait(lock, [&] { return generation_ != mine || (may_give_up && incomplete()); });
  if (generation_ == mine)
    give_up();  // once the meeting is complete all go on, even if a rank has failed since
}

void ThreadGroup::open(int rank, const void* address) {
  addresses_[static_cast<size_t>(rank)] = address;
  meet(true);
}

void ThreadGroup::close() { meet(false); }

namespace {

// Pairs the new side with the oldest waiting one of the other kind, or leaves it to wait.
void match(std::deque<HopSide*>& waiting, std::deque<HopSide*>& own, HopSide& side, bool is_send) {
  if (waiting.empty()) {
    own.push_back(&side);
    return;
  }
  HopSide& other = *waiting.front();
  const HopSide& send = is_send ? side : other;
  const HopSide& receive = is_send ? other : side;
  ROPEWAY_CHECK(send.bytes == receive.bytes, "hop of {} bytes meets one of {}", send.bytes, receive.bytes);
  waiting.pop_front();
  if (send.bytes > 0) std::memmove(receive.target, send.source, static_cast<size_t>(send.bytes));
  side.done = other.done = true;
}

}  // namespace

// The bytes are copied under the channel's lock, so that withdraw() cannot take the buffer away meanwhile.
void ThreadGroup::post_send(int from, int to, HopSide& side) {
  Channel& c = channel(from, to);
  const std::lock_guard lock(c.mutex);
  match(c.receives, c.sends, side, true);
  c.wake.notify_all();
}

void ThreadGroup::post_receive(int from, int to, HopSide& side) {
  Channel& c = channel(from, to);
  const std::lock_guard lock(c.mutex);
  match(c.sends, c.receives, side, false);
  c.wake.notify_all();
}

void ThreadGroup::wait(int from, int to, const HopSide& side, int peer) {
  Channel& c = channel(from, to);
  const int peer_world_rank = world_ranks_[static_cast<size_t>(peer)];
  std::unique_lock lock(c.mutex);
  c.wake.wait(lock, [&] { return side.done || world_.failed() || world_.has_left(peer_world_rank); });
  if (!side.done) {
    fail(ErrorKind::kPeer, "rank {} failed or ended while a hop from rank {} to rank {} was in flight", peer,
         from, to);
  }
}

void ThreadGroup::withdraw(int from, int to, const HopSide& side) {
  Channel& c = channel(from, to);
  const std::lock_guard lock(c.mutex);
  std::erase(c.sends, &side);
  std::erase(c.receives, &side);
}

void ThreadGroup::wake_all() {
  {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  for (Channel& c : channels_) {
    const std::lock_guard lock(c.mutex);
    c.wake.notify_all();
  }
}

}  // namespace ropeway::internal
