// Tokenizers in metadata: what is refused, and the two ways between scores and merges.
#include "trainer/formats/gguf/gguf_tokenizer_read.h"

#include "tests/support/folder_test.h"
#include "tests/trainer/formats/gguf/gguf_bytes.h"
#include "trainer/formats/gguf/score_merges.h"

namespace ropeway {
namespace {

std::string strings(const std::vector<std::string>& list) {
  std::string bytes = raw<uint32_t>(8) + raw<uint64_t>(list.size());
  for (const std::string& text : list) bytes += gguf_string(text);
  return bytes;
}
template <typename T>
std::string numbers(uint32_t type, const std::vector<T>& list) {
  std::string bytes = raw(type) + raw<uint64_t>(list.size());
  for (const T value : list) bytes += raw(value);
  return bytes;
}

struct Tokens : GgufBytes {
  explicit Tokens(const std::string& kind, const std::vector<std::string>& tokens = {"a", "b", "ab", "<s>"}) {
    text("tokenizer.ggml.model", kind);
    pair("tokenizer.ggml.tokens", 9, strings(tokens));
  }
};

class GgufTokenizer : public FolderTest {
 protected:
  std::map<std::string, std::string> read(const GgufBytes& gguf) {
    const std::filesystem::path path = folder_ / "model.gguf";
    write_bytes(path, gguf.file());
    return read_gguf_tokenizer(GgufFile::open(path));
  }
  void refused(const GgufBytes& gguf, std::vector<std::string> said) {
    said.push_back("model.gguf: ");
    expect_error(ErrorKind::kBadData, said, [&] { read(gguf); });
  }
};

TEST_F(GgufTokenizer, KindsAndNamesThatAreUnknown) {
  refused(Tokens("t5"), {"tokenizer.ggml.model", "t5"});
  refused(Tokens("gpt2"), {"tokenizer.ggml.pre", "missing"});
  Tokens pre("gpt2");
  pre.text("tokenizer.ggml.pre", "made-up");
  refused(pre, {"tokenizer.ggml.pre", "made-up", "smollm"});
}

TEST_F(GgufTokenizer, MergesOfUnknownTokens) {
  for (const std::string merge : {"a c", "a", "b a", "a b b", ""}) {
    Tokens gguf("gpt2");
    gguf.text("tokenizer.ggml.pre", "gpt-2");
    gguf.pair("tokenizer.ggml.merges", 9, strings({"a b", merge}));
    refused(gguf, {"tokenizer.ggml.merges[1]", "\"" + merge + "\""});
  }
}

TEST_F(GgufTokenizer, TokensAndTypesThatDoNotFit) {
  refused(Tokens("gpt2", {"a", "b", "a"}), {"tokens 0 and 2", "\"a\""});
  refused(Tokens("gpt2", {}), {"tokenizer.ggml.tokens", "at least one"});
  Tokens few("gpt2");
  few.pair("tokenizer.ggml.token_type", 9, numbers<int32_t>(5, {1, 1}));
  refused(few, {"tokenizer.ggml.token_type", "an array of 2", "4"});
  Tokens unknown("gpt2");
  unknown.pair("tokenizer.ggml.token_type", 9, numbers<int32_t>(5, {1, 1, 7, 3}));
  refused(unknown, {"tokenizer.ggml.token_type[2]", "7"});
  Tokens scores("llama");
  scores.pair("tokenizer.ggml.scores", 9, numbers<float>(6, {0, 0}));
  refused(scores, {"tokenizer.ggml.scores", "an array of 2"});
}

TEST_F(GgufTokenizer, EndsBeyondTheList) {
  Tokens gguf("gpt2");
  gguf.text("tokenizer.ggml.pre", "gpt-2");
  gguf.pair("tokenizer.ggml.merges", 9, strings({"a b"}));
  gguf.u32("tokenizer.ggml.bos_token_id", 4);
  refused(gguf, {"tokenizer.ggml.bos_token_id", "4", "0 to 3"});
}

TEST_F(GgufTokenizer, PiecesOfWhichAllCutsWouldTakeTooLong) {
  Tokens gguf("llama", {std::string(100'000, 'a')});
  gguf.pair("tokenizer.ggml.scores", 9, numbers<float>(6, {0}));
  refused(gguf, {"tokenizer.ggml.tokens[0]", "100000 bytes"});
}

TEST_F(GgufTokenizer, NoTokenizerIsNoFile) {
  GgufBytes gguf;
  EXPECT_EQ(read(gguf).count("tokenizer.json"), 0);
  gguf.text("tokenizer.ggml.model", "none");
  EXPECT_EQ(read(gguf).count("tokenizer.json"), 0);
}

TEST_F(GgufTokenizer, ChatTemplatesAreText) {
  Tokens gguf("gpt2");
  gguf.text("tokenizer.ggml.pre", "gpt-2");
  gguf.pair("tokenizer.ggml.merges", 9, strings({"a b"}));
  gguf.text("tokenizer.chat_template", "{{ ''.__class__.__mro__ }}\"\\");
  EXPECT_THAT(read(gguf).at("tokenizer_config.json"),
              testing::HasSubstr(R"("chat_template": "{{ ''.__class__.__mro__ }}\"\\")"));
}

TEST(ScoreMerges, BestScoreFirstAndLongerLeftPartOfEqualOnes) {
  const std::vector<std::string_view> tokens = {"a", "b", "c", "ab", "bc", "abc"};
  const std::vector<double> scores = {-9, -9, -9, -1, -2, -3};
  const std::vector<ScoreMerge> merges = merges_of_scores(tokens, scores);
  EXPECT_THAT(merges, testing::ElementsAre(ScoreMerge{"a", "b"}, ScoreMerge{"b", "c"}, ScoreMerge{"ab", "c"},
                                           ScoreMerge{"a", "bc"}));
  EXPECT_EQ(merges_of_scores(tokens, scores_of_merges(tokens, std::vector<bool>(6), merges)), merges);
}

TEST(ScoreMerges, CharactersScoreBelowEveryMerge) {
  const std::vector<std::string_view> tokens = {"<s>", "ab", "a", "b"};
  EXPECT_THAT(scores_of_merges(tokens, {true, false, false, false}, {{"a", "b"}}),
              testing::ElementsAre(0, 0, -1, -2));
}

}  // namespace
}  // namespace ropeway
