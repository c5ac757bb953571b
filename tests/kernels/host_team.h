// Runs team kernels (kernels/base/team.h) on the CPU: the same bodies with the same indices, one thread of
// the host in place of all of the GPU's. What a GPU leaves undefined is filled with rubbish here: scratch
// memory and variables that were not written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/base/team.h"

namespace ropeway::testing {

class HostTeam {
 public:
  template <typename V>
  class PerThread {
   public:
    PerThread() { std::memset(static_cast<void*>(values_), 0xff, sizeof values_); }
    V& operator[](int thread) { return values_[thread]; }
    const V& operator[](int thread) const { return values_[thread]; }

   private:
    V values_[kMaxBlockThreads];
  };

  // order: threads run forwards or backwards. A body whose result depends on it has a race.
  HostTeam(int threads, int64_t index, int64_t count, int64_t scratch_bytes, bool backwards)
      : threads_(threads),
        index_(index),
        count_(count),
        backwards_(backwards),
        scratch_(scratch_bytes, 0xff) {}

  int size() const { return threads_; }
  int64_t index() const { return index_; }
  int64_t count() const { return count_; }
  template <typename F>
  void each(const F& f) const {
    for (int i = 0; i < threads_; ++i) f(backwards_ ? threads_ - 1 - i : i);
  }
  void sync() const {}
  template <typename V>
  V* scratch() {
    return reinterpret_cast<V*>(scratch_.data());
  }

  // As BlockTeam and WarpTeam do it: within warps pairwise, halving the distance; then warp after warp.
  template <typename V, typename Op>
  V reduce(const PerThread<V>& values, const Op& op) const {
    std::vector<V> total;
    for (int first = 0; first < threads_; first += kWarp) {
      V lanes[kWarp];
      for (int lane = 0; lane < kWarp; ++lane) lanes[lane] = values[first + lane];
      for (int mask = kWarp / 2; mask > 0; mask /= 2) {
        V next[kWarp];
        for (int lane = 0; lane < kWarp; ++lane) next[lane] = op(lanes[lane], lanes[lane ^ mask]);
        std::copy(next, next + kWarp, lanes);
      }
      total.empty() ? total.push_back(lanes[0]) : void(total[0] = op(total[0], lanes[0]));
    }
    return total[0];
  }

 private:
  int threads_;
  int64_t index_, count_;
  bool backwards_;
  std::vector<unsigned char> scratch_;
};

// Warps of a launch on a GPU, which has whole blocks of them: some find no work.
inline int64_t launched_warps(int64_t teams) {
  constexpr int64_t kWarpsPerBlock = ItemTiles::kThreads / kWarp;
  return (teams + kWarpsPerBlock - 1) / kWarpsPerBlock * kWarpsPerBlock;
}

class HostLauncher {
 public:
  explicit HostLauncher(bool backwards = false) : backwards_(backwards) {}

  template <typename Body>
  void blocks(const char*, const Body& body, int64_t teams, int threads, int64_t scratch_bytes) const {
    run(body, teams, threads, scratch_bytes);
  }
  template <typename Body>
  void warps(const char*, const Body& body, int64_t teams, int64_t scratch_bytes) const {
    run(body, launched_warps(teams), kWarp, scratch_bytes);
  }

 private:
  template <typename Body>
  void run(const Body& body, int64_t teams, int threads, int64_t scratch_bytes) const {
    for (int64_t i = 0; i < teams; ++i) {
      HostTeam team(threads, i, teams, scratch_bytes, backwards_);
      body(team);
    }
  }
  bool backwards_;
};

}  // namespace ropeway::testing
