// Examples of instruction data from their files to the windows that train on them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/windows.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

constexpr int32_t kBos = 256, kEos = 257;

class ExamplesTest : public ::testing::Test {
 protected:
  const Documents& load(const std::vector<std::string>& names, int64_t vocab_size = 258,
                        const ChatTemplate& chat = {}) {
    std::vector<std::string> files;
    for (const std::string& name : names) files.push_back((folder_ / name).string());
    documents_.emplace(load_documents(*make_world_of_one(), files, *tokenizer_, folder_ / "cache",
                                      {.vocab_size = vocab_size}, chat));
    return *documents_;
  }
  const Documents& load_lines(const std::string& lines) {
    write_bytes(folder_ / "a.jsonl", lines);
    return load({"a.jsonl"});
  }
  void refuses(const std::string& lines, const std::vector<std::string>& fragments) {
    expect_error(ErrorKind::kBadData, fragments, [&] { load_lines(lines); });
  }
  // Examples of 2 + i % 9 bytes of prompt and 1 + i % 4 of completion, all of one letter.
  static std::string many(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const auto letter = static_cast<char>(i < 26 ? 'A' + i : 'a' + i - 26);
      lines += fmt::format("{{\"prompt\": \"{}\", \"completion\": \"{}\"}}\n",
                           std::string(static_cast<size_t>(2 + i % 9), letter),
                           std::string(static_cast<size_t>(1 + i % 4), letter));
    }
    return lines;
  }

  TempDir folder_;
  const std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
  std::optional<Documents> documents_;
  const DocumentMarks marks_{{kBos}, {kEos}};
};

TEST_F(ExamplesTest, APromptIsReadACompletionAndItsEosAreScored) {
  const Documents& documents = load_lines("{\"prompt\": \"ab\", \"completion\": \"cde\"}\n");
  for (const bool again : {false, true}) {  // from the cache
    if (again) load({"a.jsonl"});
    ASSERT_EQ(documents.count(), 1u);
    EXPECT_EQ(documents.sources()[0].kind, "JSON lines of prompts and completions");
    EXPECT_THAT(documents.scored(0), ElementsAre(ScoredRun{2, 5}));
    EXPECT_EQ(documents.bytes(0), 5);
    const MarkedDocuments marked(documents, marks_);
    EXPECT_TRUE(marked.is_example(0));
    EXPECT_EQ(marked.size(0), 7);
    EXPECT_THAT(marked.scored(0), ElementsAre(0, 0, 0, 1, 1, 1, 1));
    EXPECT_THAT(MarkedDocuments(documents).scored(0), ElementsAre(0, 0, 1, 1, 1));
  }
}

TEST_F(ExamplesTest, ReadyMadeIdsGetNoMarksAndTheirLabelsSayWhatIsScored) {
  const Documents& documents = load_lines(
      "{\"input_ids\": [256, 5, 6, 7, 8], \"labels\": [256, -100, 6, -100, 8]}\n"
      "{\"input_ids\": [1, 2], \"labels\": [1, -100]}\n"
      "{\"input_ids\": [], \"labels\": []}\n");
  ASSERT_EQ(documents.count(), 1u) << "the others have nothing to score: a first token is predicted by none";
  EXPECT_EQ(documents.sources()[0].counts.unscored_examples, 2);
  const MarkedDocuments marked(documents, marks_);
  EXPECT_EQ(marked.size(0), 5);
  EXPECT_THAT(marked.text(0), ElementsAre(256, 5, 6, 7, 8));
  EXPECT_THAT(marked.scored(0), ElementsAre(0, 0, 1, 0, 1));
}

