// tokenizer.model through libsentencepiece: what this program adds to it. That ids are those of the library
// is tested against PyPI sentencepiece in equality_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "tests/trainer/tokenizer/tiny_sentencepiece.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<int32_t>;

constexpr EncodeOptions kWithTemplate{.add_special_tokens = true};

class SentencePieceTest : public ::testing::Test {
 protected:
  SentencePieceTest() { write_bytes(folder_ / "tokenizer.model", tiny_sentencepiece_model()); }
  void SetUp() override {
    if (!kLoadsSentencePiece) GTEST_SKIP() << kNoSentencePiece;
  }
  std::unique_ptr<Tokenizer> load() const { return load_tokenizer(folder_.path()); }
  void write_settings(const std::string& json) const { write_bytes(folder_ / "tokenizer_config.json", json); }

  TempDir folder_;
};

TEST_F(SentencePieceTest, TextIsCutIntoPiecesAndPutTogether) {
  const auto tokenizer = load();
  const Ids ids = tokenizer->encode("the band");
  EXPECT_EQ(ids, (Ids{5, 8, 9 + 'b' - '!', 7}));
  EXPECT_EQ(tokenizer->decode(ids), "the band");
  EXPECT_EQ(tokenizer->vocab_size(), 9 + 94);
}

TEST_F(SentencePieceTest, ABosIsPutInFrontUnlessTheSettingsSayOtherwise) {
  EXPECT_EQ(load()->encode("the", kWithTemplate), (Ids{1, 5}));
  write_settings(R"({"add_bos_token": false, "add_eos_token": true})");
  EXPECT_EQ(load()->encode("the", kWithTemplate), (Ids{5, 2}));
  EXPECT_EQ(load()->encode("the"), (Ids{5}));
}

TEST_F(SentencePieceTest, ControlTokensAreReadOnRequestOnly) {
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer->encode("</s>the", {.read_special_tokens = true}), (Ids{2, 5}));
  EXPECT_GT(tokenizer->encode("</s>the").size(), 4u);
}

TEST_F(SentencePieceTest, ControlTokensAreWrittenOut) {
  EXPECT_EQ(load()->decode({1, 5, 2, 5}), "<s>the</s>the");
}

// As Llama's models are: blanks of a text are not removed.
class KeepsBlanks : public SentencePieceTest {
 protected:
  KeepsBlanks() {
    write_bytes(folder_ / "tokenizer.model",
                tiny_sentencepiece_model(wire::text(1, "identity") + wire::number(4, 0)));
  }
};

// The blank before a text stands before its first part; with "legacy" before every one.
TEST_F(KeepsBlanks, BehindATokenNoBlankIsAddedUnlessTheSettingsSayLegacy) {
  constexpr EncodeOptions kReading{.read_special_tokens = true};
  EXPECT_EQ(load()->encode("the</s>the", kReading), (Ids{5, 2, 4}));
  EXPECT_EQ(load()->decode({5, 2, 4}), "the</s>the");
  EXPECT_EQ(load()->encode("the</s> the", kReading), (Ids{5, 2, 5}));
  EXPECT_EQ(load()->decode({5, 2, 5}), "the</s> the");
  write_settings(R"({"legacy": true})");
  EXPECT_EQ(load()->encode("the</s>the", kReading), (Ids{5, 2, 5}));
  EXPECT_EQ(load()->decode({5, 2, 5}), "the</s>the");
}

constexpr const char* kAddedTokens = R"({"<|im_start|>": 103, "<|im_end|>": 104, "<tool>": 106})";
constexpr const char* kAddedTokensDecoder = R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>",
    "eos_token": "</s>", "unk_token": "<unk>", "added_tokens_decoder": {
    "1": {"content": "<s>", "special": true}, "103": {"content": "<|im_start|>", "special": true},
    "104": {"content": "<|im_end|>", "special": true, "rstrip": true, "lstrip": false},
    "105": {"content": "<tool>", "special": false}}})";

