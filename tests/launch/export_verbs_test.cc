// ropeway import and export as a user meets them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(ExportVerbs, HelpFitsAScreen) {
  for (const char* verb : {"import", "export"}) {
    const Ended ended = run_ropeway(std::string(verb) + " --help");
    EXPECT_EQ(ended.code, 0);
    EXPECT_LE(times(ended.out, "\n"), 24) << verb;
    EXPECT_THAT(ended.out, AllOf(HasSubstr("examples:"), HasSubstr("exit codes:"))) << verb;
    for (size_t begin = 0, end; (end = ended.out.find('\n', begin)) != std::string::npos; begin = end + 1) {
      EXPECT_LE(end - begin, 80u) << ended.out.substr(begin, end - begin);
    }
  }
}

TEST(ExportVerbs, ImportSaysWhatItFoundAndDid) {
  const TempDir scratch;
  const Ended copied = run_ropeway("import tests/data/tiny_base " + scratch.name("copied"));
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_THAT(copied.out,
              AllOf(HasSubstr("llama, 4 layers, 1.8M parameters, BF16; window 256; factor sets: none"),
                    HasSubstr("weights copied"), HasSubstr("left behind: SHA256SUMS")));
  const Ended linked =
      run_ropeway("import " + scratch.name("copied") + " " + scratch.name("linked") + " --link");
  EXPECT_THAT(linked.out, HasSubstr("weights hard-linked"));
  EXPECT_TRUE(fs::equivalent(scratch.path() / "copied/model.safetensors",
                             scratch.path() / "linked/model.safetensors"));
}

TEST(ExportVerbs, AModelWithoutATokenizerIsWarnedOf) {
  const TempDir scratch;
  fs::copy(kTinyBase, scratch.path() / "model");
  fs::remove(scratch.path() / "model/tokenizer.json");
  const Ended ended = run_ropeway("import " + scratch.name("model") + " " + scratch.name("mine"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("tokenizer.json"), HasSubstr("texts cannot")));
}

TEST(ExportVerbs, WeightsThatAreNotFiniteAreWarnedOfAndRefusedWhenAskedTo) {
  const TempDir scratch;
  fs::copy(kTinyBase, scratch.path() / "model");
  std::string weights = read_bytes(scratch.path() / "model/model.safetensors");
  weights.replace(weights.size() - 2, 2, "\xc0\x7f");  // BF16 NaN
  scratch.file("model/model.safetensors", weights);
  const std::string from = "import " + scratch.name("model") + " ";
  const Ended strict = run_ropeway(from + scratch.name("strict") + " --strict");
  EXPECT_EQ(strict.code, 65);
  EXPECT_THAT(strict.err, AllOf(HasSubstr("NaN or infinite"), HasSubstr(": 1 value")));
  EXPECT_FALSE(fs::exists(scratch.path() / "strict"));
  const Ended warned = run_ropeway(from + scratch.name("warned"));
  EXPECT_EQ(warned.code, 0) << warned.err;
  EXPECT_THAT(warned.err, AllOf(HasSubstr("warning"), HasSubstr(": 1 value")));
  const Ended used = run_ropeway("evaluate " + scratch.name("warned") +
                                 " --text tests/data/prose.txt --cache " + scratch.name("cache"));
  EXPECT_EQ(used.code, 79);
  EXPECT_THAT(used.err, HasSubstr("are NaN or infinite: nothing can be computed"));
}

TEST(ExportVerbs, AGgufFileIsInspectedAndAFolderWithOneSaysHowToImportIt) {
  const TempDir scratch;
  fs::create_directory(scratch.path() / "only");
  const std::string file = scratch.name("only/tiny.gguf");
  ASSERT_EQ(run_ropeway("export tests/data/tiny_base " + file + " --format gguf").code, 0);
  const Ended inspected = run_ropeway("inspect --tensors " + file);
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("tiny.gguf: GGUF"), HasSubstr("4 layers, hidden 192"),
                                   HasSubstr("llama.context_length"), HasSubstr("blk.3.ffn_down.weight")));
  for (const char* verb : {"import", "evaluate"}) {
    const bool imports = *verb == 'i';
    const Ended folder =
        run_ropeway(fmt::format("{} {} {}", verb, scratch.name("only"),
                                imports ? scratch.name("mine") : "--text tests/data/prose.txt"));
    EXPECT_EQ(folder.code, 65) << verb;
    EXPECT_THAT(folder.err, HasSubstr("ropeway import " + file + " MODEL_DIR")) << verb;
  }
}

