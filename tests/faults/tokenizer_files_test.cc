// Models whose tokenizer is damaged, hostile or of another model.
#include <nlohmann/json.hpp>

#include "tests/faults/refusals.h"
#include "tests/trainer/tokenizer/tiny_sentencepiece.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class TokenizerFiles : public testing::Test {
 protected:
  TokenizerFiles() : file_(scratch_.path() / "model/tokenizer.json") {
    fs::copy(kTinyBase, scratch_.path() / "model", fs::copy_options::recursive);
  }

  // The byte-level tokenizer of the model with one merge, so that it is read as any other.
  Json tokenizer() const {
    Json root = Json::parse(read_bytes(file_));
    root["added_tokens"] = Json::array();
    root["model"]["vocab"]["th"] = 256;
    root["model"]["merges"] = {"t h"};
    return root;
  }
  void write(const std::string& content) const { std::ofstream(file_, std::ios::binary) << content; }

  void expect_refused(int code, std::vector<std::string> said, const std::string& text = kProse) {
    expect_refusal("evaluate " + scratch_.name("model") + " --text " + text + " --windows 1 --json " +
                       scratch_.name("out/result.json") + " --cache " + scratch_.name("cache"),
                   {.code = code, .said = said, .ranks = {1}}, scratch_.path() / "cache/none");
    expect_refusal("run " + small_recipe(scratch_, kEvaluateStage) +
                       " --set model.path=" + scratch_.name("model") + " --set data.test=[" + text + "]",
                   {.code = code, .said = said, .ranks = {2}}, scratch_.path() / "run");
    EXPECT_FALSE(fs::exists(scratch_.path() / "out/result.json"));
    EXPECT_TRUE(files_below(scratch_.path() / "cache").empty());
  }

  static inline const std::string kProse = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";
  TempDir scratch_;
  fs::path file_;
};

TEST_F(TokenizerFiles, AnotherVocabularyThanTheBytesServes) {
  write(tokenizer().dump());
  const Ended ended = run_ropeway("evaluate " + scratch_.name("model") + " --text " + kProse +
                                  " --windows 1 --cache " + scratch_.name("cache"));
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST_F(TokenizerFiles, NoneIsThere) {
  fs::remove(file_);
  expect_refused(66, {file_.string()});
}

TEST_F(TokenizerFiles, CutShort) {
  const std::string whole = read_bytes(file_);
  write(whole.substr(0, whole.size() / 2));
  expect_refused(65, {file_.string(), "not valid JSON"});
}

TEST_F(TokenizerFiles, AMergeOfAnUnknownToken) {
  Json root = tokenizer();
  root["model"]["merges"] = {"t h", "th e", "th qq"};
  root["model"]["vocab"]["the"] = 257;
  write(root.dump());
  expect_refused(65, {file_.string(), "model.merges[2]", "'qq'"});
}

TEST_F(TokenizerFiles, AnIdOfTwoTokens) {
  Json root = tokenizer();
  root["model"]["vocab"]["th"] = 104;
  write(root.dump());
  expect_refused(65, {file_.string(), "model.vocab.th: found 104"});
}

TEST_F(TokenizerFiles, AnIdBeyondEveryVocabulary) {
  Json root = tokenizer();
  root["model"]["vocab"]["th"] = 1LL << 40;
  write(root.dump());
  expect_refused(65, {file_.string(), "model.vocab.th: found 1099511627776"});
}

TEST_F(TokenizerFiles, MoreTokensThanTheEmbeddingHasRows) {
  Json root = tokenizer();
  root["model"]["vocab"]["th"] = 258;
  write(root.dump());
  expect_refused(65, {scratch_.name("model") + ": the tokenizer has 259 tokens, the embedding 258"});
}

TEST_F(TokenizerFiles, APatternWithoutEnd) {
  Json root = tokenizer();
  root["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", "(a+)+b"}}}, {"behavior", "Isolated"}, {"invert", false}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  write(root.dump());
  expect_refused(
      65, {file_.string(), "pre_tokenizer.pretokenizers[0].pattern.Regex: the pattern needs too much work"},
      scratch_.file("a.txt", std::string(1 << 20, 'a')));
}

// A SentencePiece model in the place of tokenizer.json.
class SentencePieceFiles : public TokenizerFiles {
 protected:
  SentencePieceFiles() {
    fs::remove(file_);
    file_ = file_.parent_path() / "tokenizer.model";
  }
  void SetUp() override {
    if (!kLoadsSentencePiece) GTEST_SKIP() << kNoSentencePiece;
  }
};

TEST_F(SentencePieceFiles, AWholeOneServes) {
  write(tiny_sentencepiece_model());
  const Ended ended = run_ropeway("evaluate " + scratch_.name("model") + " --text " + kProse +
                                  " --windows 1 --cache " + scratch_.name("cache"));
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST_F(SentencePieceFiles, CutShort) {
  const std::string whole = tiny_sentencepiece_model();
  write(whole.substr(0, whole.size() - 3));
  expect_refused(65, {file_.string(), "not a SentencePiece model"});
}

TEST_F(SentencePieceFiles, Garbage) {
  write("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 499723\n");
  expect_refused(65, {file_.string(), "not a SentencePiece model"});
}

TEST_F(SentencePieceFiles, LargerThanAnyModel) {
  write("");
  fs::resize_file(file_, int64_t{1} << 40);  // without blocks on the disk
  expect_refused(65, {file_.string(), "1099511627776 bytes, at most"});
}

TEST_F(SentencePieceFiles, MorePiecesThanTheEmbeddingHasRows) {
  std::string model = tiny_sentencepiece_model();
  for (int i = 0; i < 200; ++i) {
    model += sentencepiece_piece("piece" + std::to_string(i), -1000, PieceType::kNormal);
  }
  write(model);
  expect_refused(65, {scratch_.name("model") + ": the tokenizer has 303 tokens, the embedding 258"});
}

}  // namespace
}  // namespace ropeway
