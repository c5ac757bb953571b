// A disk that fails under a checkpoint: whatever call fails wherever, the run ends with a message that names the file
// and the system's reason, the checkpoint before is what it was, nothing temporary stays, and the same command ends with
// the bits of a run whose disk was well. disk_faults.c is the disk.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Fault {
  const char* call;
  int error;
  int after;
};

class DiskFaults : public ::testing::Test {
 protected:
  DiskFaults() : run_(scratch_.path() / "run"), folder_(run_ / "stages/base/checkpoints") {
    arguments_ = "run " + training_recipe(scratch_);
  }

  Ended run_on_disk(const std::string& settings) const {
    return run_shell("export DISK_PATH=" + folder_.string() + " " + settings +
                     "\nLD_PRELOAD=" ROPEWAY_DISK_FAULTS " exec {} " + arguments_);
  }
  // Goes back to the state after step 2.
  void lose_the_last_steps() const {
    fs::remove_all(folder_ / "step-000004");
    fs::remove(run_ / "stages/base/done.json");
  }
  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  TempDir scratch_;
  fs::path run_, folder_;
  std::string arguments_;
};

TEST_F(DiskFaults, AFailedSaveNamesFileAndReasonAndKeepsTheOneBefore) {
  ASSERT_EQ(run_ropeway(arguments_).code, 0);
  const std::string weights = read_bytes(run_ / "model/model.safetensors");
  lose_the_last_steps();
  const auto before = files_below(folder_);
  // A save makes some thirty writes, ten files, and one rename.
  const std::vector<Fault> faults = {{"write", EIO, 1},    {"write", EDQUOT, 12}, {"write", ENOSPC, 25},
                                     {"fsync", EIO, 0},    {"fsync", EDQUOT, 6},  {"close", EIO, 3},
                                     {"rename", EACCES, 0}};
  for (const Fault& fault : faults) {
    SCOPED_TRACE(std::string(fault.call) + " after " + std::to_string(fault.after) + ": " +
                 std::strerror(fault.error));
    const Ended ended =
        run_on_disk("DISK_FAULT=" + std::string(fault.call) + " DISK_ERRNO=" + std::to_string(fault.error) +
                    " DISK_AFTER=" + std::to_string(fault.after));
    EXPECT_TRUE(ended.code == 74 || ended.code == 73) << ended.code << "\n" << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(std::strerror(fault.error)));
    EXPECT_THAT(ended.err, HasSubstr((folder_ / "step-000004").string()));
    EXPECT_TRUE(files_below(folder_) == before) << "other checkpoints than before";
    EXPECT_EQ(checkpoints(), std::vector<std::string>{"step-000002"});
    EXPECT_FALSE(fs::exists(run_ / "stages/base/done.json"));
  }
  EXPECT_EQ(run_ropeway(arguments_).code, 0);
  EXPECT_TRUE(read_bytes(run_ / "model/model.safetensors") == weights);
}

TEST_F(DiskFaults, ShortWritesAreFinished) {
  const Ended ended = run_on_disk("DISK_FAULT=short");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(
      run_shell("cd " + (folder_ / "step-000004").string() + " && sha256sum --quiet -c SHA256SUMS").code, 0);
}

// After a power cut a name must not be there without what it stands for: every file of a checkpoint is synced after its
// last write, and their folder, before the folder gets its name; the folder above afterwards.
TEST_F(DiskFaults, FilesReachTheDiskBeforeTheirName) {
  const std::string log = scratch_.name("calls");
  ASSERT_EQ(run_on_disk("DISK_LOG=" + log).code, 0);
  std::istringstream calls(read_bytes(log));
  std::map<std::string, bool> synced;  // path -> since its last write
  bool parent_wanted = false;
  int published = 0;
  std::string call, path;
  for (std::string line; std::getline(calls, line);) {
    std::istringstream words(line);
    std::string to;
    words >> call >> path >> to;
    if (call == "write") synced[path] = false;
    if (call == "fsync") synced[path] = true;
    if (call == "fsync" && path == folder_.string()) parent_wanted = false;
    if (call != "rename" || fs::path(to).parent_path() != folder_) continue;
    ++published;
    EXPECT_FALSE(parent_wanted) << "the checkpoint before was not in the synced folder";
    parent_wanted = true;
    EXPECT_TRUE(synced[path]) << path << ": the folder itself";
    int files = 0;
    for (const auto& [file, is_synced] : synced) {
      if (file.rfind(path + "/", 0) != 0) continue;
      ++files;
      EXPECT_TRUE(is_synced) << file;
    }
    EXPECT_GE(files, 5) << path;
  }
  EXPECT_EQ(published, 2);
  EXPECT_FALSE(parent_wanted) << "the folder was not synced after the last rename";
}

}  // namespace
}  // namespace ropeway
