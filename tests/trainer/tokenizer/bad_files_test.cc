// tokenizer.json files that are refused: one message with file and key, whatever the file says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tests/trainer/tokenizer/tiny_sentencepiece.h"
#include "tests/trainer/tokenizer/tiny_tokenizer.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

struct BadFile {
  const char* name;
  std::function<void(Json&)> spoil;
  const char* message;
};
void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.name; }

class BadTokenizerFile : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadTokenizerFile, IsRefusedWithThePlace) {
  const TempDir folder;
  Json root = tiny_tokenizer_json();
  GetParam().spoil(root);
  write_bytes(folder / "tokenizer.json", root.dump());
  const auto error = error_of([&] { load_tokenizer(folder.path()); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr((folder / "tokenizer.json").string()));
  EXPECT_THAT(error->what(), HasSubstr(GetParam().message));
}

Json split(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}
Json of_type(const std::string& type) { return {{"type", type}}; }

INSTANTIATE_TEST_SUITE_P(
    Corpus, BadTokenizerFile,
    ::testing::Values(
        BadFile{"not_an_object", [](Json& j) { j = Json::array(); }, "wanted an object"},
        BadFile{"no_model", [](Json& j) { j.erase("model"); }, "model: the key is missing"},
        BadFile{"unigram", [](Json& j) { j["model"]["type"] = "Unigram"; },
                "model.type: found \"Unigram\", wanted BPE"},
        BadFile{"no_vocabulary", [](Json& j) { j["model"].erase("vocab"); },
                "model.vocab: the key is missing"},
        BadFile{"empty_vocabulary", [](Json& j) { j["model"]["vocab"] = Json::object(); },
                "wanted at least one token"},
        BadFile{"id_is_text", [](Json& j) { j["model"]["vocab"]["a"] = "1"; }, "model.vocab.a: found \"1\""},
        BadFile{"id_negative", [](Json& j) { j["model"]["vocab"]["a"] = -1; }, "model.vocab.a: found -1"},
        BadFile{"id_far_away", [](Json& j) { j["model"]["vocab"]["a"] = 4000000000; },
                "model.vocab.a: found 4000000000"},
        BadFile{"id_twice", [](Json& j) { j["model"]["vocab"]["a"] = 2; }, "no other token has"},
        BadFile{"merge_of_unknown", [](Json& j) { j["model"]["merges"][1] = "a q"; },
                "model.merges[1]: merges 'a' and 'q', but the vocabulary has no 'q'"},
        BadFile{"merge_into_unknown", [](Json& j) { j["model"]["merges"][1] = "a d"; },
                "the vocabulary has no 'ad'"},
        BadFile{"merge_of_three", [](Json& j) { j["model"]["merges"][1] = "a b c"; },
                "two tokens with one space"},
        BadFile{"merge_of_one", [](Json& j) { j["model"]["merges"][1] = Json::array({"a"}); },
                "a pair of tokens"},
        BadFile{"merges_no_list", [](Json& j) { j["model"]["merges"] = "a b"; },
                "model.merges: found \"a b\""},
        BadFile{"unknown_not_there", [](Json& j) { j["model"]["unk_token"] = "<u>"; }, "model.unk_token"},
        BadFile{"subword_prefix", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; },
                "model.continuing_subword_prefix: found \"##\""},
        BadFile{"word_suffix", [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; },
                "model.end_of_word_suffix"},
        BadFile{"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, "model.dropout: found 0.1"},
        BadFile{"added_id_taken", [](Json& j) { j["added_tokens"][0]["id"] = 1; },
                "added_tokens[0].id: found 1"},
        BadFile{"added_id_differs", [](Json& j) { j["added_tokens"][0]["id"] = 30; },
                "the id of '<s>' in model.vocab"},
        BadFile{"added_id_far_away", [](Json& j) { j["added_tokens"][0]["id"] = 1LL << 40; },
                "added_tokens[0].id"},
        BadFile{"merge_of_nothing",
                [](Json& j) {
                  j["model"]["merges"][1] = Json::array({"a", ""});
                },
                "two tokens of at least one character"},
        BadFile{"normalizer", [](Json& j) { j["normalizer"] = of_type("Precompiled"); },
                "normalizer.type: found \"Precompiled\""},
        BadFile{"pre_tokenizer", [](Json& j) { j["pre_tokenizer"] = of_type("BertPreTokenizer"); },
                "pre_tokenizer.type: found \"BertPreTokenizer\""},
        BadFile{"decoder", [](Json& j) { j["decoder"] = of_type("WordPiece"); },
                "decoder.type: found \"WordPiece\""},
        BadFile{"post_processor", [](Json& j) { j["post_processor"] = of_type("BertProcessing"); },
                "post_processor.type: found \"BertProcessing\""},
        BadFile{"template_id",
                [](Json& j) {
                  j["post_processor"] = Json::parse(R"({"type": "TemplateProcessing",
                    "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}],
                    "special_tokens": {"x": {"ids": [11]}}})");
                },
                "post_processor.special_tokens.x.ids[0]: found 11"},
        BadFile{"regex_broken", [](Json& j) { j["pre_tokenizer"] = split("(a"); },
                "pre_tokenizer.pattern.Regex"},
        BadFile{"regex_cluster", [](Json& j) { j["pre_tokenizer"] = split("\\X+"); }, "\\X in the pattern"},
        BadFile{"regex_reference", [](Json& j) { j["pre_tokenizer"] = split("(a)\\1"); },
                "the back-reference \\1 in the pattern"},
        BadFile{"behavior",
                [](Json& j) {
                  j["pre_tokenizer"] = split("a");
                  j["pre_tokenizer"]["behavior"] = "Joined";
                },
                "pre_tokenizer.behavior: found \"Joined\""}),
    [](const auto& param) { return param.param.name; });

