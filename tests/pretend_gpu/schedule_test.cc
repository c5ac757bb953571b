// The real program with `device: cuda` on the pretend GPU: everything of a run but its numbers.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/pretend_gpu/run_on_pretend_gpu.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kOnGpu = " --set device=cuda --set dtype=bf16";

const std::string kSchedule =
    R"(  - {name: base, kind: evaluate, lengths: [256, 1K], factors: [none, yarn], windows: 4, passkey_samples: 1}
  - {name: search, kind: search, from: none, makes: found, length: 1K, seed_grid: short, refine: gradient, gradient_steps: 3,
     documents: 2, finalist_documents: 2}
  - {name: evolve, kind: search, from: none, makes: evolved, length: 1K, seeds: paper, refine: evolution, population: 4,
     iterations: 2, mutations: 2, crossovers: 2, parents: 2, documents: 1, finalist_documents: 1}
  - {name: tune, kind: finetune, from: found, makes: tuned, length: 1K, batch_sequences: 4, steps: 4, learning_rate: 2e-4,
     checkpoint_every: 2}
  - {name: short, kind: readjust, from: tuned, makes: short_256, length: 256, seed_grid: short, documents: 1,
     finalist_documents: 1}
  - {name: scores, kind: evaluate, lengths: [256, 1K], factors: [auto], windows: 4, tasks: [perplexity]}
)";

const std::string kTune =
    "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 1K, batch_sequences: 4, steps: 4, "
    "learning_rate: 2e-4, checkpoint_every: 2}\n";

int steps_in(const fs::path& metrics) { return times(read_bytes(metrics), "\"kind\":\"step\""); }

// Without a cache every allocation is zeros, as losses must be finite: in reused memory stands what was
// copied there before.
TEST(PretendGpu, EveryStageOfAScheduleIsDone) {
  const TempDir scratch;
  const Ended ended = run_on_pretend_gpu(
      "run " + small_recipe(scratch, kSchedule) + kOnGpu,
      "PYTORCH_NO_CUDA_MEMORY_CACHING=1 PRETEND_GPU_REPORT=" + scratch.name("counts.json"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const fs::path run = scratch.path() / "run";
  const Json report = Json::parse(read_bytes(run / "report.json"));
  EXPECT_EQ(report.at("stages").size(), 6u);
  EXPECT_EQ(report.at("evaluations").size(), 5u);
  EXPECT_EQ(steps_in(run / "metrics.jsonl"), 4);
  for (const char* file : {"stages/search/search.jsonl", "stages/evolve/search.jsonl", "model/config.json",
                           "model/rope_factors.json", "model/model.safetensors"}) {
    EXPECT_TRUE(fs::exists(run / file)) << file;
  }
  const Json counts = Json::parse(read_bytes(scratch.path() / "counts.json"));
  EXPECT_GT(counts.at("launches"), 1000);
  EXPECT_GT(counts.at("products"), 1000);
}

TEST(PretendGpu, ResumesFromACheckpoint) {
  const TempDir scratch;
  const std::string command = "run " + small_recipe(scratch, kTune) + kOnGpu;
  const Ended killed = run_on_pretend_gpu(command, "ROPEWAY_FAULT_POINT=checkpoint.end");
  ASSERT_EQ(killed.code, 137) << killed.err;
  const Ended resumed = run_on_pretend_gpu(command);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(steps_in(scratch.path() / "run/metrics.jsonl"), 4);
  EXPECT_TRUE(fs::exists(scratch.path() / "run/model/model.safetensors"));
}

TEST(PretendGpu, ActivationsWaitInPinnedHostMemory) {
  const TempDir scratch;
  const Ended ended = run_on_pretend_gpu("run " + small_recipe(scratch, kTune) + kOnGpu +
                                             " --set engine.activations=host --set engine.tile_tokens=256",
                                         "PRETEND_GPU_REPORT=" + scratch.name("counts.json"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_GT(Json::parse(read_bytes(scratch.path() / "counts.json")).at("pinned_peak"), 1 << 20);
}

// Documents of all lengths, one token too, kept apart from each other: their blocks of attention are no
// multiples of cuDNN's tiles, and run on the other operator.
TEST(PretendGpu, DocumentsAreKeptApart) {
  const TempDir scratch;
  std::string lines;
  for (int i = 0; i < 120; ++i) {
    lines += "{\"text\": \"" + std::string(static_cast<size_t>(1 + 37 * i % 300), 'a') + "\"}\n";
  }
  const Ended ended = run_on_pretend_gpu("run " + small_recipe(scratch, kTune) + kOnGpu +
                                             " --set data.document_mask=documents --set data.train=[" +
                                             scratch.file("short.jsonl", lines) + "]",
                                         "PYTORCH_NO_CUDA_MEMORY_CACHING=1");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(steps_in(scratch.path() / "run/metrics.jsonl"), 4);
  EXPECT_THAT(ended.err, HasSubstr("as where documents are kept apart"));
}

TEST(PretendGpu, AnEvaluationWritesItsFiles) {
  const TempDir scratch;
  const Ended ended =
      run_on_pretend_gpu("evaluate " + kTinyBase + " --device cuda --lengths 256,1K --factors yarn " +
                         "--windows 2 --text " + top_folder() + "/tests/data/prose.txt --cache " +
                         scratch.name("cache") + " --json " + scratch.name("out.json"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(Json::parse(read_bytes(scratch.path() / "out.json")).at("evaluations").size(), 2u);
}

// A prompt, tokens one by one over the cache, and a crossing to another set.
TEST(PretendGpu, TextIsGenerated) {
  const TempDir scratch;
  fs::copy(kTinyBase, scratch.path() / "model", fs::copy_options::recursive);
  Json factors;
  for (int i = 0; i < 32; ++i) factors.push_back(1 + 0.1 * i);
  scratch.file("model/rope_factors.json", Json{{"format", "ropeway-factors"},
                                               {"version", 1},
                                               {"sets",
                                                {{{"name", "longer"},
                                                  {"max_length", 512},
                                                  {"original_length", 256},
                                                  {"rope_theta", 10000},
                                                  {"attention_temperature", 1.1},
                                                  {"start_tokens", 0},
                                                  {"factors", factors}}}}}
                                              .dump());
  for (const char* way : {"reread", "keep"}) {
    const Ended ended = run_on_pretend_gpu(
        "generate " + scratch.name("model") + " --device cuda --max-new-tokens 12 --on-crossing " + way +
            " --prompt " + std::string(250, 'a'),
        "PYTORCH_NO_CUDA_MEMORY_CACHING=1 PRETEND_GPU_REPORT=" + scratch.name("counts.json"));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out, std::string(12, '\0') + "\n");  // all logits are alike: nothing is computed
    EXPECT_THAT(ended.err, HasSubstr("at 257 tokens the factors are longer"));
    EXPECT_GT(Json::parse(read_bytes(scratch.path() / "counts.json")).at("products"), 12 * 4 * 4);
  }
}

TEST(PretendGpu, ACacheThatItCannotHoldIsRefusedBeforehand) {
  const Ended ended =
      run_on_pretend_gpu("generate " + kTinyBase + " --device cuda --max-new-tokens 2000000 --prompt a",
                         "PRETEND_GPU_MEMORY=4096");
  EXPECT_EQ(ended.code, 80) << ended.err;
  EXPECT_THAT(ended.err,
              HasSubstr("generate: keys and values of 2000001 tokens take 5.72 GiB on each of 1 GPUs"));
}

}  // namespace
}  // namespace ropeway
