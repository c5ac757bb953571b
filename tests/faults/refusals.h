// One message, the right exit code, nothing written: for the program alone and for two ranks of it.
#pragma once

#include <gmock/gmock.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/faults/run_ropeway.h"

namespace ropeway {

// Every file below the folder with its content.
inline std::map<std::string, std::string> files_below(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
    if (entry.is_regular_file()) files[entry.path().string()] = read_bytes(entry.path());
  }
  return files;
}

// The program's own words: mpirun adds its report about a job that failed.
inline std::string own_words(const Ended& ended) {
  return ended.err.substr(0, ended.err.find("--------------------------------------------------"));
}

struct Refusal {
  int code = 0;
  std::vector<std::string> said;  // in the one message
  std::vector<int> ranks = {1, 2};
};

// What one process may take to find that its input is bad.
constexpr double kMaxRefusalSeconds = 2;

// `arguments` are refused and neither `watched` nor its content changes.
inline void expect_refusal(const std::string& arguments, const Refusal& refusal,
                           const std::filesystem::path& watched) {
  const bool existed = std::filesystem::exists(watched);
  const auto before = files_below(watched);
  for (const int ranks : refusal.ranks) {
    const std::string what = arguments + " on " + std::to_string(ranks);
    const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
    EXPECT_EQ(ended.code, refusal.code) << what << "\n" << ended.err;
    const std::string words = own_words(ended);
    for (const std::string& text : refusal.said) EXPECT_THAT(words, testing::HasSubstr(text)) << what;
    EXPECT_EQ(times(words, refusal.said.front()), 1) << what << "\n" << words;
    EXPECT_LE(times(words, "ropeway: "), 1) << what << "\n" << words;
    EXPECT_THAT(ended.out, testing::IsEmpty()) << what;
    EXPECT_EQ(std::filesystem::exists(watched), existed) << what;
    EXPECT_TRUE(files_below(watched) == before) << what << ": files changed";
    if (ranks == 1) {
      EXPECT_LT(ended.cpu_seconds, kMaxRefusalSeconds) << what;
    }
  }
}

// A small file system of its own; not there without the right to mount one.
class Tmpfs {
 public:
  Tmpfs(const TempDir& scratch, const std::string& options) : path_(scratch.path() / "mount") {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    reason_ = std::strerror(errno);
  }
  ~Tmpfs() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  Tmpfs(const Tmpfs&) = delete;
  Tmpfs& operator=(const Tmpfs&) = delete;

  bool mounted() const { return mounted_; }
  const std::string& reason() const { return reason_; }
  const std::filesystem::path& path() const { return path_; }
  void make_read_only() const {
    ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0)
        << std::strerror(errno);
  }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
  std::string reason_;
};

#define ROPEWAY_NEEDS_MOUNT(tmpfs) \
  if (!(tmpfs).mounted()) GTEST_SKIP() << "cannot mount a tmpfs here: " << (tmpfs).reason() << " (wants root)"

// A new model of a few thousand parameters, trained for four steps with a checkpoint after every second.
inline std::string training_recipe(const TempDir& scratch) {
  const std::string prose = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";
  return scratch.file(
      "training.yaml",
      "name: training\nmodel:\n  architecture: {vocab_size: 258, hidden_size: 32, intermediate_size: 64, "
      "num_layers: 2, num_heads: 2, num_kv_heads: 1, head_dim: 16, window: 64}\ndata: {train: [" +
          prose + "], cache: " + scratch.name("cache") + "}\nrun_dir: " + scratch.name("run") +
          "\nstages:\n  - {name: base, kind: pretrain, length: 64, batch_sequences: 4, steps: 4, "
          "checkpoint_every: 2, learning_rate: 1e-3}\n");
}

}  // namespace ropeway
