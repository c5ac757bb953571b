#include "trainer/files/file_hashes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cstdio>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// As coreutils have it.
std::string by_sha256sum(const fs::path& file) {
  std::FILE* pipe = ::popen(("sha256sum " + file.string()).c_str(), "r");
  char hex[65] = "";
  EXPECT_EQ(std::fread(hex, 1, 64, pipe), 64u);
  ::pclose(pipe);
  return hex;
}

void set_time(const fs::path& file, int64_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

class FileHashesTest : public testing::Test {
 protected:
  // A file that was last changed a while ago.
  fs::path file(const std::string& name, const std::string& content, int64_t time = 1'000'000) {
    write_bytes(folder_ / name, content);
    set_time(folder_ / name, time);
    return folder_ / name;
  }
  TempDir folder_;
};

TEST_F(FileHashesTest, AreThoseOfSha256sumInTheOrderAskedFor) {
  std::vector<fs::path> files;
  for (int i = 0; i < 9; ++i) {
    files.push_back(
        file(std::to_string(i), std::string(static_cast<size_t>(i) * 400'000, static_cast<char>(i))));
  }
  FileHashes hashes;
  const std::vector<std::string> found = hashes.of(files);
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(found[i], by_sha256sum(files[i]));
}

TEST_F(FileHashesTest, AnAbsentFileHasNone) {
  FileHashes hashes;
  EXPECT_EQ(hashes.of({folder_ / "absent", folder_.path()}), (std::vector<std::string>{"", ""}));
  EXPECT_FALSE(hashes.has_news());
}

// Content is written under the same inode, size and time: only who reads the file sees it.
TEST_F(FileHashesTest, AKnownFileIsNotReadAgain) {
  const fs::path path = file("weights", "aaaa");
  FileHashes hashes;
  const auto before = hashes.of({path});
  file("weights", "bbbb");
  EXPECT_EQ(hashes.of({path}), before);
  hashes.save(folder_ / "store");
  FileHashes later(folder_ / "store");
  EXPECT_EQ(later.of({path}), before);
  EXPECT_FALSE(later.has_news());
  EXPECT_NE(FileHashes().of({path}), before);
}

TEST_F(FileHashesTest, AnotherTimeSizeOrInodeIsAnotherFile) {
  const fs::path path = file("weights", "aaaa");
  FileHashes hashes;
  hashes.of({path});
  file("weights", "bbbb", 1'000'001);
  EXPECT_EQ(hashes.of({path}).front(), by_sha256sum(path));
  file("weights", "ccccc", 1'000'001);
  EXPECT_EQ(hashes.of({path}).front(), by_sha256sum(path));
  const fs::path other = file("other", "ddddd", 1'000'001);
  fs::rename(other, path);
  EXPECT_EQ(hashes.of({path}).front(), by_sha256sum(path));
}

TEST_F(FileHashesTest, WhatHasJustChangedIsReadAgain) {
  const fs::path path = folder_ / "fresh";
  write_bytes(path, "aaaa");
  FileHashes hashes;
  hashes.of({path});
  EXPECT_FALSE(hashes.has_news());
}

TEST_F(FileHashesTest, ADamagedStoreHoldsNothing) {
  const fs::path path = file("weights", "aaaa");
  for (const char* text :
       {"", "{", "[]", R"({"format": "ropeway-hashes", "version": 1, "files": {"a": 3}})"}) {
    write_bytes(folder_ / "store", text);
    EXPECT_EQ(FileHashes(folder_ / "store").of({path}).front(), by_sha256sum(path)) << text;
  }
}

}  // namespace
}  // namespace ropeway
