// Exported directories in transformers, loaded as they are, against our own evaluation of the model they were
// made from: losses of every token at a short and at a long length, for every directory of a model with
// several factor sets. One call of transformers for all of them.
#include <gmock/gmock.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWindow = 256;

FactorSet factor_set(const std::string& name, int64_t length, double highest, double temperature) {
  FactorSet set;
  set.name = name;
  set.max_length = length;
  set.original_length = kWindow;
  set.rope_theta = 10000;
  for (int i = 0; i < 32; ++i) set.factors.push_back(std::pow(highest, i / 31.0));
  set.attention_temperature = temperature;
  return set;
}

// Its last pairs slow down to a stand: infinite factors, which config.json has no number for.
FactorSet standing_set() {
  FactorSet set = factor_set("standing", 8 * kWindow, 8, 1.05);
  const std::vector<double> clipped = cope_factors(32, 10);
  for (size_t i = 0; i < 32; ++i) set.factors[i] *= clipped[i];
  return set;
}

// Float32 values of a .npy of version 1.
std::vector<float> npy_values(const std::string& path) {
  const std::string bytes = read_bytes(path);
  const size_t start =
      10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  std::vector<float> values((bytes.size() - start) / 4);
  std::memcpy(values.data(), bytes.data() + start, values.size() * 4);
  return values;
}

struct Job {
  std::string directory;
  int64_t length;
  std::string ours, theirs;  // files
};

class ExportParityTest : public testing::Test {
 protected:
  // The same temperature for all lengths: transformers has no other.
  ExportParityTest() {
    fs::copy(kTinyBase, scratch_.path() / "model");
    write_factor_file(scratch_.path() / "model/rope_factors.json",
                      {factor_set("near", kWindow, 1.15, 1.05), factor_set("4x", 4 * kWindow, 4, 1.05),
                       standing_set(), factor_set("16x", 16 * kWindow, 15, 1.05)});
  }

  void export_model(const std::string& arguments) {
    const Ended ended = run_ropeway("export " + scratch_.name("model") + " " + arguments);
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.err, "");
  }
  // The directory at a length, against our evaluation of `model` under `factors`.
  void compare(const std::string& directory, int64_t length, const std::string& model,
               const std::string& factors) {
    const std::string stem = scratch_.name(fmt::format("job{}", jobs_.size()));
    jobs_.push_back({scratch_.name(directory), length, stem + ".npy", stem + ".safetensors"});
    const Ended ended = run_ropeway(
        fmt::format("evaluate {} --text {} --lengths {} --windows 1 --factors {} --save-nll {} --cache {}",
                    scratch_.name(model), kText, length, factors, jobs_.back().ours, scratch_.name("cache")));
    ASSERT_EQ(ended.code, 0) << ended.err;
  }
  void ask_transformers() const {
    std::string lines;
    for (const Job& job : jobs_) lines += fmt::format("{} {} {}\\n", job.directory, job.length, job.theirs);
    run_python(
        fmt::format("import io, sys, runpy\nsys.argv = ['', '{}']\nsys.stdin = io.StringIO('{}')\n"
                    "runpy.run_path('{}')\n",
                    kText, lines, ROPEWAY_SOURCE_DIR "/tests/parity/export_oracle.py"));
  }

  TempDir scratch_;
  std::vector<Job> jobs_;
  const std::string kText = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";
};

TEST_F(ExportParityTest, TransformersLosesAsMuchOnEveryToken) {
  ROPEWAY_NEEDS_PYTHON();
  export_model(scratch_.name("all") + " --format hf");
  export_model(scratch_.name("declared_less") + " --format hf --factors 16x --max-length 2K --dtype f32");
  export_model(scratch_.name("plain") + " --format hf --factors none");
  compare("all/1K", kWindow, "model", "near");
  compare("all/1K", 4 * kWindow, "model", "4x");
  compare("all/2K", 8 * kWindow, "model", "standing");
  compare("all/4K", kWindow, "model", "near");
  compare("all/4K", kWindow + 1, "model", "16x");
  compare("all/4K", 6 * kWindow, "model", "16x");
  compare("declared_less", 5 * kWindow, "model", "16x");
  compare("plain", kWindow, "model", "none");
  compare("plain", 2 * kWindow, "model", "none");
  // Our own reading of an export: every set is still there.
  compare("all/4K", 4 * kWindow, "all/1K", "16x");
  ask_transformers();
  ASSERT_FALSE(HasFailure());
  for (const Job& job : jobs_) {
    SCOPED_TRACE(fmt::format("{} at {}", job.directory, job.length));
    const std::vector<float> ours = npy_values(job.ours);
    const SafetensorsFile file = SafetensorsFile::open(job.theirs);
    ASSERT_EQ(static_cast<int64_t>(ours.size()), job.length - 1);
    ASSERT_EQ(file.tensors().at("nll").shape, std::vector<int64_t>{job.length - 1});
    std::vector<float> theirs(ours.size());
    std::memcpy(theirs.data(), file.data("nll").data(), theirs.size() * 4);
    double worst = 0, sum_of_differences = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      worst = std::max<double>(worst, std::abs(ours[i] - theirs[i]));
      sum_of_differences += ours[i] - theirs[i];
    }
    // transformers computes angles in F32: 1e-4 rad off at a thousand tokens.
    EXPECT_LE(worst, 2e-3);
    EXPECT_LE(std::abs(sum_of_differences) / static_cast<double>(ours.size()), 1e-5);
  }
}

}  // namespace
}  // namespace ropeway
