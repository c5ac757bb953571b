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
#include "trainer/data/gradient_windows.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/search_sequences.h"
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
  expect_error(ErrorKind::kBadData, {"a.json:1", "conversations need a chat template"},
               [&] { load({"a.json"}); });
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

// Long examples are in the other windows.
TEST_F(ExamplesTest, ShortWindowsHoldShortExamplesApart) {
  const Documents& documents = load_lines(many(36));
  const WindowSampler windows(documents, *tokenizer_, {.length = 32, .short_share = 0.5, .short_length = 8});
  int shorts = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    const Window window = windows.window(i);
    shorts += window.is_short ? 1 : 0;
    if (!window.is_short) {
      EXPECT_EQ(window.documents, std::vector<int64_t>{0});
      continue;
    }
    for (size_t d = 0; d < window.documents.size(); ++d) {
      const int64_t end =
          d + 1 < window.documents.size() ? window.documents[d + 1] : std::ssize(window.tokens);
      EXPECT_LE(end - window.documents[d], 8);
    }
  }
  EXPECT_EQ(shorts, 20);
  expect_error(
      ErrorKind::kBadData, {"short training windows: none of the 36 examples fits into 2 tokens"},
      [&] { WindowSampler(documents, *tokenizer_, {.length = 32, .short_share = 0.5, .short_length = 2}); });
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
  expect_error(ErrorKind::kBadData, {"a.jsonl", "prompts and completions", "LongPPL takes whole texts"},
               [&] { require_texts(documents, "LongPPL"); });
  expect_error(ErrorKind::kBadData, {"a.jsonl", "b.txt", "evaluate them apart"},
               [&] { holds_examples(documents); });
}

// The longest that fit and have something to score, and of them the predictions of completions.
TEST_F(ExamplesTest, ASearchTakesTheLongestThatFit) {
  write_bytes(
      folder_ / "a.jsonl",
      "{\"prompt\": \"abcdefgh\", \"completion\": \"ij\"}\n{\"prompt\": \"ab\", \"completion\": \"c\"}\n"
      "{\"prompt\": \"abcde\", \"completion\": \"fgh\"}\n{\"prompt\": \"\", \"completion\": \"x\"}\n"
      "{\"prompt\": \"abcdefghijklmnop\", \"completion\": \"q\"}\n");
  const Documents& documents = load({"a.jsonl"});
  const DocumentMarks marks{{}, {257}};
  const auto chosen = search_sequences(documents, marks, {.length = 12, .ranking = 2, .finalists = 1});
  ASSERT_EQ(chosen.size(), 3u);
  EXPECT_EQ(chosen[0].tokens.size(), 11u);
  EXPECT_EQ(chosen[0].targets, (std::vector<int64_t>{7, 8, 9}));
  EXPECT_EQ(chosen[1].tokens, (std::vector<int32_t>{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 257}));
  EXPECT_EQ(chosen[1].targets, (std::vector<int64_t>{4, 5, 6, 7}));
  EXPECT_EQ(chosen[2].targets, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(describe_search_sequences(documents, marks, {.length = 12, .ranking = 2, .finalists = 1}),
            "the 3 longest of 4 examples up to 12, 4 to 11 tokens, 9 of them scored");
  expect_error(
      ErrorKind::kBadData,
      {"4 of the 5 validation examples fit into 12 tokens", "wanted 5: 3 to rank", "2 for finalists"},
      [&] { require_search_sequences(documents, marks, {.length = 12, .ranking = 3, .finalists = 2}); });
  expect_error(ErrorKind::kBadData, {"fits into 12 tokens has 11, wanted one of more than 11"}, [&] {
    require_search_sequences(documents, marks, {.length = 12, .ranking = 1, .beyond = 11});
  });
}

// One example per window, each as often as its weight says, whole, and none that is too long.
TEST_F(ExamplesTest, GradientsOfASearchAreOfWholeExamples) {
  write_bytes(folder_ / "a.jsonl", many(9));
  write_bytes(folder_ / "b.txt", std::string(200, '.'));
  const Documents& documents = load({"a.jsonl", "b.txt"});
  const DocumentMarks marks{{256}, {257}};
  const GradientWindows windows(documents, {.length = 64, .seed = 3, .marks = marks, .of_examples = true});
  std::map<std::vector<int32_t>, int> seen;
  for (int64_t i = 0; i < 18; ++i) {
    const SearchSequence window = windows.window(i);
    EXPECT_EQ(window.tokens.front(), 256);
    EXPECT_EQ(window.tokens.back(), 257);
    ASSERT_TRUE(window.targets);
    EXPECT_EQ(window.targets->back(), std::ssize(window.tokens) - 2);
    ++seen[window.tokens];
  }
  EXPECT_EQ(seen.size(), 9u);
  for (const auto& [tokens, times] : seen) EXPECT_EQ(times, 2);
  expect_error(ErrorKind::kBadData, {"gradient steps on the training text: no example of up to 4 tokens"},
               [&] { GradientWindows(documents, {.length = 4, .marks = marks, .of_examples = true}); });
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
