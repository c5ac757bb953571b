// What a checkpoint folder holds after the worst moments: flipped bits, full disks, and an end at every step
// of the protocol.
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "kernels/base/random.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "trainer/files/output_file.h"

namespace ropeway {
namespace {

// Saved by the caller, or by a thread beside it.
class CheckpointFault : public CheckpointTest, public testing::WithParamInterface<bool> {
 protected:
  CheckpointFault() { beside_ = GetParam(); }
  ~CheckpointFault() override { beside_ = false; }
};
INSTANTIATE_TEST_SUITE_P(Saved, CheckpointFault, testing::Bool(),
                         [](const auto& saved) { return saved.param ? "Beside" : "InPlace"; });

TEST_P(CheckpointFault, EveryFlippedBitIsFoundAndThePreviousUsed) {
  save(1);
  save(2);
  Philox random(3, Stream::kMutation);
  const auto files = names_in(of_step(2));
  int flips = 0;
  for (const std::string& name : files) {
    const auto path = of_step(2) / name;
    const std::string good = read_bytes(path);
    for (int i = 0; i < 200; ++i, ++flips) {
      std::string bad = good;
      const uint64_t bit = random.below(8 * good.size());
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      write_bytes(path, bad);
      const auto [step, said] = load();
      ASSERT_EQ(step, 1) << name << ", bit " << bit;
      ASSERT_THAT(said, testing::HasSubstr(name)) << "bit " << bit;
      ASSERT_THAT(said, testing::HasSubstr("step-000002"));
    }
    write_bytes(path, good);
  }
  EXPECT_GE(flips, 1000);
  EXPECT_EQ(load().first, 2);
}

// The process is ended at each named point of a save. Before the rename the old checkpoint is the newest,
// after it the new one; always there is one that verifies, and the next save works and cleans up.
TEST_P(CheckpointFault, EndAtEveryPointLeavesAVerifiedCheckpoint) {
  struct Point {
    const char* name;
    int64_t newest;  // afterwards
    int ranks;       // that come by: all of the two, or rank 0 only
  };
  const std::vector<Point> points = {
      {"begin", 2, 2},         {"folder_made", 2, 2}, {"shard_written", 2, 2}, {"weights_written", 2, 1},
      {"state_written", 2, 1}, {"gathered", 2, 2},    {"sums_written", 2, 1},  {"manifest_written", 2, 1},
      {"folder_synced", 2, 1}, {"published", 3, 1},   {"old_renamed", 3, 1},   {"end", 3, 1},
  };
  for (const Point& point : points) {
    for (int rank = 0; rank < point.ranks; ++rank) {
      SCOPED_TRACE(fmt::format("{}, rank {}", point.name, rank));
      std::filesystem::remove_all(folder_);
      save(1);
      save(2);
      const int code = in_child([&] {
        ::setenv("ROPEWAY_FAULT_POINT", fmt::format("checkpoint.{}", point.name).c_str(), 1);
        ::setenv("ROPEWAY_FAULT_RANK", fmt::format("{}", rank).c_str(), 1);
        save(3, 1);
      });
      EXPECT_EQ(code, 137);
      const auto [step, said] = load();
      // Once all is gathered rank 0 needs no other rank: it may have published before the process is gone.
      const bool rank_0_may_finish = rank == 1 && std::string(point.name) == "gathered";
      EXPECT_TRUE(step == point.newest || (rank_0_may_finish && step == 3)) << step;
      EXPECT_EQ(said, "");
      save(4, 1);
      EXPECT_EQ(load().first, 4);
      EXPECT_EQ(names_in(folder_), std::vector<std::string>{"step-000004"});
    }
  }
}

TEST_P(CheckpointFault, EndWhileAStepIsSavedAgainLeavesAVerifiedCheckpoint) {
  for (const char* point : {"checkpoint.folder_synced", "checkpoint.published"}) {
    std::filesystem::remove_all(folder_);
    save(2);
    EXPECT_EQ(in_child([&] {
                ::setenv("ROPEWAY_FAULT_POINT", point, 1);
                save(2);
              }),
              137);
    EXPECT_EQ(load().first, 2);
  }
}

// No file may grow beyond `limit`: every limit below the largest file's size fails the save somewhere else.
TEST_P(CheckpointFault, FileSizeLimitAtAnyByteKeepsThePrevious) {
  save(1);
  int failures = 0;
  for (rlim_t limit = 0; limit < 8000; limit += 173) {
    SCOPED_TRACE(limit);
    const int code = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limits{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &limits);
      save(2, 1);
    });
    if (code == 0) {
      EXPECT_GT(limit, 6000u);  // the larger shard: 502 elements of 12 bytes
      continue;
    }
    ++failures;
    EXPECT_EQ(code,
              static_cast<int>(limit < 5 ? ErrorKind::kCannotCreate : ErrorKind::kIo));  // 5 bytes: the probe
    EXPECT_EQ(load().first, 1);
    EXPECT_EQ(names_in(folder_), std::vector<std::string>{"step-000001"});
  }
  EXPECT_GT(failures, 30);
}

class CheckpointDisk : public CheckpointTest, public testing::WithParamInterface<bool> {
 protected:
  CheckpointDisk() { beside_ = GetParam(); }
  // A file system of 256 KiB, when this user may mount one.
  bool mount_small_disk() {
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=256k") == 0;
    return mounted_;
  }
  ~CheckpointDisk() override {
    beside_ = false;
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

INSTANTIATE_TEST_SUITE_P(Saved, CheckpointDisk, testing::Bool(),
                         [](const auto& saved) { return saved.param ? "Beside" : "InPlace"; });

TEST_P(CheckpointDisk, FullDiskIsFoundBeforeWritingWhenThePayloadShows) {
  if (!mount_small_disk()) GTEST_SKIP() << "mounting a tmpfs needs root";
  save(1);
  auto world = make_world_of_one();
  expect_error(ErrorKind::kCannotCreate, {"bytes are needed", "are free"},
               [&] { save(*world, folder_, 2, 1, 100000); });
  EXPECT_EQ(load().first, 1);
}

TEST_P(CheckpointDisk, FullDiskInTheMiddleKeepsThePrevious) {
  if (!mount_small_disk()) GTEST_SKIP() << "mounting a tmpfs needs root";
  save(1);
  const int64_t payload = kFlatTotal * 12 + 32;
  auto world = make_world_of_one();
  int failures = 0;
  // The payload fits, its headers and the manifest do not: the disk is full at one of the last writes.
  for (const int64_t slack : {0, 4096, 8192, 12288}) {
    const int64_t num_weights = (free_bytes(folder_) - payload - slack) / 4;
    try {
      save(*world, folder_, 2, 1, num_weights);
      ADD_FAILURE() << "fitted with " << slack;
    } catch (const Error& error) {
      ++failures;
      EXPECT_EQ(error.kind(), ErrorKind::kIo) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr("No space left"));
      EXPECT_THAT(error.what(), testing::HasSubstr("step-000002.tmp-"));
    }
    EXPECT_EQ(load().first, 1);
    EXPECT_EQ(names_in(folder_), std::vector<std::string>{"step-000001"});
  }
  EXPECT_EQ(failures, 4);
}

}  // namespace
}  // namespace ropeway
