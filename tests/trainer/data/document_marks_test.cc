// Which tokens stand around a document: what transformers' tokenizer of the same folder adds, and what its
// files name.
#include "trainer/data/document_marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "tests/trainer/tokenizer/tiny_tokenizer.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using enum MarkChoice;
using Ids = std::vector<int32_t>;

// <s> is 0, </s> is 11; `before` and `after`: what the template puts around a text.
std::unique_ptr<Tokenizer> tokenizer(const Ids& before, const Ids& after) {
  nlohmann::json root = tiny_tokenizer_json();
  root["added_tokens"].push_back({{"id", 11}, {"content", "</s>"}, {"special", true}});
  if (!before.empty() || !after.empty()) {
    auto single = nlohmann::json::array(), specials = nlohmann::json::object();
    const auto add = [&](const Ids& ids) {
      for (const int32_t id : ids) {
        const std::string name = id == 0 ? "<s>" : "</s>";
        single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
        specials[name] = {{"id", name}, {"ids", {id}}, {"tokens", {name}}};
      }
    };
    add(before);
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    add(after);
    root["post_processor"] = {{"type", "TemplateProcessing"},
                              {"single", single},
                              {"pair", nlohmann::json::array()},
                              {"special_tokens", specials}};
  }
  return tokenizer_of_json(root);
}

TEST(DocumentMarks, AreWhatTheTemplatePutsAroundATextAndTheEosThatIsNamed) {
  struct Case {
    Ids before, after;
    NamedTokens named;
    MarkChoices choices;
    DocumentMarks wanted;
  };
  for (const auto& [before, after, named, choices, wanted] : {
           Case{{}, {}, {}, {}, {}},
           Case{{}, {}, {0, 11}, {}, {{}, {11}}},    // GPT-NeoX: an EOS between documents, no BOS
           Case{{0}, {}, {0, 11}, {}, {{0}, {11}}},  // Llama
           Case{{0}, {11}, {}, {}, {{0}, {11}}},
           Case{{0, 11}, {}, {}, {}, {{0, 11}, {}}},  // several in front, as GLM has
           Case{{0}, {11}, {5, 6}, {}, {{0}, {11}}},  // the template goes before what is named
           Case{{}, {}, {0, 11}, {kTrue, kTrue}, {{0}, {11}}},
           Case{{0}, {11}, {0, 11}, {kFalse, kFalse}, {}},
       }) {
    EXPECT_EQ(document_marks(*tokenizer(before, after), named, choices), wanted) << describe(wanted);
  }
}

TEST(DocumentMarks, AByteTokenizerWithoutConventionsHasNone) {
  EXPECT_EQ(document_marks(*make_byte_tokenizer(), {}, {}), DocumentMarks());
  EXPECT_EQ(document_marks(*make_byte_tokenizer_with({"<s>", "</s>"}), {}, {}), DocumentMarks());
}

TEST(DocumentMarks, OneThatIsAskedForAndNowhereNamedIsAnErrorOfTheRecipe) {
  for (const auto& [choices, word] :
       {std::pair{MarkChoices{kTrue, kAuto}, "BOS"}, std::pair{MarkChoices{kAuto, kTrue}, "EOS"}}) {
    const auto error = error_of([&] { document_marks(*make_byte_tokenizer(), {}, choices); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kConfig);
    EXPECT_THAT(error->what(), HasSubstr(word));
  }
}

TEST(NamedTokensTest, AreTextsOrObjectsOfTheTokenizersConfigElseTheModelsIds) {
  const TempDir folder;
  const auto made = tokenizer({}, {});
  const auto named = [&](const std::string& config) {
    if (!config.empty()) write_bytes(folder / "tokenizer_config.json", config);
    const NamedTokens found = named_tokens(folder.path(), *made, {7, 8});
    return std::pair(found.bos, found.eos);
  };
  EXPECT_EQ(named(""), std::pair(int64_t{7}, int64_t{8}));
  EXPECT_EQ(named(R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "special": true}})"),
            std::pair(int64_t{0}, int64_t{11}));
  EXPECT_EQ(named(R"({"bos_token": null, "eos_token": "no such token"})"), std::pair(int64_t{7}, int64_t{8}));
}

TEST(DocumentMarks, AreDescribed) {
  EXPECT_EQ(describe(DocumentMarks{}), "no BOS, no EOS");
  EXPECT_EQ(describe(DocumentMarks{{1, 3}, {2}}), "BOS 1+3, EOS 2");
}

}  // namespace
}  // namespace ropeway
