#include "trainer/report/tensorboard.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <sstream>

#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/report/reporter.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// "step tag value" of every scalar in the folder, as PyPI's tensorboard reads it.
constexpr const char* kReadScalars = R"(
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
for tag in sorted(events.Tags()["scalars"]):
    for event in events.Scalars(tag):
        print(event.step, tag, repr(event.value))
)";

std::vector<std::string> read_scalars(const fs::path& folder) {
  std::istringstream output(run_python(kReadScalars, folder.string()));
  std::vector<std::string> lines;
  for (std::string line; std::getline(output, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().find("tfevents") != std::string::npos) files.push_back(entry.path());
  }
  return files;
}

// RFC 3720, appendix B.4, and the usual check string: CRC-32C before TFRecord's mask.
uint32_t unmasked(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return (rotated << 15) | (rotated >> 17);
}

TEST(TensorBoard, ChecksumsAreCrc32c) {
  EXPECT_EQ(unmasked(masked_crc32c("123456789", 9)), 0xe3069283u);
  const std::string zeros(32, '\0'), ones(32, '\xff');
  EXPECT_EQ(unmasked(masked_crc32c(zeros.data(), 32)), 0x8a9136aau);
  EXPECT_EQ(unmasked(masked_crc32c(ones.data(), 32)), 0x62a8ab43u);
}

TEST(TensorBoard, EveryRecordIsFramedByItsLengthAndTwoChecksums) {
  const TempDir folder;
  {
    TensorBoardWriter writer(folder.path());
    writer.scalars(1, {{"a", 0.5}});
    writer.scalars(2, {{"a", 0.25}, {"b", 1e30}});
  }
  const std::string bytes = read_bytes(event_files(folder.path()).at(0));
  const auto little_endian = [&](size_t at, int count) {
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
    return value;
  };
  int records = 0;
  for (size_t at = 0; at < bytes.size(); ++records) {
    const uint64_t length = little_endian(at, 8);
    ASSERT_LE(at + 16 + length, bytes.size());
    EXPECT_EQ(little_endian(at + 8, 4), masked_crc32c(bytes.data() + at, 8));
    EXPECT_EQ(little_endian(at + 12 + length, 4), masked_crc32c(bytes.data() + at + 12, length));
    at += 16 + length;
  }
  EXPECT_EQ(records, 3);  // the version, and one a call
}

TEST(TensorBoard, PypiTensorboardReadsTheSameStepsAndValues) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  {
    TensorBoardWriter writer(folder.path());
    writer.scalars(1, {{"train/loss", 0.5}, {"train/lr", 0.0009765625}});
    writer.scalars(int64_t{1} << 40, {{"train/loss", -1.25}});
  }
  EXPECT_EQ(read_scalars(folder.path()),
            (std::vector<std::string>{"1 train/loss 0.5", "1099511627776 train/loss -1.25",
                                      "1 train/lr 0.0009765625"}));
}

TEST(TensorBoard, TheReportersStepsAndEvaluationsArriveThere) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  {
    Reporter reporter(folder.path(), true);
    reporter.step({.stage = "tune",
                   .step = 3,
                   .total_steps = 4,
                   .loss = 1.5,
                   .learning_rate = 0.125,
                   .gradient_norm = 2,
                   .tokens_per_second = 1024,
                   .seconds = 0.5});
    reporter.evaluation({.stage = "e", .model = "base", .factors = "pi", .length = 256, .bits_per_byte = 2});
  }
  EXPECT_EQ(
      read_scalars(folder.path()),
      (std::vector<std::string>{"256 evaluate/base/pi/bits_per_byte 2.0", "3 tune/grad_norm 2.0",
                                "3 tune/loss_metrics/global_avg_loss 1.5", "3 tune/lr 0.125",
                                "3 tune/throughput(tps) 1024.0", "3 tune/time_metrics/end_to_end(s) 0.5"}));
}

TEST(TensorBoard, WhatAStepMeasuresHasTorchtitansNames) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  Reporter(folder.path(), true)
      .step({.stage = "tune",
             .step = 1,
             .seconds = 2,
             .peak_memory_bytes = int64_t{3} << 30,
             .time = {{"data", 0.5}, {"compute", 1.25}},
             .tflops_per_rank = 400,
             .peak_tflops = 1000});
  const auto scalars = read_scalars(folder.path());
  for (const char* line : {"1 tune/memory/max_reserved(GiB) 3.0", "1 tune/time_metrics/data_loading(s) 0.5",
                           "1 tune/time_metrics/data_loading(%) 25.0", "1 tune/time_metrics/compute(s) 1.25",
                           "1 tune/tflops 400.0", "1 tune/mfu(%) 40.0"}) {
    EXPECT_NE(std::ranges::find(scalars, line), scalars.end()) << line;
  }
}

// Texts, and hyperparameters, as the plugins of PyPI's tensorboard read them.
constexpr const char* kReadTexts = R"(
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
events = EventAccumulator(sys.argv[1])
events.Reload()
for tag in events.PluginTagToContent("text"):
    for event in events.Tensors(tag):
        print(tag, event.tensor_proto.string_val[0].decode())
for tag, content in events.PluginTagToContent("hparams").items():
    data = plugin_data_pb2.HParamsPluginData.FromString(content)
    for name, value in sorted(data.session_start_info.hparams.items()):
        print(tag, name, value.WhichOneof("kind"), value.number_value or value.string_value)
)";

TEST(TensorBoard, TheRunsTextAndHyperparametersAreRead) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  Reporter(folder.path(), true)
      .describe_run({{"run/recipe", "name: \u00e4"}},
                    {{"tune.learning_rate", "0.0005"}, {"dtype", "bf16"}, {"seed", "7"}});
  EXPECT_EQ(run_python(kReadTexts, folder.path().string()),
            "run/recipe/text_summary name: \u00e4\n"
            "_hparams_/session_start_info dtype string_value bf16\n"
            "_hparams_/session_start_info seed number_value 7.0\n"
            "_hparams_/session_start_info tune.learning_rate number_value 0.0005\n");
}

TEST(TensorBoard, ASecondProcessAddsAFileAndItsStepsFollow) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  for (const int64_t step : {1, 2}) TensorBoardWriter(folder.path()).scalars(step, {{"loss", 0.5}});
  EXPECT_EQ(event_files(folder.path()).size(), 2u);
  EXPECT_EQ(read_scalars(folder.path()), (std::vector<std::string>{"1 loss 0.5", "2 loss 0.5"}));
}

TEST(TensorBoard, AFileCutInTheMiddleOfARecordKeepsWhatCameBefore) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  {
    TensorBoardWriter writer(folder.path());
    writer.scalars(1, {{"loss", 0.5}});
    writer.scalars(2, {{"loss", 0.25}});
  }
  const fs::path file = event_files(folder.path()).at(0);
  fs::resize_file(file, fs::file_size(file) - 3);
  EXPECT_EQ(read_scalars(folder.path()), (std::vector<std::string>{"1 loss 0.5"}));
}

TEST(TensorBoard, AFolderThatIsNotThereCostsTheEventsOnly) {
  const TempDir folder;
  testing::internal::CaptureStderr();
  {
    TensorBoardWriter writer(folder / "missing");
    writer.scalars(1, {{"loss", 0.5}});
  }
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_NE(warning.find("No such file or directory"), std::string::npos) << warning;
  EXPECT_FALSE(fs::exists(folder / "missing"));
}

}  // namespace
}  // namespace ropeway
