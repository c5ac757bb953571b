// A model with a SentencePiece tokenizer through the verbs: one process trains on its tokens and writes
// TensorBoard events, each by a protobuf of its own (trainer/tokenizer/sentencepiece_model.h).
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"
#include "tests/trainer/tokenizer/tiny_sentencepiece.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SentencePieceVerbs : public testing::Test {
 protected:
  SentencePieceVerbs() {
    fs::copy(kTinyBase, scratch_.path() / "model");
    fs::remove(scratch_.path() / "model/tokenizer.json");
    scratch_.file("model/tokenizer.model", tiny_sentencepiece_model());
  }
  void SetUp() override {
    if (!kLoadsSentencePiece) GTEST_SKIP() << kNoSentencePiece;
  }
  static void expect_done(const std::string& arguments) {
    const Ended ended = run_ropeway(arguments);
    EXPECT_EQ(ended.code, 0) << arguments << "\n" << ended.err;
  }
  void expect_the_tokenizer_in(const std::string& folder) const {
    EXPECT_EQ(read_bytes(scratch_.path() / folder / "tokenizer.model"), tiny_sentencepiece_model()) << folder;
    EXPECT_FALSE(fs::exists(scratch_.path() / folder / "tokenizer.json")) << folder;
  }

  TempDir scratch_;
};

TEST_F(SentencePieceVerbs, ARunWritesTensorBoardEventsBesideIt) {
  const std::string recipe = small_recipe(
      scratch_,
      "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 512, steps: 2}\n" + kEvaluateStage);
  expect_done("run " + recipe + " --set model.path=" + scratch_.name("model"));
  int events = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch_.path() / "run")) {
    if (entry.path().filename().string().find("tfevents") == std::string::npos) continue;
    ++events;
    EXPECT_THAT(read_bytes(entry.path()), HasSubstr("loss"));
  }
  EXPECT_GT(events, 0);
  expect_the_tokenizer_in("run/model");
}

// The text gives one window per pass, which starts where the document does.
TEST_F(SentencePieceVerbs, TrainingTextsGetItsBosAndTheEosThatIsNamed) {
  const std::string text =
      scratch_.file("short.txt", read_bytes(ROPEWAY_SOURCE_DIR "/tests/data/prose.txt").substr(0, 800));
  const std::string recipe =
      small_recipe(scratch_,
                   "  - {name: tune, kind: finetune, from: none, makes: tuned, length: 512, steps: 2}\n") +
      " --set model.path=" + scratch_.name("model") + " --set data.train=[" + text + "]";
  EXPECT_THAT(run_ropeway("data " + recipe).out, HasSubstr("around each document: BOS 1, no EOS\n"));
  scratch_.file("model/tokenizer_config.json", R"({"eos_token": {"content": "</s>"}})");
  const Ended ended = run_ropeway("data " + recipe);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("around each document: BOS 1, EOS 2\n"));
  EXPECT_THAT(ended.out, HasSubstr("    weight 0    <s>\n"));
}

TEST_F(SentencePieceVerbs, ItIsImportedEvaluatedAndExported) {
  expect_done("import " + scratch_.name("model") + " " + scratch_.name("mine"));
  expect_the_tokenizer_in("mine");
  expect_done("evaluate " + scratch_.name("mine") + " --text tests/data/prose.txt --windows 1 --cache " +
              scratch_.name("cache"));
  expect_done("export " + scratch_.name("mine") + " " + scratch_.name("out") + " --format hf");
  expect_the_tokenizer_in("out");
}

TEST_F(SentencePieceVerbs, WithoutTheModuleTheErrorSaysWhatIsMissing) {
  fs::create_directory(scratch_.path() / "bin");
  fs::copy_file(program(), scratch_.path() / "bin/ropeway");
  const Ended ended = run_shell(scratch_.name("bin/ropeway") + " evaluate " + scratch_.name("model") +
                                " --text tests/data/prose.txt --cache " + scratch_.name("cache"));
  EXPECT_EQ(ended.code, 71);
  EXPECT_EQ(times(ended.err, "SentencePiece models need Debian's libsentencepiece0"), 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("/lib/libropeway_sentencepiece.so: cannot open"));
}

TEST_F(SentencePieceVerbs, AGgufFileDoesNotLoseItInSilence) {
  const Ended ended =
      run_ropeway("export " + scratch_.name("model") + " " + scratch_.name("out.gguf") + " --format gguf");
  EXPECT_EQ(ended.code, 65);
  EXPECT_THAT(ended.err,
              HasSubstr("model/tokenizer.model: GGUF files get their tokenizer from a tokenizer.json"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "out.gguf"));
}

}  // namespace
}  // namespace ropeway
