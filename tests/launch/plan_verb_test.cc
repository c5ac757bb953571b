// ropeway plan as a user meets it: no GPU, no weights, no MPI.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Llama 3 8B's config.json and nothing else.
std::string model_without_weights(const TempDir& scratch) {
  std::filesystem::create_directory(scratch.path() / "model");
  scratch.file("model/config.json",
               R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256,
  "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
  "num_key_value_heads": 8, "max_position_embeddings": 8192, "rope_theta": 500000.0, "rms_norm_eps": 1e-5,
  "hidden_act": "silu", "tie_word_embeddings": false, "torch_dtype": "bfloat16"})");
  return scratch.name("model");
}

std::string recipe_8b(const TempDir& scratch) {
  return scratch.file(
      "recipe.yaml",
      "name: eight\ndevice: cuda\ndtype: bf16\nmodel: {path: " + model_without_weights(scratch) +
          "}\ndata: {train: [a.txt], validation: [a.txt], test: [a.txt]}\nstages:\n"
          "  - {name: search, kind: search, from: none, makes: s, length: 1M}\n"
          "  - {name: tune, kind: finetune, from: s, makes: t, length: 1M, steps: 100}\n"
          "  - {name: scores, kind: evaluate, lengths: [8K, 1M], factors: [auto], windows: 2}\n");
}

TEST(PlanVerb, HelpFitsAScreen) {
  const Ended ended = run_ropeway("plan --help");
  EXPECT_EQ(ended.code, 0);
  EXPECT_LE(times(ended.out, "\n"), 24);
  EXPECT_THAT(ended.out, HasSubstr("example:"));
  for (size_t begin = 0, end; (end = ended.out.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LE(end - begin, 80u) << ended.out.substr(begin, end - begin);
  }
}

// A step of 1M tokens at the H200's rates is 1754 s on one GPU, computed by hand: 3.65 min on eight.
TEST(PlanVerb, TellsTimeAndMemoryOfEveryStage) {
  const TempDir scratch;
  const Ended ended = run_ropeway("plan " + recipe_8b(scratch) + " --gpus 8 --gpu h200 --details");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, IsEmpty());
  EXPECT_THAT(ended.out, StartsWith("eight: 8.03B parameters, 8 x h200: data 1 x sequence 8\n"));
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("search (search): "), HasSubstr("tune (finetune): 105M tokens"),
                    HasSubstr("scores (evaluate): "), HasSubstr("weights 14.96 GiB"), HasSubstr("in all: ")));
  EXPECT_THAT(ended.out, AllOf(HasSubstr("100 steps of 1 x 1M"), HasSubstr("95% attention, 3.64 min")));
  EXPECT_EQ(times(ended.out, "memory per rank "), 3);
  // 8,030,261,248 weights of 2 bytes, and an eighth of as many masters and moments of 12.
  EXPECT_EQ(times(ended.out, "and 26.18 GiB of host memory on rank 0 to write checkpoints from"), 1);
}

TEST(PlanVerb, SaysWhatToChangeWhereItDoesNotFit) {
  const TempDir scratch;
  const Ended ended = run_ropeway("plan " + recipe_8b(scratch) + " --gpus 2 --gpu h100");
  EXPECT_EQ(ended.code, 80) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(" per rank, h100 has 77.00 GiB for it: no mesh of 2 ranks fits"));
  EXPECT_THAT(ended.out, AllOf(HasSubstr("DOES NOT FIT into 77.00 GiB; what would help:\n"),
                               HasSubstr("mesh.sequence: "), HasSubstr(" GiB per rank")));
}

TEST(PlanVerb, SaysWhatRanksShareOutToMakeItFit) {
  const TempDir scratch;
  const Ended ended = run_ropeway("plan " + recipe_8b(scratch) + " --gpus 4 --gpu h100 --details");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("  the ranks share out "));
  const Ended alone = run_ropeway("plan " + recipe_8b(scratch) + " --gpus 4 --gpu h100 --set engine.zero=1");
  EXPECT_EQ(alone.code, 80) << alone.err;
}

TEST(PlanVerb, HasNoTimesForACpuWithoutARate) {
  const Ended without = run_ropeway("plan configs/tiny_cpu.yaml --gpus 2 --details");
  EXPECT_EQ(without.code, 0) << without.err;
  EXPECT_THAT(without.out,
              AllOf(HasSubstr("2 x cpu"), HasSubstr("tune_8x (finetune): "), HasSubstr("memory per rank")));
  EXPECT_THAT(without.out, Not(HasSubstr(" min")));
  const Ended with = run_ropeway("plan configs/tiny_cpu.yaml --gpus 2 --tflops 0.1");
  EXPECT_EQ(with.code, 0) << with.err;
  EXPECT_THAT(with.out, HasSubstr(" min"));
}

