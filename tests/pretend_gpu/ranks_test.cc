// The real program over several ranks, each with a pretend GPU of its own and NCCL between them.
#include <gmock/gmock.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "tests/pretend_gpu/run_on_pretend_gpu.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const std::string kSchedule =
    R"(  - {name: search, kind: search, from: none, makes: found, length: 1K, seed_grid: short, refine: gradient, gradient_steps: 2,
     documents: 2, finalist_documents: 1}
  - {name: tune, kind: finetune, from: found, makes: tuned, length: 1K, batch_sequences: 4, steps: 3, checkpoint_every: 2}
  - {name: scores, kind: evaluate, lengths: [256, 1K], factors: [auto], windows: 4, tasks: [perplexity]}
)";

// What mpirun is to start. Without a cache allocations are zeros, as losses must be finite.
std::string some_ranks(int ranks, int gpus, const std::string& arguments, int mebibytes = 81559) {
  return "-n " + std::to_string(ranks) +
         " env PYTORCH_NO_CUDA_MEMORY_CACHING=1 PRETEND_GPU_COUNT=" + std::to_string(gpus) +
         " PRETEND_GPU_MEMORY=" + std::to_string(mebibytes) +
         " LD_PRELOAD=" PRETEND_GPU_LIBRARY ":" PRETEND_NCCL_LIBRARY " {} " + arguments;
}
std::string ranks_on_gpus(int ranks, int gpus, const std::string& arguments) {
  return "exec mpirun " + some_ranks(ranks, gpus, arguments);
}

class PretendRanks : public ::testing::TestWithParam<std::pair<int, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Meshes, PretendRanks,
                         ::testing::Values(std::pair{2, "mesh.data=1"}, std::pair{4, "mesh.data=2"}));

TEST_P(PretendRanks, FinishASchedule) {
  const auto& [ranks, mesh] = GetParam();
  const TempDir scratch;
  const Ended ended = run_shell(ranks_on_gpus(
      ranks, ranks,
      "run " + small_recipe(scratch, kSchedule) + " --set device=cuda --set dtype=bf16 --set " + mesh));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("NCCL "));
  const Json report = Json::parse(read_bytes(scratch.path() / "run/report.json"));
  EXPECT_EQ(report.at("stages").size(), 3u);
}

// The model has three heads: lengths that 3 and 6 ranks can share. Exchanges for heads are NCCL's, as the
// hops.
TEST(PretendRanks, FinishAScheduleWithSharedHeads) {
  std::string schedule = kSchedule;
  for (const auto& [found, put] : {std::pair{"1K", "768"}, {"256", "384"}}) {
    for (size_t at = 0; (at = schedule.find(found, at)) != std::string::npos;)
      schedule.replace(at, std::strlen(found), put);
  }
  for (const int ranks : {3, 6}) {
    const TempDir scratch;
    const Ended ended = run_shell(ranks_on_gpus(
        ranks, ranks,
        "run " + small_recipe(scratch, schedule) + " --set device=cuda --set dtype=bf16 --set mesh.heads=3"));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(Json::parse(read_bytes(scratch.path() / "run/report.json")).at("stages").size(), 3u);
  }
}

TEST(PretendRanks, EvaluateAModel) {
  const TempDir scratch;
  const Ended ended = run_shell(
      ranks_on_gpus(2, 2,
                    "evaluate " + kTinyBase + " --text " + top_folder() +
                        "/tests/data/prose.txt --lengths 256,1K --tasks perplexity --device cuda --json " +
                        scratch.name("out.json")));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(Json::parse(read_bytes(scratch.path() / "out.json")).at("evaluations").size(), 2u);
}

TEST(PretendRanks, GenerateText) {
  const Ended ended = run_shell(
      ranks_on_gpus(2, 2, "generate " + kTinyBase + " --device cuda --max-new-tokens 5 --prompt abc"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  // All logits are alike: nothing is computed. mpirun gives its ranks a terminal, where controls are shown
  // so.
  EXPECT_EQ(ended.out, "\\x00\\x00\\x00\\x00\\x00\n");
}

TEST(PretendRanks, MoreThanThereAreGpusAreRefusedByAll) {
  const TempDir scratch;
  const Ended ended = run_shell(
      ranks_on_gpus(2, 1, "run " + small_recipe(scratch, kSchedule) + " --set device=cuda --set dtype=bf16"));
  EXPECT_EQ(ended.code, 71) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("ranks 0, 1 share one GPU"));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "run"));
}

// However much is queued, and while the other rank waits for it.
TEST(PretendRanks, OneWithoutMemoryEndsTheJobWithItsMessage) {
  const TempDir scratch;
  const std::string run =
      "run " +
      small_recipe(scratch,
                   "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 1K, "
                   "batch_sequences: 4, steps: 2}\n") +
      " --set device=cuda --set dtype=bf16";
  const Ended ended =
      run_shell("exec mpirun " + some_ranks(1, 2, run) + " : " + some_ranks(1, 2, run, /*mebibytes=*/64));
  EXPECT_EQ(ended.code, 80) << ended.err;
  EXPECT_THAT(ended.err,
              HasSubstr("rank 1: stage tune: out of memory (CUDA error: out of memory); it needs "));
  EXPECT_EQ(times(ended.err, "\n  to need less: "), 3) << ended.err;
  EXPECT_THAT(ended.err, Not(HasSubstr("NCCL cannot be aborted")));
}

}  // namespace
}  // namespace ropeway
