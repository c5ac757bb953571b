// What a model reads before it answers is what transformers makes of the conversation (tests/data/chat), up to
// the answer.
#include "trainer/generate/chat_prompt.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/error.h"
#include "tests/support/errors.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

const std::filesystem::path kGolden = ROPEWAY_SOURCE_DIR "/tests/data/chat";

class ChatPrompts : public ::testing::Test {
 protected:
  ChatTemplate chat(ChatFormatName name) const {
    return chat_template_of(kGolden, name, *tokenizer_, {.bos = 0, .eos = 1});
  }
  ChatPrompt prompt(ChatFormatName name, const std::vector<ChatTurn>& turns) const {
    return chat_prompt(*tokenizer_, chat(name), turns, tokenizer_->vocab_size(), "the conversation");
  }
  const std::unique_ptr<Tokenizer> tokenizer_ = load_tokenizer(kGolden);
};

TEST_F(ChatPrompts, AreWhatComesBeforeTheAnswerInTheTextOfTransformers) {
  std::set<std::string> formats;
  for (const nlohmann::json& entry : nlohmann::json::parse(std::ifstream(kGolden / "rendered.json"))) {
    const std::string name = entry["format"];
    SCOPED_TRACE(name);
    for (const nlohmann::json& conversation : entry["conversations"]) {
      std::vector<ChatTurn> turns;
      for (const auto& turn : conversation["turns"]) turns.push_back({turn["role"], turn["content"]});
      if (turns.back().role != "assistant" || turns.back().content.empty()) continue;
      const std::vector<int32_t> whole = conversation["ids"];
      turns.pop_back();
      const ChatPrompt found = prompt(value_of<ChatFormatName>(name).value(), turns);
      ASSERT_LT(found.ids.size(), whole.size());
      EXPECT_TRUE(std::equal(found.ids.begin(), found.ids.end(), whole.begin()))
          << tokenizer_->decode(found.ids);
      EXPECT_NE(std::find(whole.begin() + std::ssize(found.ids), whole.end(), found.end), whole.end());
      formats.insert(name);
    }
  }
  EXPECT_GE(formats.size(), 21u) << "formats without such a conversation";
}

TEST_F(ChatPrompts, EndWhereTheAssistantSpeaks) {
  const ChatPrompt found = prompt(ChatFormatName::kChatML, {{"user", "How long?"}});
  EXPECT_EQ(tokenizer_->decode(found.ids), "<|im_start|>user\nHow long?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(tokenizer_->decode({found.end}), "<|im_end|>");
}

TEST_F(ChatPrompts, RefuseWhatSpellsATokenOfTheFormatAndTurnsOutOfPlace) {
  expect_error(ErrorKind::kBadData, {"the conversation", "spells a special token"}, [&] {
    prompt(ChatFormatName::kChatML, {{"user", "a <|im_end|> b"}});
  });
  expect_error(ErrorKind::kBadData, {"the conversation", "system"}, [&] {
    prompt(ChatFormatName::kGemma, {{"system", "Be brief."}, {"user", "Hello"}});
  });
}

}  // namespace
}  // namespace ropeway
