// What ended processes left is removed; what somebody makes, or somebody else's, is not.
#include "trainer/files/unfinished.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <optional>

#include "tests/support/folder_test.h"
#include "trainer/files/output_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

class UnfinishedTest : public FolderTest {
 protected:
  fs::path target() const { return folder_ / "out"; }
  // As a killed process leaves it.
  fs::path leave_folder() const {
    const fs::path path = unfinished_name(target());
    fs::create_directories(path / "inner");
    write_bytes(path / "inner/weights", "half");
    return path;
  }
};

TEST_F(UnfinishedTest, NamesAreBesideTheTargetAndDiffer) {
  const fs::path name = unfinished_name(target());
  EXPECT_EQ(name.parent_path(), folder_);
  EXPECT_TRUE(name.filename().string().starts_with("out.tmp-"));
  EXPECT_NE(name, unfinished_name(target()));
}

TEST_F(UnfinishedTest, WhatNobodyMakesIsRemoved) {
  leave_folder();
  write_bytes(unfinished_name(target()), "a file");
  remove_unfinished(target());
  EXPECT_TRUE(names_in(folder_).empty());
}

TEST_F(UnfinishedTest, WhatIsBeingMadeStays) {
  const fs::path folder = leave_folder(), file = unfinished_name(target());
  write_bytes(file, "a file");
  {
    MakerLock folder_lock, file_lock;
    EXPECT_TRUE(folder_lock.take(folder));
    EXPECT_TRUE(file_lock.take(file));
    remove_unfinished(target());
    EXPECT_EQ(read_bytes(folder / "inner/weights"), "half");
    EXPECT_TRUE(fs::exists(file));
  }
  remove_unfinished(target());
  EXPECT_TRUE(names_in(folder_).empty());
}

TEST_F(UnfinishedTest, OtherNamesStay) {
  const std::string uuid = make_uuid(), name = unfinished_name(target()).filename();
  const std::vector<std::string> others = {
      "out",         "out.tmp-another.host-" + uuid,  "out.tmp-" + uuid,
      name + ".old", name.substr(0, name.size() - 1), "other" + name.substr(3)};
  for (const std::string& other : others) fs::create_directory(folder_ / other);
  remove_unfinished(target());
  EXPECT_EQ(names_in(folder_).size(), others.size());
}

TEST_F(UnfinishedTest, ALinkAndWhatItNamesStay) {
  const fs::path link = unfinished_name(target());
  fs::create_directory(folder_ / "precious");
  write_bytes(folder_ / "precious/thesis", "x");
  fs::create_directory_symlink(folder_ / "precious", link);
  remove_unfinished(target());
  EXPECT_TRUE(fs::exists(folder_ / "precious/thesis"));
  EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(UnfinishedTest, TheLockOfWhatWasRemovedIsNotTaken) {
  const fs::path folder = leave_folder();
  fs::remove_all(folder);
  EXPECT_FALSE(MakerLock().take(folder));
}

}  // namespace
}  // namespace ropeway
