// A training checkpoint carries config.json, factor sets and tokenizer: its folder opens wherever it is
// moved, without the run and the model that it came from.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"
#include "trainer/checkpoint/checkpoint_manifest.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kProse = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";

std::string recipe(const TempDir& scratch, const std::string& model, const std::string& stages) {
  return scratch.file("recipe.yaml", "name: moved\nmodel: " + model + "\ndata: {train: [" + kProse +
                                         "], validation: [" + kProse + "], cache: " + scratch.name("cache") +
                                         "}\nrun_dir: " + scratch.name("run") + "\nstages:\n" + stages);
}

// A model of another origin, tuned under a set that the same run searched.
void tune(const TempDir& scratch) {
  fs::copy(kTinyBase, scratch.path() / "base");
  const Ended ended = run_ropeway(
      "run " +
      recipe(
          scratch, "{path: " + scratch.name("base") + "}",
          "  - {name: seek, kind: search, from: none, makes: found, length: 512, refine: none, documents: 1, "
          "finalist_documents: 1}\n"
          "  - {name: tune, kind: finetune, from: found, makes: tuned, length: 512, steps: 2}\n"));
  ASSERT_EQ(ended.code, 0) << ended.err;
}

nlohmann::json evaluations(const TempDir& scratch, const fs::path& model, const std::string& factors) {
  const std::string json = scratch.name("out.json");
  const Ended ended = run_ropeway("evaluate " + model.string() + " --text " + kProse +
                                  " --lengths 512 --windows 1 --factors " + factors + " --cache " +
                                  scratch.name("cache") + " --json " + json);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return ended.code == 0 ? nlohmann::json::parse(read_bytes(json)).at("evaluations") : nlohmann::json();
}

TEST(MovedCheckpoint, OfATunedModelOpensWithoutItsRunAndItsBase) {
  const TempDir scratch;
  tune(scratch);
  const fs::path inside = scratch.path() / "run/stages/tune/checkpoints/step-000002";
  const nlohmann::json expected = evaluations(scratch, inside, "found");
  const fs::path moved = scratch.path() / "elsewhere/step-000002";
  fs::create_directories(moved.parent_path());
  fs::rename(inside, moved);
  fs::remove_all(scratch.path() / "run");
  fs::remove_all(scratch.path() / "base");

  const Ended inspected = run_ropeway("inspect " + moved.string());
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out,
              AllOf(HasSubstr("all hashes right"), HasSubstr("config.json"), HasSubstr("found")));
  EXPECT_EQ(evaluations(scratch, moved, "found"), expected);
  // What the weights are being tuned under, by the name that it gets.
  nlohmann::json chosen = expected;
  chosen.at(0).at("factors") = "tuned";
  EXPECT_EQ(evaluations(scratch, moved, "auto"), chosen);

  const fs::path renamed = scratch.path() / "elsewhere/mine";
  fs::rename(moved, renamed);
  EXPECT_EQ(run_ropeway("inspect " + renamed.string()).code, 0);
  EXPECT_EQ(evaluations(scratch, renamed, "found"), expected);
  const Ended exported =
      run_ropeway("export " + renamed.string() + " " + scratch.name("out") + " --format hf");
  EXPECT_EQ(exported.code, 0) << exported.err;
  for (const char* own : {"state.json", "manifest.json"}) {
    EXPECT_FALSE(fs::exists(scratch.path() / "out" / own)) << own;
  }
}

TEST(MovedCheckpoint, OfANewModelHasItsTokenizer) {
  const TempDir scratch;
  const Ended ended = run_ropeway(
      "run " + recipe(scratch,
                      "{architecture: {hidden_size: 32, intermediate_size: 64, num_layers: 2, num_heads: 2, "
                      "num_kv_heads: 1, head_dim: 16, window: 512}}",
                      "  - {name: base, kind: pretrain, length: 512, steps: 1}\n"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const fs::path moved = scratch.path() / "step-000001";
  fs::rename(scratch.path() / "run/stages/base/checkpoints/step-000001", moved);
  const nlohmann::json expected = evaluations(scratch, scratch.path() / "run", "none");
  fs::remove_all(scratch.path() / "run");
  EXPECT_EQ(evaluations(scratch, moved, "none"), expected);
}

// What versions wrote that kept nothing but weights, optimizer and state.
void make_old(const fs::path& folder) {
  CheckpointManifest manifest = read_verified_manifest(folder, true);
  std::erase_if(manifest.files, [&](const CheckpointFile& file) {
    if (!is_name_of_companion(file.name)) return false;
    fs::remove(folder / file.name);
    return true;
  });
  const std::string json = manifest_to_json(manifest);
  std::ofstream(folder / "manifest.json", std::ios::binary) << json;
  std::ofstream(folder / "SHA256SUMS", std::ios::binary) << sha256sums_of(manifest, json);
}

TEST(MovedCheckpoint, OfAnOlderVersionOpensInItsRunOnly) {
  const TempDir scratch;
  tune(scratch);
  const fs::path inside = scratch.path() / "run/stages/tune/checkpoints/step-000002";
  const nlohmann::json expected = evaluations(scratch, inside, "found");
  make_old(inside);
  EXPECT_EQ(evaluations(scratch, inside, "found"), expected);
  const fs::path moved = scratch.path() / "step-000002";
  fs::rename(inside, moved);
  const Ended ended = run_ropeway("evaluate " + moved.string() + " --text " + kProse + " --lengths 512");
  EXPECT_EQ(ended.code, 66);
  EXPECT_THAT(ended.err, HasSubstr("without config.json, and not inside its run directory"));
}

}  // namespace
}  // namespace ropeway
