// ropeway report: what it writes, refuses and serves.
#include <csignal>
#include <filesystem>

#include "tests/faults/refusals.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kRun = "tests/data/demo_run";

TEST(ReportVerb, WritesIntoTheRunsFolderUnlessToldOtherwise) {
  const TempDir scratch;
  fs::copy(fs::path(ROPEWAY_SOURCE_DIR) / kRun, scratch / "run", fs::copy_options::recursive);
  const Ended ended = run_ropeway("report " + scratch.name("run"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, scratch.name("run/report.html") + "\n");
  EXPECT_THAT(read_bytes(scratch / "run/report.html"), HasSubstr("<!DOCTYPE html>"));
  const Ended named =
      run_ropeway("report " + kRun + " -o " + scratch.name("x.html") + " --pictures " + scratch.name("p"));
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_TRUE(fs::exists(scratch / "x.html"));
  EXPECT_TRUE(fs::exists(scratch / "p/loss.svg"));
}

TEST(ReportVerb, RefusesWhatIsNoRun) {
  const TempDir scratch;
  const Ended ended = run_ropeway("report " + scratch.path().string());
  EXPECT_EQ(ended.code, 66);
  EXPECT_THAT(ended.err, HasSubstr(scratch.path().string() + ": found no run there"));
}

TEST(ReportVerb, AComparisonWantsAFileOfItsOwn) {
  const Ended ended = run_ropeway("report " + kRun + " --compare " + kRun);
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("-o both.html"));
  EXPECT_EQ(run_ropeway("report " + kRun + " --serve 70000").code, 2);
}

// The page as a browser asks for it, from this machine only.
TEST(ReportVerb, ServesThePageOnTheLoopback) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir scratch;
  const std::string served = scratch.name("served");
  const std::string ask = scratch.file("ask.py", R"(
import sys, urllib.error, urllib.request
address = open(sys.argv[1]).read().strip()
assert address.startswith('http://127.0.0.1:'), address
page = urllib.request.urlopen(address).read().decode()
print(page.count('<script>'), 'far_64x' in page)
try:
    urllib.request.urlopen(address + 'etc/passwd')
except urllib.error.HTTPError as error:
    print(error.code)
)");
  const Ended ended = run_shell(
      "{} report " + kRun + " --serve 0 > " + served + " & server=$!; for i in $(seq 200); do [ -s " +
      served + " ] && break; sleep 0.05; done; " + python() + " " + ask + " " + served + "; kill $server");
  EXPECT_EQ(ended.out, "1 True\n404\n") << ended.err;
}

}  // namespace
}  // namespace ropeway
