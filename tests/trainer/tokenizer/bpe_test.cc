// What the equality with PyPI tokenizers does not show: exact small cases, size, and the options one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "kernels/base/random.h"
#include "tests/trainer/tokenizer/tiny_tokenizer.h"
#include "trainer/tokenizer/reading_special_tokens.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;

TEST(Bpe, TheLowestRankMergesFirstAndTheLeftmostOfEqualOnes) {
  const auto tokenizer = tokenizer_of_json(tiny_tokenizer_json());
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(1, 8));  // "b c" before "a b"
  EXPECT_THAT(tokenizer->encode("abab"), ElementsAre(6, 6));
  EXPECT_THAT(tokenizer->encode("dede"), ElementsAre(9, 9));
}

// The definition, in quadratic time: of all neighbours the pair with the lowest rank merges.
std::vector<int32_t> merged_by_definition(std::string_view text) {
  const std::vector<std::array<int32_t, 3>> rules = {{2, 3, 8}, {1, 2, 6}, {6, 3, 7}, {4, 5, 9}};
  std::vector<int32_t> ids;
  for (const char c : text) ids.push_back(c - 'a' + 1);
  for (;;) {
    size_t best_rank = rules.size(), best_at = 0;
    for (size_t at = 0; at + 1 < ids.size(); ++at) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (ids[at] != rules[rank][0] || ids[at + 1] != rules[rank][1]) continue;
        best_rank = rank;
        best_at = at;
      }
    }
    if (best_rank == rules.size()) return ids;
    ids[best_at] = rules[best_rank][2];
    ids.erase(ids.begin() + static_cast<int64_t>(best_at) + 1);
  }
}

TEST(Bpe, LongAndShortPiecesGiveWhatTheDefinitionGives) {
  const auto tokenizer = tokenizer_of_json(tiny_tokenizer_json());
  Philox random(3, Stream::kInit);
  for (const size_t length : {1, 2, 5, 30, 255, 256, 257, 1000}) {
    std::string text;
    while (text.size() < length) text += static_cast<char>('a' + random.below(5));
    EXPECT_EQ(tokenizer->encode(text), merged_by_definition(text)) << text;
  }
}

TEST(Bpe, TenMegabytesWithoutABorderAreOnePieceOfWork) {
  Json root = tiny_tokenizer_json();
  root["model"]["vocab"]["aa"] = 11;
  root["model"]["vocab"]["aaaa"] = 12;
  root["model"]["merges"] = {"a a", "aa aa"};
  const std::vector<int32_t> ids = tokenizer_of_json(root)->encode(std::string(10'000'000, 'a'));
  EXPECT_EQ(ids.size(), 2'500'000u);
  EXPECT_EQ(ids.front(), 12);
  EXPECT_EQ(ids.back(), 12);
}

TEST(Bpe, CharactersOutsideTheVocabularyAreUnknownOneByOneOrFused) {
  Json root = tiny_tokenizer_json();
  EXPECT_THAT(tokenizer_of_json(root)->encode("axyb"), ElementsAre(6));  // dropped, with a warning
  root["model"]["unk_token"] = "?";
  EXPECT_THAT(tokenizer_of_json(root)->encode("axyb"), ElementsAre(1, 10, 10, 2));
  root["model"]["fuse_unk"] = true;
  EXPECT_THAT(tokenizer_of_json(root)->encode("axyb"), ElementsAre(1, 10, 2));
  const std::string long_text = std::string(200, 'a') + std::string(200, 'x') + "b";
  std::vector<int32_t> wanted(200, 1);
  wanted.insert(wanted.end(), {10, 2});
  EXPECT_EQ(tokenizer_of_json(root)->encode(long_text), wanted);
}

