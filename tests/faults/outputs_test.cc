// Output goes through what it is given, and output that is lost is an error.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string evaluate(const TempDir& scratch, const std::string& outputs) {
  return "evaluate " + kTinyBase + " --lengths 256 --windows 2 --text tests/data/prose.txt --cache " +
         scratch.name("cache") + " " + outputs;
}

TEST(Outputs, BehindLinksAreWrittenThere) {
  const TempDir scratch;
  fs::create_directory(scratch.path() / "elsewhere");
  scratch.file("elsewhere/there.json", "old");
  fs::create_symlink("elsewhere/there.json", scratch.path() / "link.json");
  fs::create_symlink(scratch.path() / "elsewhere/new.npy", scratch.path() / "link.npy");  // to nothing yet
  const Ended ended = run_ropeway(
      evaluate(scratch, "--json " + scratch.name("link.json") + " --save-nll " + scratch.name("link.npy")));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "link.json"));
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "link.npy"));
  EXPECT_FALSE(fs::is_symlink(scratch.path() / "elsewhere/there.json"));
  EXPECT_THAT(read_bytes(scratch.path() / "elsewhere/there.json"), HasSubstr("\"evaluations\""));
  EXPECT_THAT(read_bytes(scratch.path() / "elsewhere/new.npy"), StartsWith("\x93NUMPY"));
  // Nothing temporary is left in either folder.
  for (const char* folder : {"", "elsewhere"}) {
    for (const auto& entry : fs::directory_iterator(scratch.path() / folder)) {
      EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
    }
  }
}

TEST(Outputs, IntoAPipeArriveThere) {
  const TempDir scratch;
  const std::string pipe = scratch.name("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Ended ended = run_shell("cat " + pipe + " > " + scratch.name("read") + " &\n{} " +
                                evaluate(scratch, "--json " + pipe) + "\ncode=$?\nwait\nexit $code");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_THAT(read_bytes(scratch.path() / "read"), AllOf(StartsWith("{"), HasSubstr("\"evaluations\"")));
}

TEST(Outputs, BehindALinkToItselfAreRefusedBeforeTheWork) {
  const TempDir scratch;
  fs::create_symlink("loop", scratch.path() / "loop");
  expect_refusal(evaluate(scratch, "--json " + scratch.name("loop")),
                 {.code = 73, .said = {scratch.name("loop"), "symbolic links"}}, scratch.path() / "cache");
}

TEST(Outputs, OfAnExportReplaceWhatALinkPointsTo) {
  const TempDir scratch;
  scratch.file("there.gguf", "old");
  fs::create_symlink("there.gguf", scratch.path() / "link.gguf");
  const Ended ended =
      run_ropeway("export " + kTinyBase + " " + scratch.name("link.gguf") + " --format gguf --force");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "link.gguf"));
  EXPECT_THAT(read_bytes(scratch.path() / "there.gguf"), StartsWith("GGUF"));
}

TEST(StandardOutput, ThatIsLostIsAnError) {
  const TempDir scratch;
  for (const std::string verb : {"--help", "version", "validate configs/tiny_cpu.yaml"}) {
    const Ended ended = run_shell("ulimit -f 0\nexec {} " + verb + " > " + scratch.name("lost"));
    EXPECT_EQ(ended.code, 74) << verb << ended.err;
  }
  // What stands between the program and its standard error is the same file system.
  const Ended ended =
      run_shell("(ulimit -f 0; exec {} --help > " + scratch.name("lost") + ") 2>&1 | cat >&2\nexit 0");
  EXPECT_THAT(ended.err, HasSubstr("standard output: writing failed: File too large"));
}

TEST(StandardStreams, ThatAreClosedAreNotMistakenForFilesOfTheRun) {
  for (const char* closed : {">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    const TempDir scratch;
    const Ended ended = run_shell("exec {} run " + training_recipe(scratch) + " " + closed);
    EXPECT_EQ(ended.code, 0) << closed << ended.err;
    EXPECT_THAT(read_bytes(scratch.path() / "run/.lock"), IsEmpty()) << closed;
    for (const auto& entry : fs::recursive_directory_iterator(scratch.path() / "run")) {
      if (!entry.is_regular_file()) continue;
      EXPECT_EQ(read_bytes(entry.path()).find("ropeway: "), std::string::npos) << closed << entry.path();
    }
  }
}

TEST(FileSizeLimit, OfACheckpointIsNamedAndNothingTemporaryStays) {
  const TempDir scratch;
  const std::string run = "run " + training_recipe(scratch);
  ASSERT_EQ(run_ropeway(run + " --set run_dir=" + scratch.name("other")).code, 0);  // fills the token cache
  const Ended ended = run_shell("ulimit -f 200\nexec {} " + run);
  EXPECT_EQ(ended.code, 74) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("step-000002.tmp-"), HasSubstr("File too large")));
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path() / "run")) {
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

TEST(FullDisk, HasItsOwnReasonInTheWarningOfALog) {
  const TempDir scratch;
  const Tmpfs tmpfs(scratch, "size=3m");
  ROPEWAY_NEEDS_MOUNT(tmpfs);
  const fs::path folder = tmpfs.path() / "run";
  const std::string run = "run " + training_recipe(scratch) + " --set run_dir=" + folder.string();
  ASSERT_EQ(run_ropeway(run).code, 0);
  // The next records meet a disk without a byte left.
  std::ofstream(tmpfs.path() / "other", std::ios::binary) << std::string(4 << 20, 'x');
  const Ended ended = run_ropeway(run);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("No space left on device"),
                               ::testing::Not(HasSubstr("temporarily unavailable"))));
}

}  // namespace
}  // namespace ropeway