TEST_F(ExamplesTest, AConversationIsWrittenAsItsTemplateHasIt) {
  write_bytes(
      folder_ / "a.json",
      "[{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": "
      "\"yes\"}]}]");
  ChatTemplate chat;
  chat.format = ChatFormatName::kZephyr;
  chat.named.eos = "#";  // one byte, one token
  const Documents& documents = load({"a.json"}, 258, chat);
  const auto tokens = documents.tokens(0);
  EXPECT_EQ(tokenizer_->decode({tokens.begin(), tokens.end()}), "<|user|>\nq#\n<|assistant|>\nyes#\n");
  EXPECT_THAT(documents.scored(0), ElementsAre(ScoredRun{26, 30}));
  EXPECT_EQ(MarkedDocuments(documents, marks_).size(0), 31) << "the template's marks are all";
  const std::string as_zephyr = documents.fingerprint();
  chat.format = ChatFormatName::kChatML;
  EXPECT_NE(load({"a.json"}, 258, chat).fingerprint(), as_zephyr);
  expect_error(ErrorKind::kBadData, {"a.json:1", "scored in part"}, [&] { load({"a.json"}); });
}

TEST_F(ExamplesTest, AFileHoldsOneKind) {
  refuses("{\"prompt\": \"a\", \"completion\": \"b\"}\n\n{\"messages\": []}\n",
          {"a.jsonl:3: prompt: the key is missing", "began with prompts and completions"});
  refuses("{\"text\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}\n",
          {"a.jsonl:2: text: the key is missing; the object has prompt, completion"});
  refuses("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n{\"text\": \"b\"}\n",
          {"a.jsonl:", "conversations"});
  refuses("{\"input_ids\": [1, 258], \"labels\": [-100, 258]}\n",
          {"a.jsonl:1: input_ids[1]: found 258, wanted 0 to 257"});
  refuses("{\"prompt\": \"a\", \"completion\": \"\"}\n{\"prompt\": \"b\", \"completion\": \"\"}\n",
          {"none of its 2 examples has a token to score"});
}

TEST_F(ExamplesTest, AnEmptyCompletionIsCountedAndLeftOut) {
  const Documents& documents =
      load_lines("{\"prompt\": \"a\", \"completion\": \"\"}\n{\"prompt\": \"\", \"completion\": \"b\"}\n");
  ASSERT_EQ(documents.count(), 1u);
  EXPECT_EQ(documents.sources()[0].counts.unscored_examples, 1);
  EXPECT_THAT(MarkedDocuments(documents, marks_).scored(0), ElementsAre(0, 1, 1));
}

// The kind of a file is that of its first object, however long that is.
TEST_F(ExamplesTest, ALongFirstLineIsToldAsAnyOther) {
  const std::string prompt(3 << 20, 'p');
  write_bytes(folder_ / "long", "{\"prompt\": \"" + prompt + "\", \"completion\": \"c\"}\n");
  const Documents& documents = load({"long"});
  EXPECT_EQ(documents.sources()[0].records, RecordKind::kPrompt);
  EXPECT_THAT(documents.scored(0), ElementsAre(ScoredRun{3 << 20, (3 << 20) + 1}));
}

TEST_F(ExamplesTest, EachPassPacksEveryExampleWholeOnce) {
  const Documents& documents = load_lines(many(40));
  const MarkedDocuments marked(documents, marks_);
  const WindowOptions options{.length = 32, .seed = 3, .mask = DocumentMask::kDocuments, .marks = marks_};
  const WindowSampler windows(documents, *tokenizer_, options);
  const WindowFacts facts = windows.facts();
  EXPECT_EQ(facts.examples, 40);
  EXPECT_EQ(facts.windows, 0);
  int64_t tokens = 0;
  for (size_t d = 0; d < marked.count(); ++d) tokens += marked.size(d);
  EXPECT_LE(facts.example_windows, tokens * 10 / 9 / 32 + 1) << "more than a tenth of the room is lost";
  std::multiset<std::vector<int32_t>> found, wanted;
  double scored = 0;
  for (uint64_t i = 0; i < static_cast<uint64_t>(facts.example_windows); ++i) {
    const Window window = windows.window(i);
    ASSERT_LE(window.tokens.size(), 32u);
    ASSERT_EQ(window.weights.size(), window.tokens.size());
    for (size_t e = 0; e < window.documents.size(); ++e) {
      const int64_t begin = window.documents[e];
      const int64_t end =
          e + 1 < window.documents.size() ? window.documents[e + 1] : std::ssize(window.tokens);
      found.insert({window.tokens.begin() + begin, window.tokens.begin() + end});
      EXPECT_EQ(window.tokens[static_cast<size_t>(begin)], kBos);
      if (begin > 0) {
        EXPECT_EQ(window.weights[static_cast<size_t>(begin) - 1], 0);
      }
    }
    for (const float weight : window.weights) scored += weight;
  }
  int64_t completions = 0;
  for (size_t d = 0; d < documents.count(); ++d) {
    std::vector<int32_t> ids(static_cast<size_t>(marked.size(d)));
    marked.copy(d, 0, ids);
    wanted.insert(ids);
    completions += 1 + static_cast<int64_t>(d) % 4 + 1;  // with the EOS
  }
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(scored, completions);
  EXPECT_EQ(facts.scored_tokens, completions);
  const auto after = static_cast<uint64_t>(facts.example_windows);
  EXPECT_NE(windows.window(after).tokens, windows.window(0).tokens) << "the next pass has another order";
}