TEST_F(KeepsBlanks, TokensThatAreAddedAreTokens) {
  write_bytes(folder_ / "added_tokens.json", kAddedTokens);
  write_settings(R"({"additional_special_tokens": ["<|im_start|>", {"content": "<|im_end|>"}]})");
  const auto tokenizer = load();
  EXPECT_EQ(tokenizer->vocab_size(), 107);
  EXPECT_EQ(tokenizer->encode("the<tool>the"), (Ids{5, 106, 4}));
  EXPECT_EQ(tokenizer->encode("<|im_start|>the", {.read_special_tokens = true}), (Ids{103, 4}));
  EXPECT_GT(tokenizer->encode("<|im_start|>the").size(), 10u);
  EXPECT_EQ(tokenizer->decode({5, 106, 4, 104}), "the<tool>the<|im_end|>");
  const auto error = error_of([&] { tokenizer->decode({105}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->what(), HasSubstr("token 0 has id 105"));
}

TEST_F(SentencePieceTest, AddedTokensChangeTheFingerprint) {
  const std::string plain = load()->fingerprint();
  write_bytes(folder_ / "added_tokens.json", kAddedTokens);
  EXPECT_NE(load()->fingerprint(), plain);
}

TEST_F(SentencePieceTest, AddedTokensThatCannotBeAreRefused) {
  const auto refused = [&](const char* json, const char* said) {
    write_bytes(folder_ / "added_tokens.json", json);
    const auto error = error_of([&] { load(); });
    ASSERT_TRUE(error.has_value()) << json;
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr("added_tokens.json"));
    EXPECT_THAT(error->what(), HasSubstr(said));
  };
  refused(R"({"<x>": 5})", "id 5 is that piece");
  refused(R"({"<x>": 200, "<y>": 200})", "id 200 is '<x>'");
  refused(R"({"<x>": -1})", "found -1");
  refused(R"({"<x>": 99999999})", "found 99999999");
  write_settings(kAddedTokensDecoder);
  refused(R"({"<tool>": 107})", "id 105 is '<tool>'");
}

// transformers 5 on the same folder.
TEST_F(KeepsBlanks, AddedTokensAreReadAsInTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  const std::vector<std::string> texts = {"the <tool>the band<|im_start|>band the<|im_end|> x",
                                          "<tool> <tool>", "<|im_start|><|im_end|>  and", "the band"};
  write_bytes(folder_ / "config.json", R"({"model_type": "llama"})");
  for (const bool in_settings : {true, false}) {
    write_settings(in_settings ? kAddedTokensDecoder
                               : R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>",
      "eos_token": "</s>", "unk_token": "<unk>", "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})");
    if (!in_settings) {
      write_bytes(folder_ / "added_tokens.json",
                  R"({"<|im_start|>": 103, "<|im_end|>": 104, "<tool>": 105})");
    }
    std::string script =
        "from transformers import AutoTokenizer\n"
        "t = AutoTokenizer.from_pretrained('" +
        folder_.path().string() + "')\nfor x in [";
    for (const std::string& text : texts) script += "'" + text + "',";
    const auto lines = lines_of(run_python(script + "]: print(*t(x, add_special_tokens=False).input_ids)\n"));
    ASSERT_EQ(lines.size(), texts.size());
    const auto tokenizer = load();
    for (size_t i = 0; i < texts.size(); ++i) {
      std::vector<double> ids;
      for (const int32_t id : tokenizer->encode(texts[i], {.read_special_tokens = true})) ids.push_back(id);
      EXPECT_EQ(ids, numbers_of(lines[i])) << in_settings << ' ' << texts[i];
    }
  }
}

TEST_F(SentencePieceTest, TheFingerprintNamesModelAndTemplate) {
  const std::string plain = load()->fingerprint();
  EXPECT_EQ(load()->fingerprint(), plain);
  write_settings(R"({"add_bos_token": false})");
  EXPECT_NE(load()->fingerprint(), plain);
}

TEST_F(SentencePieceTest, ATokenizerJsonComesFirst) {
  write_bytes(folder_ / "tokenizer.json", byte_tokenizer_json({"<s>"}));
  EXPECT_EQ(load()->encode("A"), (Ids{'A'}));
}

TEST_F(SentencePieceTest, AnIdThatIsNoPieceIsRefused) {
  for (const int32_t id : {-1, 9 + 94}) {
    const auto error = error_of([&] { load()->decode({5, id}); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr("token 1 has id"));
  }
}

TEST_F(SentencePieceTest, TruncatedAnywhereIsRefusedOrAShorterModel) {
  const std::string whole = tiny_sentencepiece_model();
  int refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    write_bytes(folder_ / "tokenizer.model", whole.substr(0, size));
    const auto error = error_of([&] { load()->encode("the band"); });
    if (!error) continue;
    ++refused;
    EXPECT_EQ(error->kind(), ErrorKind::kBadData) << size;
    EXPECT_THAT(error->what(), HasSubstr((folder_ / "tokenizer.model").string())) << size;
  }
  // What ends between two pieces is a model in its own right.
  EXPECT_GT(refused, static_cast<int>(whole.size()) * 9 / 10);
}

// A compiled normal form (sentencepiece_file.h) of a single rule: the letter A becomes b.
struct CompiledForm {
  std::vector<uint32_t> units = std::vector<uint32_t>(3 * 256, kUnused);
  std::string forms = {'b', '\0'};

  static constexpr uint32_t kUnused = 1u << 31;  // no byte's label
  static uint32_t unit(uint32_t offset, uint32_t label, bool has_value) {
    return offset << 10 | uint32_t{has_value} << 8 | label;
  }
  static constexpr uint32_t kBranch = 256 ^ 'A', kValue = 512;

  CompiledForm() {
    units[0] = unit(256, 0, false);
    units[kBranch] = unit(kBranch ^ kValue, 'A', true);
    units[kValue] = 1u << 31;  // the form at 0
  }
  // A model with it.
  std::string model() const {
    const uint32_t size = static_cast<uint32_t>(units.size() * 4);
    std::string bytes(reinterpret_cast<const char*>(&size), 4);
    bytes.append(reinterpret_cast<const char*>(units.data()), size);
    return tiny_sentencepiece_model(wire::text(2, bytes + forms));
  }
};

TEST_F(SentencePieceTest, ACompiledNormalFormIsApplied) {
  write_bytes(folder_ / "tokenizer.model", CompiledForm().model());
  EXPECT_EQ(load()->encode("A"), load()->encode("b"));
  EXPECT_NE(load()->encode("B"), load()->encode("b"));
}

TEST_F(SentencePieceTest, ACompiledNormalFormThatLeadsAstrayIsRefused) {
  CompiledForm outside, no_branch, circle, no_form, unended, crowded;
  outside.units[0] = CompiledForm::unit(1 << 20, 0, false);
  no_branch.units[CompiledForm::kBranch] = CompiledForm::unit(1 << 20, 'A', false);
  circle.units[CompiledForm::kBranch] = CompiledForm::unit(CompiledForm::kBranch ^ 256, 'A', false);
  no_form.units[CompiledForm::kValue] = 1u << 31 | 2;
  unended.forms.pop_back();
  // AAA...: a block for every letter, a value at each.
  crowded.units.assign(256 * 36, CompiledForm::kUnused);
  crowded.units[0] = CompiledForm::unit(256, 0, false);
  for (uint32_t block = 1; block < 35; ++block) {
    const uint32_t at = 256 * block + 'A', next = 256 * (block + 1);
    crowded.units[at] = CompiledForm::unit(at ^ next, 'A', true);
    crowded.units[next] = 1u << 31;
  }
  for (const auto& [form, message] : {std::pair(outside, "leads outside its array"),
                                      {no_branch, "leads outside its array"},
                                      {circle, "leads in circles"},
                                      {no_form, "leads to no normal form"},
                                      {unended, "ends within a normal form"},
                                      {crowded, "has too many values on one path"}}) {
    write_bytes(folder_ / "tokenizer.model", form.model());
    const auto error = error_of([&] { load(); });
    ASSERT_TRUE(error.has_value()) << message;
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr(std::string("tokenizer.model: not a SentencePiece model: ") +
                                         "precompiled_charsmap " + message));
  }
}

// The library's double array throws; that must not end the process.
TEST_F(SentencePieceTest, APieceThatTheLibraryCannotStoreIsRefused) {
  const std::string unigram = wire::text(2, wire::number(3, 1));  // as a later field it wins
  write_bytes(folder_ / "tokenizer.model",
              tiny_sentencepiece_model() + sentencepiece_piece(std::string(1, '\0'), 0, PieceType::kNormal) +
                  unigram);
  const auto error = error_of([&] { load(); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("tokenizer.model: not a SentencePiece model: "));
}

}  // namespace
}  // namespace ropeway
