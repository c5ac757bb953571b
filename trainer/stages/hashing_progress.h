// A line on how far the hashing of large files is, for FileHashes::Progress.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "trainer/report/progress_line.h"

namespace ropeway {

class HashingProgress {
 public:
  // what: whose files are hashed.
  explicit HashingProgress(std::string what)
      : what_(std::move(what)), line_(std::make_shared<ProgressLine>(true)) {}
  void operator()(int64_t done, int64_t total) const {
    constexpr int64_t kMiB = 1 << 20;
    line_->update(what_ + ": hashing", done / kMiB, total / kMiB, "MiB");
  }

 private:
  std::string what_;
  std::shared_ptr<ProgressLine> line_;  // shared: a callback is copied
};

}  // namespace ropeway
