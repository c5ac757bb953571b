#include "trainer/report/metrics_file.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

TEST(MetricsFile, AppendsWholeLines) {
  const TempDir folder;
  MetricsFile(folder / "m").append("one");
  MetricsFile(folder / "m").append("two");
  EXPECT_EQ(read_bytes(folder / "m"), "one\ntwo\n");
}

TEST(MetricsFile, CutsATornLastLine) {
  const TempDir folder;
  write_bytes(folder / "m", R"({"stage":"a","step":1})"
                            "\n"
                            R"({"stage":"a","st)");
  MetricsFile(folder / "m").cut("b", 0);
  EXPECT_EQ(read_bytes(folder / "m"), "{\"stage\":\"a\",\"step\":1}\n");
}

TEST(MetricsFile, CutsLaterStepsOfThatStageOnly) {
  const TempDir folder;
  const std::string a1 = "{\"stage\":\"a\",\"step\":1}\n", a2 = "{\"stage\":\"a\",\"step\":2}\n",
                    b2 = "{\"stage\":\"b\",\"step\":2}\n", b3 = "{\"stage\":\"b\",\"step\":3}\n";
  write_bytes(folder / "m", a1 + a2 + b2 + b3);
  MetricsFile metrics(folder / "m");
  metrics.cut("b", 2);
  EXPECT_EQ(read_bytes(folder / "m"), a1 + a2 + b2);
  metrics.cut("a", 0);
  EXPECT_EQ(read_bytes(folder / "m"), b2);
}

TEST(MetricsFile, LeavesRecordsOfOtherToolsAlone) {
  const TempDir folder;
  const std::string lines = "{\"stage\":7,\"step\":\"x\"}\n{}\n{\"stage\":\"a\",\"step\":2.5}\n";
  write_bytes(folder / "m", lines);
  MetricsFile(folder / "m").cut("a", 0);
  EXPECT_EQ(read_bytes(folder / "m"), lines);
}

TEST(MetricsFile, CuttingNothingMakesNoFile) {
  const TempDir folder;
  MetricsFile(folder / "m").cut("a", 0);
  EXPECT_FALSE(fs::exists(folder / "m"));
}

TEST(MetricsFile, WarnsOnceWhenItCannotWrite) {
  const TempDir folder;
  fs::create_directory(folder / "m");  // a folder where the file should be
  MetricsFile metrics(folder / "m");
  testing::internal::CaptureStderr();
  metrics.cut("a", 0);
  metrics.append("one");
  metrics.append("two");
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find((folder / "m").string()), std::string::npos) << printed;
  EXPECT_EQ(printed.find("goes on"), printed.rfind("goes on")) << printed;
}

}  // namespace
}  // namespace ropeway
