// For arrays too large to be had: address space that takes memory only where it is touched, and a launcher
// that runs, of all the teams a kernel is launched on, only those a test asks for. A team goes through its
// own part of the grid, at indices as large as on a GPU; a kernel's other teams are as if they had not come
// to run.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>
#include <set>

#include "kernels/base/column_sums.h"
#include "tests/kernels/host_team.h"

namespace ropeway::testing {

// Zeros, in pages of 4 KiB.
template <typename T>
class SparseArray {
 public:
  explicit SparseArray(int64_t count) : bytes_(sizeof(T) * static_cast<size_t>(count)) {
    void* const start =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return;
    madvise(start, bytes_, MADV_NOHUGEPAGE);
    data_ = static_cast<T*>(start);
  }
  ~SparseArray() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  SparseArray(const SparseArray&) = delete;
  SparseArray& operator=(const SparseArray&) = delete;
  T* data() const { return data_; }  // null: there is not so much address space

 private:
  size_t bytes_;
  T* data_ = nullptr;
};

class SparseLauncher {
 public:
  // Of so many teams of so many threads, those to run.
  using Choice = std::function<std::set<int64_t>(int64_t teams, int threads)>;
  explicit SparseLauncher(Choice choice) : choice_(std::move(choice)) {}

  template <typename Body>
  void blocks(const char*, const Body& body, int64_t teams, int threads, int64_t scratch_bytes) const {
    run(body, teams, threads, scratch_bytes);
  }
  // The second stage of a sum is run in full.
  template <typename From, typename To>
  void blocks(const char* name, const ColumnSums<From, To>& body, int64_t teams, int threads,
              int64_t scratch_bytes) const {
    HostLauncher().blocks(name, body, teams, threads, scratch_bytes);
  }
  template <typename Body>
  void warps(const char*, const Body& body, int64_t teams, int64_t scratch_bytes) const {
    run(body, launched_warps(teams), kWarp, scratch_bytes);
  }

 private:
  template <typename Body>
  void run(const Body& body, int64_t teams, int threads, int64_t scratch_bytes) const {
    for (const int64_t index : choice_(teams, threads)) {
      ASSERT_LT(index, teams);
      HostTeam team(threads, index, teams, scratch_bytes, false);
      body(team);
    }
  }
  Choice choice_;
};

}  // namespace ropeway::testing
