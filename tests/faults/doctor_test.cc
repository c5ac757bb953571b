// `ropeway doctor`: a job that is fit for a run, and checks that fail, each named with its exit code.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A shell's lines before the program, and how it is started.
Ended doctor(const std::string& arguments, const std::string& before = "", const std::string& start = "") {
  return run_shell(before + "\nexec " + start + " {} doctor " + arguments);
}

size_t entries_in(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Doctor, TwoRanksAreMeasuredAndAllIsGood) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core: two ranks share it";
  const TempDir scratch;
  const Ended ended = mpirun_ropeway(2, "doctor --device cpu --folder " + scratch.path().string() +
                                            "/later/runs --json " + scratch.name("doctor.json"));
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("libtorch "), HasSubstr("limits "), HasSubstr("/dev/shm"),
                               HasSubstr("locks work"), HasSubstr("all-reduce "), HasSubstr("ring step "),
                               HasSubstr("OMP_NUM_THREADS=1"), HasSubstr("\nall good\n")));
  EXPECT_EQ(entries_in(scratch.path()), 1) << "the probe is gone, and nothing was created";
  const auto json = nlohmann::json::parse(read_bytes(scratch.name("doctor.json")));
  for (const char* figure : {"all_reduce_gigabytes_per_second", "hop_gigabytes_per_second",
                             "hop_latency_seconds", "ring_step_seconds"}) {
    EXPECT_GT(json.at("figures").at(figure).get<double>(), 0) << figure;
    EXPECT_LT(json.at("figures").at(figure).get<double>(), 1000) << figure;
  }
  EXPECT_LT(std::abs(json.at("figures").at("largest_clock_offset_seconds").get<double>()), 0.5)
      << "of one clock";
  EXPECT_TRUE(json.at("failed").empty());
}

TEST(Doctor, AloneItMeasuresNoLinks) {
  const TempDir scratch;
  const Ended ended = doctor("--folder " + scratch.path().string());
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("one rank has none"), HasSubstr("all good")));
}

TEST(Doctor, AFolderThatCannotBeWrittenIs73) {
  const TempDir scratch;
  const std::string file = scratch.file("file", "");
  const Ended ended = doctor("--folder " + file);
  EXPECT_EQ(ended.code, 73) << ended.out;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("folder (73): " + file), HasSubstr("  try: "), Not(HasSubstr("all good"))));
  EXPECT_THAT(ended.err, HasSubstr("a check failed: folder"));
  EXPECT_EQ(doctor("--folder /proc/ropeway").code, 73);
}

TEST(Doctor, AFileSystemWithoutLocksIs73) {
  const TempDir scratch;
  const Ended ended = doctor("--folder " + scratch.path().string(), "export LD_PRELOAD=" ROPEWAY_NO_FLOCK);
  EXPECT_EQ(ended.code, 73) << ended.out;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("no file locks: "), HasSubstr("heartbeat")));
  EXPECT_EQ(entries_in(scratch.path()), 0);
}

TEST(Doctor, MoreThreadsThanCoresAre71) {
  const unsigned cores = std::thread::hardware_concurrency();
  if (cores < 2) GTEST_SKIP() << "one core: a rank cannot have more than one thread";
  const TempDir scratch;
  const Ended ended = doctor("--device cpu --folder " + scratch.path().string(),
                             "export OMP_NUM_THREADS=" + std::to_string(cores), "mpirun -n 2");
  EXPECT_EQ(ended.code, 71) << ended.out;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("threads (71): "), HasSubstr("OMP_NUM_THREADS=")));
}

TEST(Doctor, ALimitOnFilesIs71AndAllThatFailsIsNamed) {
  const TempDir scratch;
  const Ended ended = doctor("--folder " + scratch.file("file", ""), "ulimit -f 1000000\nulimit -n 100");
  EXPECT_EQ(ended.code, 71) << ended.out;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("3 checks failed"), HasSubstr("the limit on size of files is "),
                               HasSubstr("the limit on open files is 100"), HasSubstr("folder (73)")));
  EXPECT_THAT(ended.err, HasSubstr("3 checks failed: limits, folder"));
}

}  // namespace
}  // namespace ropeway