TEST_F(ExamplesTest, OneLongerThanTheWindowIsLeftOutAndSaid) {
  const Documents& documents = load_lines(many(12));
  const WindowSampler windows(documents, *tokenizer_, {.length = 10});
  EXPECT_EQ(windows.facts().long_examples, 3);
  EXPECT_THAT(windows.describe(), ::testing::HasSubstr("used 9 whole examples, "));
  EXPECT_THAT(windows.describe(), ::testing::HasSubstr("; 3 longer than 10 were left out"));
  expect_error(ErrorKind::kBadData, {"none of the 12 examples fits into 2 tokens"},
               [&] { WindowSampler(documents, *tokenizer_, {.length = 2}); });
  expect_error(ErrorKind::kConfig, {"passkey"},
               [&] { WindowSampler(documents, *tokenizer_, {.length = 10, .passkey_fraction = 0.5}); });
}

TEST_F(ExamplesTest, PackedByDocumentsEachHasAWindowOfItsOwn) {
  const Documents& documents = load_lines(many(12));
  const WindowSampler windows(documents, *tokenizer_, {.length = 32, .packing = Packing::kDocuments});
  EXPECT_EQ(windows.facts().example_windows, 12);
  std::set<std::vector<int32_t>> seen;
  for (uint64_t i = 0; i < 12; ++i) seen.insert(windows.window(i).tokens);
  EXPECT_EQ(seen.size(), 12u);
}

// Beside texts, windows of examples come in their share: over a pass of both, each is used once.
TEST_F(ExamplesTest, TextsAndExamplesTakeTurns) {
  write_bytes(folder_ / "a.jsonl", many(40));
  write_bytes(folder_ / "b.txt", std::string(1600, '.'));
  const Documents& documents = load({"a.jsonl", "b.txt"});
  for (const Packing packing : {Packing::kConcat, Packing::kDocuments}) {
    const WindowSampler windows(documents, *tokenizer_, {.length = 32, .packing = packing});
    const WindowFacts facts = windows.facts();
    EXPECT_EQ(facts.windows, 50);
    std::map<bool, int> kinds;
    for (uint64_t i = 0; i < static_cast<uint64_t>(facts.windows + facts.example_windows); ++i) {
      ++kinds[windows.window(i).tokens.front() == '.'];
    }
    EXPECT_NEAR(kinds[false], facts.example_windows, 1);
  }
  expect_error(ErrorKind::kBadData, {"a.jsonl", "prompts and completions", "a search takes whole texts"},
               [&] { require_texts(documents, "a search"); });
  expect_error(ErrorKind::kBadData, {"a.jsonl", "b.txt", "evaluate them apart"},
               [&] { holds_examples(documents); });
}

TEST_F(ExamplesTest, AllRanksReadTheSame) {
  write_bytes(folder_ / "a.jsonl", many(5));
  run_thread_world(3, [&](Communicator& world) {
    const Documents documents =
        load_documents(world, {(folder_ / "a.jsonl").string()}, *tokenizer_, folder_ / "cache");
    ASSERT_EQ(documents.count(), 5u);
    EXPECT_EQ(documents.sources()[0].records, RecordKind::kPrompt);
    EXPECT_THAT(documents.scored(4), ElementsAre(ScoredRun{6, 7}));
  });
}

}  // namespace
}  // namespace ropeway
