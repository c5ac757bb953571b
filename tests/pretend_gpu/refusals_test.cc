// What GPUs and libraries the program refuses or does without, and how it ends where one has too little
// memory.
#include <gmock/gmock.h>

#include "tests/pretend_gpu/run_on_pretend_gpu.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kLauncher = 71, kMemory = 80;

const std::string kOnGpu = " --set device=cuda --set dtype=bf16";
const std::string kTune =
    "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 4K, batch_sequences: 1, steps: 1, "
    "learning_rate: 2e-4}\n";

Ended run_with(const TempDir& scratch, const std::string& environment, const std::string& set = "") {
  return run_on_pretend_gpu("run " + small_recipe(scratch, kTune) + kOnGpu + set, environment);
}

TEST(PretendGpuRefusals, AGpuWithoutBf16) {
  const TempDir scratch;
  const Ended ended = run_with(scratch, "PRETEND_GPU_CAPABILITY=75");
  EXPECT_EQ(ended.code, kLauncher);
  EXPECT_THAT(ended.err, HasSubstr("sm_75"));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "run/metrics.jsonl"));
}

TEST(PretendGpuRefusals, ADriverWithoutAGpu) {
  const TempDir scratch;
  const Ended ended = run_with(scratch, "PRETEND_GPU_COUNT=0");
  EXPECT_EQ(ended.code, kLauncher);
  EXPECT_THAT(ended.err, HasSubstr("no CUDA device"));
}

// Not a refusal: the run goes on, and says what it costs and why.
TEST(PretendGpuRefusals, AnOldCudnnIsNotUsedAndItIsSaid) {
  const TempDir scratch;
  const Ended ended = run_on_pretend_gpu("run " + small_recipe(scratch, kEvaluateStage) + kOnGpu,
                                         "PYTORCH_NO_CUDA_MEMORY_CACHING=1 PRETEND_GPU_CUDNN=80907");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("attention: FlashAttention 2 on NVIDIA H100"));
  EXPECT_THAT(ended.err, HasSubstr("its version is 80907, 90000 wanted"));
}

// The model and a step of 4K tokens need some 75 MiB beside cuBLAS's workspace.
TEST(PretendGpuRefusals, TooLittleMemoryIsToldByPart) {
  const TempDir scratch;
  const Ended ended = run_with(scratch, "PRETEND_GPU_MEMORY=64");
  EXPECT_EQ(ended.code, kMemory) << ended.err;
  for (const char* part : {"stage tune: out of memory", "weights", "gradients", "optimizer", "checkpoints"}) {
    EXPECT_THAT(ended.err, HasSubstr(part));
  }
  EXPECT_EQ(times(ended.err, "to need less: "), 3);
}

// Before anything is read or written, not at the first layer that slides; a CPU computes it.
TEST(PretendGpuRefusals, WindowsWithinDocumentsAreRefusedBeforeWorkStarts) {
  const TempDir scratch;
  std::filesystem::copy(kTinyBase, scratch.path() / "model");
  std::string config = read_bytes(scratch.path() / "model/config.json");
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"llama\"", "\"mistral\""},
                                 {"\"LlamaForCausalLM\"", "\"MistralForCausalLM\""},
                                 {"{", "{\"sliding_window\": 512,"}}) {
    config.replace(config.find(from), from.size(), to);
  }
  scratch.file("model/config.json", config);
  const std::string recipe = small_recipe(scratch, kTune) + " --set model.path=" + scratch.name("model") +
                             " --set model.sliding_window=honour --set data.document_mask=documents";
  for (const std::string& command : {"validate " + recipe + kOnGpu, "plan " + recipe + kOnGpu,
                                     "plan " + recipe + " --gpu h200", "run " + recipe + kOnGpu}) {
    const Ended ended = run_on_pretend_gpu(command);
    EXPECT_EQ(ended.code, 78) << command << ended.err;
    EXPECT_EQ(times(ended.err, "data.document_mask: found documents, wanted none"), 1) << ended.err;
    EXPECT_FALSE(std::filesystem::exists(scratch.path() / "run"));
  }
  EXPECT_EQ(run_ropeway("validate " + recipe).code, 0);
}

TEST(PretendGpuRefusals, AnEvaluationTellsTheSame) {
  const TempDir scratch;
  const Ended ended =
      run_on_pretend_gpu("evaluate " + kTinyBase + " --device cuda --lengths 16K --text " + top_folder() +
                             "/tests/data/prose.txt --cache " + scratch.name("cache"),
                         "PRETEND_GPU_MEMORY=48");
  EXPECT_EQ(ended.code, kMemory) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("evaluate: out of memory (CUDA out of memory. Tried to allocate "));
  EXPECT_THAT(ended.err, HasSubstr("\n  to need less: --device cpu ("));
  EXPECT_THAT(ended.err, Not(HasSubstr("PYTORCH")));
}

}  // namespace
}  // namespace ropeway