const std::string kMuch(5000, 'x');

// What a message repeats of the file, whose content is all x.
void expect_excerpt(const std::filesystem::path& folder, const std::string& what) {
  const auto error = error_of([&] { load_tokenizer(folder); });
  ASSERT_TRUE(error.has_value()) << what;
  EXPECT_EQ(error->kind(), ErrorKind::kBadData) << what;
  const std::string message = error->what();
  EXPECT_LE(std::ranges::count(message, 'x'), 200) << what << message.substr(0, 1000);
  EXPECT_LT(message.size(), 1000u) << what;
}

TEST(LongContentOfATokenizer, IsQuotedInPart) {
  const auto at = [](const char* key, const Json& value) {
    return [key, value](Json& j) { j[Json::json_pointer(key)] = value; };
  };
  const std::vector<std::function<void(Json&)>> spoiled = {
      at("/pre_tokenizer", split("\\p{" + kMuch + "}" + kMuch)),
      at("/pre_tokenizer", split("[[:" + kMuch + ":]]" + kMuch)),
      at("/pre_tokenizer", split("(" + kMuch)),
      at("/pre_tokenizer", split("(?R" + kMuch + ":a)")),
      at("/pre_tokenizer", split(kMuch + "\\X")),
      at("/pre_tokenizer", split("\\x{" + kMuch)),
      at("/pre_tokenizer", split("[" + kMuch)),
      at("/pre_tokenizer", split("(?#" + kMuch)),
      at("/pre_tokenizer", of_type(kMuch)),
      at("/decoder", of_type(kMuch)),
      at("/normalizer", of_type(kMuch)),
      at("/post_processor", of_type(kMuch)),
      at("/model/type", kMuch),
      at("/model/unk_token", kMuch),
      at("/model/continuing_subword_prefix", kMuch),
      at("/model/merges/0", Json::array({kMuch, kMuch})),
      at("/model/merges/0", kMuch),
      [](Json& j) { j["model"]["vocab"][kMuch] = j["model"]["vocab"]["a"]; },
      [](Json& j) { j["model"]["vocab"][kMuch] = kMuch; },
      [](Json& j) { j["model"]["vocab"][kMuch] = 11, j["model"]["vocab"][kMuch + "y"] = 11; },
      [](Json& j) { j["model"]["vocab"][kMuch] = 11, j["added_tokens"][0]["content"] = kMuch; },
      [](Json& j) {
        Json token = j["added_tokens"][0];
        for (const char* end : {"", "y"}) {
          token["content"] = kMuch + end;
          token["id"] = 12;
          j["added_tokens"].push_back(token);
        }
      },
      [](Json& j) {
        j["post_processor"] = {{"type", "TemplateProcessing"},
                               {"single", {{{"SpecialToken", {{"id", kMuch}}}}}},
                               {"special_tokens", {{kMuch, {{"ids", {kMuch}}}}}}};
      },
      [](Json& j) {
        j["post_processor"] = {{"type", "TemplateProcessing"}, {"single", {{{"Sequence", {{"id", kMuch}}}}}}};
      }};
  for (size_t i = 0; i < spoiled.size(); ++i) {
    const TempDir folder;
    Json root = tiny_tokenizer_json();
    spoiled[i](root);
    write_bytes(folder / "tokenizer.json", root.dump());
    expect_excerpt(folder.path(), fmt::format("case {}: ", i));
  }
  const TempDir folder;
  std::string nested = "1";
  for (int depth = 0; depth < 20; ++depth) nested = fmt::format("{{\"{}\": {}}}", kMuch, nested);
  nested.replace(nested.find("1}"), 1, "1, \"a\": 1, \"a\": 1");
  write_bytes(folder / "tokenizer.json", nested);
  expect_excerpt(folder.path(), "nested: ");
}

