// ropeway import and export: what is refused, and what a process leaves that was killed.
#include "tests/faults/refusals.h"
#include "tests/support/model_shape.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ImportExport : public testing::Test {
 protected:
  ImportExport() { fs::copy(kTinyBase, scratch_.path() / "model"); }

  void write_sets(const std::vector<FactorSet>& sets) const {
    write_factor_file(scratch_.path() / "model/rope_factors.json", sets);
  }
  static FactorSet set_of(const std::string& name, int64_t length) {
    return make_factor_set({.name = name, .max_length = length, .factors = std::vector<double>(32, 2.0)});
  }
  std::string import_command() const {
    return "import " + scratch_.name("model") + " " + scratch_.name("to/mine");
  }
  std::string export_command(const std::string& options = "") const {
    return "export " + scratch_.name("model") + " " + scratch_.name("to/out") + " --format hf " + options;
  }
  void refused(const std::string& command, int code, const std::vector<std::string>& said) const {
    expect_refusal(command, {.code = code, .said = said, .ranks = {1}}, scratch_.path() / "to");
  }
  void edit(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = read_bytes(scratch_.path() / "model" / file);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    scratch_.file("model/" + file, text.replace(at, from.size(), to));
  }

  TempDir scratch_;
};

TEST_F(ImportExport, WrongOptionsAreUsageErrors) {
  refused("import " + scratch_.name("model"), 2, {"MODEL_DIR is missing"});
  refused(import_command() + " --copy --link", 2, {"--copy and --link"});
  refused(import_command() + " --link --dtype f16", 2, {"--link"});
  refused(import_command() + " --dtype q4", 2, {"--dtype: found q4"});
  refused("export " + scratch_.name("model") + " " + scratch_.name("to/out"), 2, {"--format is missing"});
  refused(export_command("--max-length 4X"), 2, {"'4X' is not a length"});
  refused(export_command("--factors far"), 2, {"--factors far: no such factor set", "there are none"});
  refused(export_command("--max-length 4K"), 2, {"'none' is for 256", "4K"});
}

TEST_F(ImportExport, ASourceThatIsNotThere) {
  fs::remove_all(scratch_.path() / "model");
  refused(import_command(), 66, {scratch_.name("model"), "is not there"});
  refused(export_command(), 66, {scratch_.name("model"), "is not there"});
}

TEST_F(ImportExport, PickledWeightsAreNotRead) {
  fs::rename(scratch_.path() / "model/model.safetensors", scratch_.path() / "model/pytorch_model.bin");
  refused(import_command(), 65, {"pytorch_model.bin", "pickle", "Convert"});
}

TEST_F(ImportExport, AnUnknownArchitecture) {
  edit("config.json", "\"model_type\": \"llama\"", "\"model_type\": \"mamba\"");
  refused(import_command(), 65, {"config.json", "model_type", "mamba", "llama"});
}

TEST_F(ImportExport, AnUnknownRopeType) {
  edit("config.json", "\"rope_scaling\": null",
       "\"rope_scaling\": {\"rope_type\": \"spiral\", \"factor\": 2.0}");
  refused(import_command(), 65, {"config.json", "rope_scaling", "spiral"});
}

TEST_F(ImportExport, AFactorListOfTheWrongLength) {
  edit("config.json", "\"rope_scaling\": null",
       "\"rope_scaling\": {\"rope_type\": \"longrope\", \"short_factor\": [1.0], \"long_factor\": [1.0], "
       "\"original_max_position_embeddings\": 256}");
  refused(import_command(), 65, {"config.json", "short_factor", "32"});
}

TEST_F(ImportExport, ATokenizerLargerThanTheEmbedding) {
  edit("config.json", "\"vocab_size\": 258", "\"vocab_size\": 200");
  refused(import_command(), 65, {"model: the tokenizer has 258 tokens, the embedding 200"});
}

TEST_F(ImportExport, ATokenizerThatIsNotOne) {
  scratch_.file("model/tokenizer.json", "{\"model\": 7}");
  refused(import_command(), 65, {"tokenizer.json"});
}

