// The real program over several ranks, each with a pretend GPU of its own and NCCL between them.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/pretend_gpu/run_on_pretend_gpu.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kSchedule =
    R"(  - {name: search, kind: search, from: none, makes: found, length: 1K, seed_grid: short, refine: gradient, gradient_steps: 2,
     documents: 2, finalist_documents: 1}
  - {name: tune, kind: finetune, from: found, makes: tuned, length: 1K, batch_sequences: 4, steps: 3, checkpoint_every: 2}
  - {name: scores, kind: evaluate, lengths: [256, 1K], factors: [auto], windows: 4, tasks: [perplexity]}
)";

std::string ranks_on_gpus(int ranks, int gpus, const std::string& arguments) {
  // Without a cache allocations are zeros, as losses must be finite.
  return "exec mpirun -n " + std::to_string(ranks) +
         " env PYTORCH_NO_CUDA_MEMORY_CACHING=1 PRETEND_GPU_COUNT=" + std::to_string(gpus) +
         " LD_PRELOAD=" PRETEND_GPU_LIBRARY ":" PRETEND_NCCL_LIBRARY " {} " + arguments;
}

class PretendRanks : public ::testing::TestWithParam<std::pair<int, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Meshes, PretendRanks,
                         ::testing::Values(std::pair{2, "mesh.data=1"}, std::pair{4, "mesh.data=2"}));

TEST_P(PretendRanks, FinishASchedule) {
  const auto& [ranks, mesh] = GetParam();
  const Scratch scratch;
  const Ended ended = run_shell(ranks_on_gpus(
      ranks, ranks,
      "run " + small_recipe(scratch, kSchedule) + " --set device=cuda --set dtype=bf16 --set " + mesh));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("NCCL "));
  const Json report = Json::parse(content_of(scratch.path() / "run/report.json"));
  EXPECT_EQ(report.at("stages").size(), 3u);
}

TEST(PretendRanks, EvaluateAModel) {
  const Scratch scratch;
  const Ended ended = run_shell(
      ranks_on_gpus(2, 2,
                    "evaluate " + kTinyBase + " --text " + top_folder() +
                        "/tests/data/prose.txt --lengths 256,1K --tasks perplexity --device cuda --json " +
                        scratch.name("out.json")));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(Json::parse(content_of(scratch.path() / "out.json")).at("evaluations").size(), 2u);
}

TEST(PretendRanks, MoreThanThereAreGpusAreRefusedByAll) {
  const Scratch scratch;
  const Ended ended = run_shell(
      ranks_on_gpus(2, 1, "run " + small_recipe(scratch, kSchedule) + " --set device=cuda --set dtype=bf16"));
  EXPECT_EQ(ended.code, 71) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("ranks 0, 1 share one GPU"));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "run"));
}

}  // namespace
}  // namespace ropeway
