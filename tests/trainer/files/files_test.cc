#include "trainer/files/files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/support/folder_test.h"
#include "trainer/files/mapped_file.h"
#include "trainer/files/output_file.h"
#include "trainer/files/output_place.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

class Files : public FolderTest {};

TEST_F(Files, AtomicWriteIsReadBackAndLeavesNothingElse) {
  const std::string content("a\0b\nc", 5);
  write_file_atomically(folder_ / "x", "old");
  write_file_atomically(folder_ / "x", content);
  EXPECT_EQ(read_text_file(folder_ / "x"), content);
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"x"});
}

TEST_F(Files, FailedAtomicWriteKeepsTheOldFile) {
  write_file_atomically(folder_ / "x", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(folder_ / "x", std::string(1000, 'n'));
    } catch (const Error& error) {
      const bool named = std::string(error.what()).find("x.tmp-") != std::string::npos;
      ::_exit(named ? error.exit_code() : 1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ErrorKind::kIo));
  EXPECT_EQ(read_text_file(folder_ / "x"), "old");
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"x"});
}

TEST_F(Files, MissingFileIsMissingInput) {
  expect_error(ErrorKind::kMissingInput, {"nowhere.txt", "No such file"},
               [&] { read_text_file(folder_ / "nowhere.txt"); });
  expect_error(ErrorKind::kMissingInput, {"folder"}, [&] { read_text_file(folder_); });
}

// An open that waits for a writer would hang here.
TEST_F(Files, PipesSocketsAndDevicesAreRefusedAtOnce) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  ASSERT_LT((folder_ / "socket").string().copy(name.sun_path, sizeof name.sun_path - 1),
            sizeof name.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  std::filesystem::create_symlink("/dev/zero", folder_ / "link");
  for (const auto& [file, words] :
       {std::pair{"pipe", "is a pipe"}, {"socket", "is a socket"}, {"link", "is a device"}}) {
    expect_error(ErrorKind::kMissingInput, {file, words}, [&] { read_text_file(folder_ / file); });
    expect_error(ErrorKind::kMissingInput, {file, words}, [&] { MappedFile(folder_ / file); });
    expect_error(ErrorKind::kMissingInput, {file, words}, [&] { sha256_of_file(folder_ / file); });
  }
  ::close(socket);
}

TEST_F(Files, WritingIntoAMissingFolderCannotBeCreated) {
  expect_error(ErrorKind::kCannotCreate, {"absent", "No such file"},
               [&] { write_file_atomically(folder_ / "absent" / "x", "1"); });
}

// FIPS 180-2, appendix B, and the empty string.
TEST_F(Files, Sha256HasThePublishedValues) {
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_F(Files, Sha256OfAFileIsThatOfItsBytes) {
  const std::string bytes(3000001, 'q');
  write_bytes(folder_ / "big", bytes);
  EXPECT_EQ(sha256_of_file(folder_ / "big"), sha256_of(bytes));
}

TEST_F(Files, OutputFileIsRemovedUnlessKept) {
  { OutputFile(folder_ / "lost").write("abc", 3); }
  {
    OutputFile file(folder_ / "kept");
    file.write("abc", 3);
    file.keep();
    EXPECT_EQ(file.bytes(), 3);
    EXPECT_EQ(file.sha256(), sha256_of("abc"));
  }
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"kept"});
}

TEST_F(Files, OutputFileNeverOverwrites) {
  write_bytes(folder_ / "x", "old");
  expect_error(ErrorKind::kCannotCreate, {"x", "File exists"}, [&] { OutputFile(folder_ / "x"); });
  EXPECT_EQ(read_bytes(folder_ / "x"), "old");
}

TEST_F(Files, WritableFolderIsCreatedAndLeftEmpty) {
  require_writable_folder(folder_ / "a" / "b", 1000);
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "a" / "b"));
  EXPECT_TRUE(names_in(folder_ / "a" / "b").empty());
}

TEST_F(Files, TooLittleRoomIsNamedWithBothNumbers) {
  const int64_t needed = int64_t{1} << 60;
  expect_error(ErrorKind::kCannotCreate,
               {folder_.string(), "1152921504606846976 bytes are needed", "are free"},
               [&] { require_writable_folder(folder_, needed); });
}

TEST_F(Files, FolderUnderAFileCannotBeCreated) {
  write_bytes(folder_ / "file", "");
  expect_error(ErrorKind::kCannotCreate, {"file/sub"},
               [&] { require_writable_folder(folder_ / "file" / "sub", 0); });
  expect_error(ErrorKind::kCannotCreate, {"file"}, [&] { require_writable_folder(folder_ / "file", 0); });
}

TEST_F(Files, UnwritableFolderIsFoundByWriting) {
  // /proc is there for everybody and writable for nobody, root included.
  expect_error(ErrorKind::kCannotCreate, {"/proc/self/fdinfo"},
               [&] { require_writable_folder("/proc/self/fdinfo", 0); });
}

TEST_F(Files, PublishedFolderReplacesTheOldOneWhole) {
  std::filesystem::create_directories(folder_ / "old");
  std::filesystem::create_directories(folder_ / "new");
  write_bytes(folder_ / "old" / "a", "1");
  write_bytes(folder_ / "new" / "b", "2");
  publish_folder(folder_ / "new", folder_ / "old");
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"old"});
  EXPECT_EQ(names_in(folder_ / "old"), std::vector<std::string>{"b"});
}

TEST_F(Files, UuidsDiffer) {
  EXPECT_NE(make_uuid(), make_uuid());
  EXPECT_THAT(make_uuid(),
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

// A short write says nothing; the call after it does, whatever errno was left by others.
TEST_F(Files, AShortWriteHasTheReasonOfTheNext) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {5, before.rlim_max};
  const int file = ::open((folder_ / "x").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  errno = EAGAIN;
  EXPECT_EQ(write_all(file, "12345678", 8), EFBIG);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(write_all(file, "678", 3), 0);
  ::close(file);
  EXPECT_EQ(read_text_file(folder_ / "x"), "12345678");
}

TEST_F(Files, LinksAreFollowedToTheNameBehindTheLast) {
  std::filesystem::create_directory(folder_ / "sub");
  std::filesystem::create_symlink("sub/second", folder_ / "first");
  std::filesystem::create_symlink("third", folder_ / "sub/second");
  EXPECT_EQ(follow_links(folder_ / "first"), folder_ / "sub/third");
  EXPECT_EQ(follow_links(folder_ / "sub"), folder_ / "sub");
  write_file_atomically(folder_ / "first", "x");
  EXPECT_EQ(read_text_file(folder_ / "sub/third"), "x");
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "first"));
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(error_of([&] { follow_links(folder_ / "loop"); })->kind(), ErrorKind::kCannotCreate);
}

}  // namespace
}  // namespace ropeway