TEST_F(ImportExport, WeightsThatAreTruncated) {
  const fs::path weights = scratch_.path() / "model/model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) - 100);
  refused(import_command(), 65, {"model.safetensors", "truncated"});
  refused(export_command(), 65, {"model.safetensors", "truncated"});
}

TEST_F(ImportExport, StartTokensCannotBeExported) {
  FactorSet far = set_of("far", 4096);
  far.start_tokens = 4;
  write_sets({set_of("near", 1024), far});
  refused(export_command(), 65, {"'far' (4K)", "4 start tokens", "--factors near"});
}

TEST_F(ImportExport, AFullDiskIsFoundBeforeAFileIsWritten) {
  const Tmpfs small(scratch_, "size=2m");
  if (!small.mounted()) GTEST_SKIP() << "cannot mount: " << small.reason();
  const std::string out = (small.path() / "out").string();
  for (const std::string& command : {"import " + scratch_.name("model") + " " + out,
                                     "export " + scratch_.name("model") + " " + out + " --format hf"}) {
    expect_refusal(command, {.code = 73, .said = {"bytes are needed"}, .ranks = {1}}, small.path());
  }
}

TEST_F(ImportExport, AKilledProcessLeavesNothingUnderTheName) {
  for (const char* point : {"export.weights_written", "export.verified", "import.weights_written"}) {
    const std::string command = point[0] == 'e' ? export_command() : import_command();
    EXPECT_EQ(run_shell("ROPEWAY_FAULT_POINT=" + std::string(point) + " {} " + command).code, 137) << point;
    EXPECT_FALSE(fs::exists(scratch_.path() / "to/out")) << point;
    EXPECT_FALSE(fs::exists(scratch_.path() / "to/mine")) << point;
    fs::remove_all(scratch_.path() / "to");
  }
}

std::vector<std::string> names_below(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

TEST_F(ImportExport, TheNextProcessRemovesWhatAKilledOneLeft) {
  const std::string gguf =
      "export " + scratch_.name("model") + " " + scratch_.name("to/out") + " --format gguf";
  for (const auto& [point, command] : {std::pair("export.weights_written", export_command()),
                                       {"import.weights_written", import_command()},
                                       {"export.gguf_written", gguf}}) {
    const std::string kill = "ROPEWAY_FAULT_POINT=" + std::string(point) + " {} " + command;
    EXPECT_EQ(run_shell(kill).code, 137) << point;
    EXPECT_EQ(names_below(scratch_.path() / "to").size(), 1u) << point;
    EXPECT_EQ(run_ropeway(command).code, 0) << point;
    EXPECT_THAT(names_below(scratch_.path() / "to"), testing::ElementsAre(testing::AnyOf("out", "mine")))
        << point;
    fs::remove_all(scratch_.path() / "to");
  }
}

TEST_F(ImportExport, AKilledReplacementLeavesTheEarlierDirectory) {
  ASSERT_EQ(run_ropeway(export_command()).code, 0);
  const auto before = files_below(scratch_.path() / "to/out");
  EXPECT_EQ(run_shell("ROPEWAY_FAULT_POINT=export.verified {} " + export_command("--force --dtype f32")).code,
            137);
  EXPECT_TRUE(files_below(scratch_.path() / "to/out") == before);
  ASSERT_EQ(run_ropeway(export_command("--force --dtype f32")).code, 0);
  EXPECT_THAT(read_bytes(scratch_.path() / "to/out/config.json"), HasSubstr("\"torch_dtype\": \"float32\""));
}

TEST_F(ImportExport, OnlyModelsAreReplaced) {
  fs::create_directories(scratch_.path() / "to/out/work");
  scratch_.file("to/out/work/thesis.txt", "x");
  refused(export_command(), 73, {scratch_.name("to/out"), "exists"});
  refused(export_command("--force"), 73, {scratch_.name("to/out"), "not a model directory"});
  refused("import " + scratch_.name("model") + " " + scratch_.name("to/out") + " --force", 73,
          {scratch_.name("to/out"), "not a model directory"});
}

TEST_F(ImportExport, UnderMpirunOneProcessWrites) {
  const Ended ended = mpirun_ropeway(2, export_command());
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(times(ended.out, "window 256"), 1) << ended.out;
}

}  // namespace
}  // namespace ropeway
