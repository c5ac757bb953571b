// The stream of joined documents, against what each pass must hold.
#include "trainer/data/document_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

constexpr int32_t kBos = 256, kEos = 257;

class DocumentStreamTest : public ::testing::Test {
 protected:
  // One folder is one pattern.
  void write(const std::string& name, const std::string& text) { write_bytes(folder_ / name, text); }
  const Documents& load(const std::vector<std::string>& folders) {
    std::vector<std::string> patterns;
    for (const std::string& name : folders) patterns.push_back((folder_ / (name + "/*")).string());
    documents_.emplace(
        load_documents(*make_world_of_one(), patterns, *make_byte_tokenizer(), folder_ / "cache"));
    return *documents_;
  }
  // The texts between BOS and EOS of whole passes, in their order.
  static std::vector<std::string> texts_in(const std::vector<int32_t>& tokens) {
    std::vector<std::string> texts;
    bool open = false;
    for (const int32_t token : tokens) {
      if (token == kBos) {
        EXPECT_FALSE(open) << "a document starts within another";
        open = true;
        texts.emplace_back();
      } else if (token == kEos) {
        EXPECT_TRUE(open);
        open = false;
      } else {
        EXPECT_TRUE(open) << "a token between documents";
        texts.back().push_back(static_cast<char>(token));
      }
    }
    EXPECT_FALSE(open) << "a pass ends within a document";
    return texts;
  }

  TempDir folder_;
  std::optional<Documents> documents_;
  const DocumentMarks marks_{{kBos}, {kEos}};
};

TEST_F(DocumentStreamTest, EveryPassHoldsEveryTokenOnceInAnOrderOfItsOwn) {
  std::vector<std::string> texts;
  for (int i = 0; i < 12; ++i) {
    texts.push_back(std::string(static_cast<size_t>(1 + 7 * i % 23), static_cast<char>('a' + i)));
    write(fmt::format("text/{:02}", i), texts.back());
  }
  const MarkedDocuments marked(load({"text"}), marks_);
  const DocumentStream stream(marked, 5);
  const int64_t pass = stream.pass_tokens(0);
  int64_t expected = 0;
  for (const std::string& text : texts) expected += static_cast<int64_t>(text.size()) + 2;
  EXPECT_EQ(pass, expected);
  std::vector<std::vector<std::string>> orders;
  for (int64_t p = 0; p < 4; ++p) {
    orders.push_back(texts_in(stream.stretch(p * pass, pass).tokens));
    EXPECT_THAT(orders.back(), UnorderedElementsAreArray(texts));
    EXPECT_NE(orders.back(), texts) << "the order of the files";
    EXPECT_EQ(std::count(orders.begin(), orders.end(), orders.back()), 1);
  }
  EXPECT_NE(texts_in(DocumentStream(marked, 6).stretch(0, pass).tokens), orders[0]);
  EXPECT_EQ(texts_in(DocumentStream(marked, 5).stretch(2 * pass, pass).tokens), orders[2]);
}

// What does not fill a window at the end of a pass is at the start of the next one; cut anyhow, in any order
// and on any thread, the stream is the same.
TEST_F(DocumentStreamTest, CutIntoWindowsItIsTheSameStream) {
  for (int i = 0; i < 5; ++i) {
    write(fmt::format("text/{}", i), std::string(static_cast<size_t>(3 + 5 * i), static_cast<char>('a' + i)));
  }
  const MarkedDocuments marked(load({"text"}), marks_);
  const DocumentStream whole(marked, 1), cut(marked, 1);
  const int64_t total = 4 * whole.pass_tokens(0);
  const std::vector<int32_t> expected = whole.stretch(0, total).tokens;
  constexpr int64_t kLength = 17;
  std::mutex mutex;
  const auto check = [&](int64_t step) {
    for (int64_t i = 0; i < total / kLength; ++i) {
      const int64_t window = i * step % (total / kLength);
      const auto stretch = cut.stretch(window * kLength, kLength);
      const auto from = expected.begin() + window * kLength;
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(std::equal(from, from + kLength, stretch.tokens.begin(), stretch.tokens.end()));
      std::vector<int64_t> starts{0};
      for (int64_t t = 1; t < kLength; ++t) {
        if (stretch.tokens[static_cast<size_t>(t)] == kBos) starts.push_back(t);
      }
      EXPECT_EQ(stretch.starts, starts);
    }
  };
  std::vector<std::thread> threads;
  for (const int64_t step : {1, 3, 5}) threads.emplace_back(check, step);
  for (std::thread& thread : threads) thread.join();
}