// Two rows of four share the batch of two; a ring of eight moves more for the same arithmetic.
TEST(PlanVerb, ComparesMeshesAndSearchesAndNamesTheCheapest) {
  const TempDir scratch;
  const std::string text =
      recipe_8b(scratch) + " --set stages.tune.batch_sequences=2 --set stages.tune.length=128K";
  const Ended ended = run_ropeway("plan " + text + " --gpus 8 --json " + scratch.name("plan.json"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("8 ranks as "), HasSubstr("data 4 x sequence 2 "),
                    HasSubstr(" cannot be: 2 sequences per step in tune"),
                    HasSubstr("cheapest that fits: --set mesh.data="),
                    HasSubstr("seeds: families, refine: gradient"), HasSubstr("  as in the recipe")));
  const auto json = nlohmann::json::parse(read_bytes(scratch.path() / "plan.json"));
  double least = 1e30;
  nlohmann::json best;
  for (const auto& mesh : json["meshes"]) {
    if (mesh.contains("refused") || !mesh["fits"].get<bool>() || mesh["seconds"] >= least) continue;
    least = mesh["seconds"];
    best = mesh["mesh"];
  }
  EXPECT_EQ(json["cheapest_mesh"], best);
  EXPECT_EQ(json["meshes"].size(), 9u);  // heads over 1, 2, 4, 8 of 8 and over 1, 2, 4 of 4; two refused
  double seconds = 0;
  for (const auto& stage : json["stages"]) seconds += stage["seconds"].get<double>();
  EXPECT_NEAR(json["total"]["seconds"].get<double>(), seconds, 1e-6 * seconds);
}

TEST(PlanVerb, PlansShippedRecipesWithoutTheirModels) {
  const Ended ended = run_ropeway("plan configs/llama2_7b_2048k.yaml --gpus 32 --gpu h100");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("planned with the shape of meta-llama/Llama-2-7b-hf"),
                               HasSubstr("llama2_7b_2048k: 6.74B parameters")));
}

// A named shape, its config.json and its numbers give one plan; another model another.
TEST(PlanVerb, TakesAShapeByNameByFolderAndByNumbers) {
  const TempDir scratch;
  const std::string plan =
      "plan configs/smollm2_135m_2m.yaml --gpus 8 --json " + scratch.name("plan.json") + " --shape ";
  const auto planned = [&](const std::string& shape) {
    const Ended ended = run_ropeway(plan + shape);
    EXPECT_EQ(ended.code, 0) << ended.err;
    auto json = nlohmann::json::parse(read_bytes(scratch.path() / "plan.json"));
    json.erase("notes");
    return json;
  };
  const auto by_name = planned("llama3_8b");
  EXPECT_EQ(planned(model_without_weights(scratch)), by_name);
  EXPECT_EQ(
      planned(
          "hidden_size=4096,intermediate_size=14336,num_layers=32,num_heads=32,num_kv_heads=8,head_dim=128,"
          "window=8K,vocab_size=128256,rope_theta=5e5,tie_word_embeddings=false"),
      by_name);
  EXPECT_NE(planned("llama2_7b"), by_name);
}

TEST(PlanVerb, RefusesBadShapes) {
  const auto refused = [](const std::string& shape) {
    const Ended ended = run_ropeway("plan configs/tiny_cpu.yaml --shape " + shape);
    EXPECT_EQ(ended.code, 2);
    return ended.err;
  };
  EXPECT_THAT(refused("llama2_7c"), HasSubstr("did you mean llama2_7b?"));
  EXPECT_THAT(refused("hidden=4"), HasSubstr("--shape hidden: no such key"));
  EXPECT_THAT(refused("hidden_size=x"), HasSubstr("--shape: hidden_size: found x, wanted an integer"));
  EXPECT_THAT(refused("hidden_size=64"), HasSubstr("--shape: intermediate_size is missing"));
}

TEST(PlanVerb, SetsWhatARunTookBesideItsPlan) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch, kEvaluateStage);
  ASSERT_EQ(run_ropeway("run " + recipe).code, 0);
  const Ended ended = run_ropeway("plan " + scratch.name("run") + " --json " + scratch.name("plan.json"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr(" took "), HasSubstr("measured: "), HasSubstr(" TFLOP/s per rank")));
  const auto json = nlohmann::json::parse(read_bytes(scratch.path() / "plan.json"));
  const auto report = nlohmann::json::parse(read_bytes(scratch.path() / "run/report.json"));
  EXPECT_EQ(json["stages"][0]["measured"]["seconds"], report["stages"][0]["seconds"]);
  EXPECT_EQ(run_ropeway("plan " + scratch.name("cache")).code, 66);
}

TEST(PlanVerb, RefusesBadInput) {
  const TempDir scratch;
  const std::string recipe = recipe_8b(scratch);
  const Ended gpu = run_ropeway("plan " + recipe + " --gpu h20");
  EXPECT_EQ(gpu.code, 2);
  EXPECT_EQ(gpu.err, "ropeway: 'h20': no such GPU is known; did you mean h200?\n");
  const Ended none = run_ropeway("plan " + recipe + " --gpus 0");
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.err, "ropeway: --gpus 0: wanted a number of GPUs\n");
  const Ended negative = run_ropeway("plan " + recipe + " --memory=-3");
  EXPECT_EQ(negative.code, 2);
  EXPECT_EQ(negative.err, "ropeway: --memory -3: wanted a number above 0\n");
  const Ended ranks = run_ropeway("plan " + recipe + " --gpus 3");
  EXPECT_EQ(ranks.code, 78);
  EXPECT_THAT(ranks.err, HasSubstr("wanted a multiple of 6 (zigzag: 2 x 3 sequence ranks)"));
  std::filesystem::remove(scratch.path() / "model/config.json");
  const Ended missing = run_ropeway("plan " + recipe);
  EXPECT_EQ(missing.code, 66);
  EXPECT_THAT(missing.err, HasSubstr("config.json"));
  for (const Ended* ended : {&gpu, &none, &negative, &ranks, &missing}) EXPECT_THAT(ended->out, IsEmpty());
}

}  // namespace
}  // namespace ropeway