TEST(LongContentOfATokenizer, OfSentencePieceIsQuotedInPart) {
  if (!kLoadsSentencePiece) GTEST_SKIP() << kNoSentencePiece;
  const TempDir folder;
  const std::string piece = sentencepiece_piece(kMuch, -9, PieceType::kNormal);
  write_bytes(folder / "tokenizer.model", tiny_sentencepiece_model() + piece + piece);
  expect_excerpt(folder.path(), "a piece twice: ");
  const std::string other = sentencepiece_piece(std::string(5000, '\x80'), -9, PieceType::kNormal);
  write_bytes(folder / "tokenizer.model", tiny_sentencepiece_model() + other + other);
  expect_excerpt(folder.path(), "no UTF-8: ");

  write_bytes(folder / "tokenizer.model", tiny_sentencepiece_model() + piece);
  const auto of_piece = [&](const Json& added) {
    write_bytes(folder / "added_tokens.json", added.dump());
    expect_excerpt(folder.path(), added.dump().substr(0, 20));
  };
  const int of_much = 3 + 5 + 1 + 94;
  of_piece({{"y", of_much}});
  of_piece({{kMuch, 5}});
  of_piece({{kMuch + "y", 500}, {kMuch + "z", 500}});
  of_piece({{kMuch, kMuch}});
}

TEST(BadTokenizerText, TruncatedAnywhereIsRefused) {
  const TempDir folder;
  const std::string whole = tiny_tokenizer_json().dump();
  for (size_t size = 0; size < whole.size(); size += 13) {
    write_bytes(folder / "tokenizer.json", whole.substr(0, size));
    const auto error = error_of([&] { load_tokenizer(folder.path()); });
    ASSERT_TRUE(error.has_value()) << size;
    EXPECT_EQ(error->kind(), ErrorKind::kBadData) << size;
  }
}

TEST(BadTokenizerText, ADuplicateTokenIsRefused) {
  const TempDir folder;
  std::string text = tiny_tokenizer_json().dump();
  text.replace(text.find("\"a\":1"), 5, "\"a\":1,\"a\":11");
  write_bytes(folder / "tokenizer.json", text);
  const auto error = error_of([&] { load_tokenizer(folder.path()); });
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->what(), HasSubstr("model.vocab.a: the key occurs twice"));
}

TEST(BadTokenizerText, AModelThatIsNotSentencePieceIsRefused) {
  const TempDir folder;
  for (const std::string& content : {std::string(), std::string("no model"), std::string(1000, '\x0A')}) {
    write_bytes(folder / "tokenizer.model", content);
    const auto error = error_of([&] { load_tokenizer(folder.path()); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_THAT(error->what(), HasSubstr("tokenizer.model"));
  }
}

TEST(BadTokenizerText, NeitherFileIsMissingInput) {
  const TempDir folder;
  const auto error = error_of([&] { load_tokenizer(folder.path()); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kMissingInput);
  EXPECT_THAT(error->what(), HasSubstr("tokenizer.json"));
}

class HostilePattern : public ::testing::TestWithParam<const char*> {};

TEST_P(HostilePattern, EndsWithAnErrorInBoundedTime) {
  Json root = tiny_tokenizer_json();
  root["pre_tokenizer"] = split(GetParam());
  const auto tokenizer = tokenizer_of_json(root);
  const auto begin = std::chrono::steady_clock::now();
  const auto error = error_of([&] { tokenizer->encode(std::string(1 << 20, 'a')); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("pre_tokenizer.pattern.Regex: the pattern needs too much work"));
  // 2 s of work; this machine may have other work to do. Unbounded, they take hours.
  EXPECT_LT(seconds, 30);
}

INSTANTIATE_TEST_SUITE_P(Patterns, HostilePattern,
                         ::testing::Values("(a+)+b", "(a+)+$(?<!a)", "(a|aa)+c", "a(?=.*b)", "a(?=.*b)|a",
                                           "a*a*a*b", "(a|b|ab)*c"));

TEST(HostilePattern, ManyMatchesAreNoHarm) {
  Json root = tiny_tokenizer_json();
  root["pre_tokenizer"] = split("(a+)+");
  EXPECT_EQ(tokenizer_of_json(root)->encode(std::string(1 << 20, 'a')).size(), size_t{1 << 20});
}

}  // namespace
}  // namespace ropeway