// Each window once, and those of a pass before those of the next.
TEST_F(DocumentStreamTest, TheWindowsOfAPassComeInARandomOrder) {
  write("text/a", std::string(997, 'a'));
  write("text/b", "b");
  const MarkedDocuments marked(load({"text"}));
  const DocumentStream stream(marked, 4);
  for (const int64_t length : {1, 7, 64, 998, 1500}) {
    std::vector<int64_t> begins, sorted;
    const int64_t windows = (3 * 998 + length - 1) / length;  // that begin in the first three passes
    for (int64_t i = 0; i < windows; ++i) {
      begins.push_back(stream.window_begin(i, length));
      EXPECT_EQ(begins.back() / 998, i * length / 998) << "in another pass";
    }
    sorted = begins;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < windows; ++i) ASSERT_EQ(sorted[static_cast<size_t>(i)], i * length);
    if (windows < 20) continue;
    EXPECT_NE(begins, sorted);
    int64_t neighbours = 0;
    for (size_t i = 1; i < begins.size(); ++i) neighbours += begins[i] == begins[i - 1] + length;
    EXPECT_LT(neighbours, windows / 8) << length;
  }
}

TEST_F(DocumentStreamTest, WeightsAreCopiesPerPassAndFractionsEvenOutOverPasses) {
  for (int i = 0; i < 40; ++i) {
    write(fmt::format("once/{:02}", i), fmt::format("o{}", i));
    write(fmt::format("twice/{:02}", i), fmt::format("t{}", i));
    write(fmt::format("some/{:02}", i), fmt::format("s{}", i));
  }
  const MarkedDocuments marked(load({"once", "twice", "some"}), marks_, {1, 2, 0.3});
  const DocumentStream stream(marked, 9);
  std::map<std::string, int> seen;
  int64_t begin = 0;
  constexpr int64_t kPasses = 10;
  for (int64_t p = 0; p < kPasses; ++p) {
    const int64_t tokens = stream.pass_tokens(p);
    std::map<std::string, int> here;
    for (const std::string& text : texts_in(stream.stretch(begin, tokens).tokens)) ++here[text];
    int some = 0;
    for (const auto& [text, count] : here) {
      if (text[0] == 's') {
        ++some;
      } else {
        EXPECT_EQ(count, text[0] == 'o' ? 1 : 2) << text;
      }
      seen[text] += count;
    }
    EXPECT_NEAR(some, 40 * 0.3, 4 * std::sqrt(40 * 0.3 * 0.7)) << "pass " << p;
    begin += tokens;
  }
  for (const auto& [text, count] : seen) {
    EXPECT_EQ(count, text[0] == 'o' ? kPasses : text[0] == 't' ? 2 * kPasses : 3) << text;
  }
  EXPECT_EQ(seen.size(), 120u);
}

TEST_F(DocumentStreamTest, DocumentsOfOneTokenAndASinglePassOfOne) {
  write("text/a", "x");
  const MarkedDocuments bare(load({"text"}));
  EXPECT_THAT(DocumentStream(bare, 0).stretch(7, 3).tokens, ElementsAre('x', 'x', 'x'));
  EXPECT_THAT(DocumentStream(bare, 0).stretch(7, 3).starts, ElementsAre(0, 1, 2));
}

// Ready-made ids may bring their marks with them.
TEST_F(DocumentStreamTest, ADocumentsOwnMarksAreNotDoubled) {
  write("text/a", "<hi>");
  const DocumentMarks angles{{'<'}, {'>'}};
  const MarkedDocuments marked(load({"text"}), angles);
  EXPECT_EQ(marked.size(0), 4);
  EXPECT_THAT(DocumentStream(marked, 0).stretch(0, 5).tokens, ElementsAre('<', 'h', 'i', '>', '<'));
  const MarkedDocuments other(*documents_, marks_);
  EXPECT_EQ(other.size(0), 6);
  EXPECT_THAT(DocumentStream(other, 0).stretch(0, 6).tokens, ElementsAre(kBos, '<', 'h', 'i', '>', kEos));
}

TEST_F(DocumentStreamTest, WindowsOfTextStartWithTheMarks) {
  write("text/a", "abcdefghij");
  write("text/b", "klm");
  const MarkedDocuments marked(load({"text"}), {{kBos}, {}});
  EXPECT_THAT(whole_document_windows(marked, 4, 5),
              ElementsAre(ElementsAre(kBos, 'a', 'b', 'c'), ElementsAre(kBos, 'k', 'l', 'm'),
                          ElementsAre(kBos, 'd', 'e', 'f'), ElementsAre(kBos, 'g', 'h', 'i')));
  const auto error = error_of([&] { marked.text_tokens(1); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

}  // namespace
}  // namespace ropeway