TEST(ExportVerbs, AnExportForSeveralWindowsIsInspectedAndToldApart) {
  const TempDir scratch;
  fs::copy(kTinyBase, scratch.path() / "model");
  std::string sets;
  for (const auto& [name, length] : {std::pair{"8x", 2048}, {"64x", 16384}}) {
    std::string factors = "1";
    for (int i = 1; i < 32; ++i) factors += ", 2.5";
    sets += std::string(sets.empty() ? "" : ", ") + "{\"name\": \"" + name +
            "\", \"max_length\": " + std::to_string(length) +
            ", \"original_length\": 256, \"rope_theta\": 10000, \"attention_temperature\": 1.25, "
            "\"start_tokens\": 0, \"factors\": [" +
            factors + "]}";
  }
  scratch.file("model/rope_factors.json",
               "{\"format\": \"ropeway-factors\", \"version\": 1, \"sets\": [" + sets + "]}");
  const std::string out = scratch.name("out");
  const std::string command = "export " + scratch.name("model") + " " + out + " --format hf --force";
  // By default texts can grow across the window.
  const Ended usual = run_ropeway(command);
  ASSERT_EQ(usual.code, 0) << usual.err;
  EXPECT_THAT(usual.out, AllOf(HasSubstr(out + "/2K: window 2K, factors '8x', up to 256 '8x'"),
                               HasSubstr(out + "/16K: window 16K, factors '64x', up to 256 '64x'")));
  EXPECT_EQ(times(usual.out, "For generation: "), 2) << usual.out;
  EXPECT_EQ(times(usual.out, "--for scoring writes it"), 2) << usual.out;
  EXPECT_EQ(usual.err, "");
  const Ended exported = run_ropeway(command + " --for scoring");
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(times(exported.out, "For scoring: "), 2) << exported.out;
  EXPECT_EQ(times(exported.out, "--for generation writes"), 2) << exported.out;
  EXPECT_THAT(exported.out, AllOf(HasSubstr("vLLM"), HasSubstr("--max-model-len beyond 256 (give 16384)")));
  EXPECT_THAT(exported.out, AllOf(HasSubstr(out + "/2K: window 2K, factors '8x', up to 256 'none'"),
                                  HasSubstr(out + "/16K: window 16K, factors '64x', up to 256 'none'")));
  EXPECT_EQ(times(exported.err, "one for all lengths"), 2) << exported.err;
  const Ended inspected = run_ropeway("inspect " + out);
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("export for 2 windows"), HasSubstr("2K: llama"),
                                   HasSubstr("declares 16K, longrope")));
  const Ended one = run_ropeway("inspect " + out + "/16K");
  EXPECT_THAT(one.out, AllOf(HasSubstr("config.json declares 16K, longrope"), HasSubstr("factor sets: 2")));
  const Ended scored = run_ropeway("evaluate " + out + " --text tests/data/prose.txt");
  EXPECT_EQ(scored.code, 66);
  EXPECT_THAT(scored.err, HasSubstr("a directory for each window"));
}

TEST(ExportVerbs, AnotherUseOrTwoAtOnceAreUsageErrors) {
  const Ended other = run_ropeway("export " + kTinyBase + " out --format hf --for generaton");
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err,
              HasSubstr("--for: found generaton, wanted generation or scoring; did you mean generation?"));
  const Ended both =
      run_ropeway("export " + kTinyBase + " out --format hf --for generation --short-factors x");
  EXPECT_EQ(both.code, 2);
  EXPECT_THAT(both.err, AllOf(HasSubstr("--for generation"), HasSubstr("--short-factors")));
}

TEST(ExportVerbs, ARunItsModelAndItsCheckpointsExport) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch,
                                          "  - {name: tune, kind: finetune, from: none, makes: tuned, "
                                          "length: 512, steps: 2, checkpoint_every: 1}\n");
  ASSERT_EQ(run_ropeway("run " + recipe).code, 0);
  const std::string checkpoint = scratch.name("run/stages/tune/checkpoints/step-000002");
  for (const std::string& source : {scratch.name("run"), scratch.name("run/model"), checkpoint}) {
    const Ended ended = run_ropeway("export " + source + " " + scratch.name("out") + " --format hf --force");
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_TRUE(fs::exists(scratch.path() / "out/tokenizer.json")) << source;
    EXPECT_THAT(read_bytes(scratch.path() / "out/config.json"), HasSubstr("\"torch_dtype\": \"float32\""))
        << source;
    const Ended scored =
        run_ropeway("evaluate " + scratch.name("out") + " --text tests/data/prose.txt --windows 1 --cache " +
                    scratch.name("cache"));
    EXPECT_EQ(scored.code, 0) << scored.err;
  }
}

TEST(ExportVerbs, ACheckpointOfAModelMadeHereGetsItsTokenizer) {
  const TempDir scratch;
  const std::string prose = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";
  const std::string recipe = scratch.file(
      "recipe.yaml",
      "name: made\nmodel:\n  architecture: {vocab_size: 258, hidden_size: 16, intermediate_size: 32, "
      "num_layers: 1, num_heads: 2, num_kv_heads: 1, head_dim: 8, window: 32}\ndata: {train: [" +
          prose + "], cache: " + scratch.name("cache") + "}\nrun_dir: " + scratch.name("run") +
          "\nstages:\n  - {name: base, kind: pretrain, length: 32, steps: 2, batch_sequences: 2, "
          "checkpoint_every: 1}\n");
  const Ended run = run_ropeway("run " + recipe);
  ASSERT_EQ(run.code, 0) << run.err;
  const Ended ended = run_ropeway("export " + scratch.name("run/stages/base/checkpoints/step-000002") + " " +
                                  scratch.name("out") + " --format hf");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(read_bytes(scratch.path() / "out/tokenizer.json"),
            read_bytes(scratch.path() / "run/model/tokenizer.json"));
}

TEST(ExportVerbs, ADamagedCheckpointIsNotExported) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch,
                                          "  - {name: tune, kind: finetune, from: none, makes: tuned, "
                                          "length: 512, steps: 1, checkpoint_every: 1}\n");
  ASSERT_EQ(run_ropeway("run " + recipe).code, 0);
  const fs::path checkpoint = scratch.path() / "run/stages/tune/checkpoints/step-000001";
  std::string weights = read_bytes(checkpoint / "weights.safetensors");
  weights.back() ^= 1;
  std::ofstream(checkpoint / "weights.safetensors", std::ios::binary) << weights;
  const Ended ended =
      run_ropeway("export " + checkpoint.string() + " " + scratch.name("out") + " --format hf");
  EXPECT_EQ(ended.code, 65);
  EXPECT_THAT(ended.err, HasSubstr("weights.safetensors"));
  EXPECT_FALSE(fs::exists(scratch.path() / "out"));
}

}  // namespace
}  // namespace ropeway