TEST(Bpe, ByteTokensStandForACharacterWhoseBytesAllHaveOne) {
  Json root = tiny_tokenizer_json();
  root["model"]["byte_fallback"] = true;
  root["model"]["unk_token"] = "?";
  root["model"]["vocab"]["<0xC3>"] = 11;
  root["model"]["vocab"]["<0xA9>"] = 12;
  root["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "ByteFallback"}}, {{"type", "Fuse"}}}}};
  const auto tokenizer = tokenizer_of_json(root);
  EXPECT_THAT(tokenizer->encode("a\xC3\xA9"), ElementsAre(1, 11, 12));
  EXPECT_EQ(tokenizer->decode({1, 11, 12}), "a\xC3\xA9");
  EXPECT_THAT(tokenizer->encode("\xC3\xA8"), ElementsAre(10));
}

TEST(Bpe, AWholePieceThatIsATokenIsItWhenMergesAreIgnored) {
  Json root = tiny_tokenizer_json();
  root["model"]["ignore_merges"] = true;
  EXPECT_THAT(tokenizer_of_json(root)->encode("abc"), ElementsAre(7));
}

TEST(Bpe, TheTextOfASpecialTokenIsThatTokenOnlyWhenAskedFor) {
  Json root = tiny_tokenizer_json();
  root["model"]["unk_token"] = "?";
  const auto tokenizer = tokenizer_of_json(root);
  EXPECT_THAT(tokenizer->encode("a<s>b", {.read_special_tokens = true}), ElementsAre(1, 0, 2));
  EXPECT_THAT(tokenizer->encode("a<s>b"), ElementsAre(1, 10, 10, 10, 2));
}

TEST(Bpe, ATokenizerMayReadSpecialTokensWhateverItsCallerSays) {
  const auto plain = tokenizer_of_json(tiny_tokenizer_json());
  const auto reading = reading_special_tokens(tokenizer_of_json(tiny_tokenizer_json()));
  EXPECT_THAT(reading->encode("<s>a"), ElementsAre(0, 1));
  EXPECT_EQ(reading->decode({0, 1}), "<s>a");
  EXPECT_EQ(reading->vocab_size(), plain->vocab_size());
  EXPECT_NE(reading->fingerprint(), plain->fingerprint());
}

// As PyPI tokenizers: what add_bos_token beside it says does not matter to a tokenizer.json.
TEST(Bpe, TheTemplateOfTheFileCountsAndNotTheSettingsBesideIt) {
  const TempDir folder;
  Json root = tiny_tokenizer_json();
  root["post_processor"] = Json::parse(R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
      "special_tokens": {"<s>": {"ids": [0]}}})");
  write_bytes(folder / "tokenizer.json", root.dump());
  write_bytes(folder / "tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true})");
  EXPECT_THAT(load_tokenizer(folder.path())->encode("a", {.add_special_tokens = true}), ElementsAre(0, 1));
}

TEST(Bpe, WhiteSpaceInPatternsIsUnicodesAndNoMore) {
  Json root = tiny_tokenizer_json();
  root["model"]["merges"] = Json::array({"a b"});
  const auto pieces_of = [&](const std::string& pattern, const std::string& text) {
    root["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Removed"}, {"invert", false}};
    return tokenizer_of_json(root)->encode(text);
  };
  for (const char* pattern : {"\\s", "[\\s]", "[]\\s]", "[.:]|\\s", "[[:punct:]\\s]"}) {
    EXPECT_THAT(pieces_of(pattern,
                          "a\xC2\x85"
                          "b"),
                ElementsAre(1, 2))
        << pattern;  // U+0085
    EXPECT_THAT(pieces_of(pattern,
                          "ab\xE3\x80\x80"
                          "ab"),
                ElementsAre(6, 6))
        << pattern;  // U+3000
  }
  root["model"]["unk_token"] = "?";
  EXPECT_THAT(pieces_of("\\s",
                        "a\xE1\xA0\x8E"
                        "b"),
              ElementsAre(1, 10, 2));  // U+180E is none
}

TEST(Bpe, TheTemplateIsAddedOnlyWhenAskedFor) {
  Json root = tiny_tokenizer_json();
  root["post_processor"] = Json::parse(R"({"type": "TemplateProcessing", "pair": [],
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}})");
  const auto tokenizer = tokenizer_of_json(root);
  EXPECT_THAT(tokenizer->encode("ab"), ElementsAre(6));
  EXPECT_THAT(tokenizer->encode("ab", {.add_special_tokens = true}), ElementsAre(0, 6));
  EXPECT_THAT(tokenizer->encode("", {.add_special_tokens = true}), ElementsAre(0));
}

TEST(Bpe, ThreadsShareOneTokenizer) {
  const auto tokenizer = tokenizer_of_json(tiny_tokenizer_json());
  const std::vector<int32_t> wanted = tokenizer->encode("abcdeabcde");
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) wrong += tokenizer->encode("abcdeabcde") != wanted;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Some vocabularies have one, which no text can become; nor is it sought as an added token.
TEST(Bpe, AnEmptyTokenIsNeverMadeAndDecodesToNothing) {
  Json root = tiny_tokenizer_json();
  root["model"]["vocab"][""] = 11;
  root["added_tokens"].push_back({{"id", 11}, {"content", ""}, {"special", false}});
  const auto tokenizer = tokenizer_of_json(root);
  EXPECT_EQ(tokenizer->vocab_size(), 12);
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(1, 8));
  EXPECT_EQ(tokenizer->decode({1, 11, 8}), "abc");
}

TEST(Bpe, DecodingAnIdThatNoTokenHasNamesIt) {
  Json root = tiny_tokenizer_json();
  root["model"]["vocab"]["z"] = 20;
  const auto tokenizer = tokenizer_of_json(root);
  EXPECT_EQ(tokenizer->vocab_size(), 21);
  for (const int32_t id : {-1, 15, 21}) {
    const auto error = error_of([&] { tokenizer->decode({1, id}); });
    ASSERT_TRUE(error.has_value()) << id;
    EXPECT_THAT(error->what(), testing::HasSubstr(fmt::format("token 1 has id {}", id)));
  }
}

}  // namespace
}  // namespace ropeway
