// Files that become shorter while they are mapped, each in a process of its own.
#include "launch/mapping_faults.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>
#include <vector>

#include "tests/support/folder_test.h"
#include "trainer/files/mapped_file.h"

namespace ropeway {
namespace {

class MappingFaults : public FolderTest {
 protected:
  static constexpr size_t kBytes = 64 << 10;

  struct Ended {
    int status = 0;
    std::string said;
  };
  // What `work` prints in a child, and how the child ends: 0 when it comes to its end.
  Ended in_child(const std::function<void()>& work) {
    const std::filesystem::path log = folder_ / "log";
    const pid_t child = ::fork();
    if (child == 0) {
      if (std::freopen(log.c_str(), "w", stderr) == nullptr) ::_exit(1);
      end_on_mapping_faults();
      work();
      ::_exit(0);
    }
    Ended ended;
    ::waitpid(child, &ended.status, 0);
    ended.said = read_bytes(log);
    return ended;
  }
  MappedFile shrunk(const std::string& name, size_t to) {
    write_bytes(folder_ / name, std::string(kBytes, 'x'));
    MappedFile file(folder_ / name);
    std::filesystem::resize_file(folder_ / name, to);
    return file;
  }
  static int byte_of(const MappedFile& file, size_t at) {
    return std::to_integer<int>(static_cast<const volatile std::byte*>(file.bytes().data())[at]);
  }
  void expect_named(const Ended& ended, const std::string& name, size_t offset) {
    ASSERT_TRUE(WIFEXITED(ended.status)) << ended.status;
    EXPECT_EQ(WEXITSTATUS(ended.status), static_cast<int>(ErrorKind::kIo));
    EXPECT_EQ(
        ended.said.rfind("ropeway: " + (folder_ / name).string() + fmt::format(": byte {} ", offset), 0), 0u)
        << ended.said;
    EXPECT_EQ(std::count(ended.said.begin(), ended.said.end(), '\n'), 1) << ended.said;
  }
};

TEST_F(MappingFaults, AReadBehindTheEndNamesFileAndByte) {
  const Ended ended = in_child([&] {
    const MappedFile other = shrunk("other", kBytes), file = shrunk("file", 4096);
    if (byte_of(file, 100) != 'x' || byte_of(other, kBytes - 1) != 'x') ::_exit(1);
    byte_of(file, 20000);
  });
  expect_named(ended, "file", 20000);
}

TEST_F(MappingFaults, OfAnyThreadWhileOthersMapAndUnmap) {
  const Ended ended = in_child([&] {
    std::vector<MappedFile> files;
    for (int i = 0; i < 50; ++i) files.push_back(shrunk(fmt::format("f{}", i), i == 33 ? 0 : kBytes));
    for (int i = 0; i < 30; ++i) files.erase(files.begin());  // 33 is the third now
    std::thread busy([&] {
      for (int i = 0; i < 200; ++i) shrunk("busy", kBytes);
    });
    std::thread reader([&] { byte_of(files.at(3), kBytes - 1); });
    reader.join();
    busy.join();
  });
  expect_named(ended, "f33", kBytes - 1);
}

TEST_F(MappingFaults, WhatIsNoMappedFilesStaysASignal) {
  const Ended ended = in_child([&] {
    ::raise(SIGBUS);
    ::raise(SIGBUS);
  });
  ASSERT_TRUE(WIFSIGNALED(ended.status));
  EXPECT_EQ(WTERMSIG(ended.status), SIGBUS);
  EXPECT_EQ(ended.said, "");
}

}  // namespace
}  // namespace ropeway
