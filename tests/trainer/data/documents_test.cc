#include "trainer/data/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <mutex>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/marked_documents.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DocumentsTest : public ::testing::Test {
 protected:
  Documents load(const std::vector<std::string>& patterns) {
    const auto world = make_world_of_one();
    return load_documents(*world, patterns, *tokenizer_, folder_ / "cache");
  }
  Documents load_all() { return load({(folder_ / "text/*.txt").string()}); }
  std::optional<Error> error_of_loading(const std::vector<std::string>& patterns) {
    return error_of([&] { load(patterns); });
  }
  std::string text_of(const Documents& documents, size_t i) {
    const auto ids = documents.tokens(i);
    return tokenizer_->decode({ids.begin(), ids.end()});
  }
  std::vector<std::string> names_of(const Documents& documents) {
    std::vector<std::string> names;
    for (size_t i = 0; i < documents.count(); ++i) names.push_back(fs::path(documents.name(i)).filename());
    return names;
  }
  std::vector<fs::path> cache_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) files.push_back(entry.path());
    return files;
  }

  TempDir folder_;
  std::unique_ptr<Tokenizer> tokenizer_ = make_byte_tokenizer();
};

TEST_F(DocumentsTest, KeepFilesApartInByteOrderOfTheirNames) {
  write_bytes(folder_ / "text/b.txt", "second");
  write_bytes(folder_ / "text/a.txt", std::string("fi\0rst\r\n", 8));
  write_bytes(folder_ / "text/Z.txt", "capital");
  write_bytes(folder_ / "text/.hidden.txt", "not this");
  write_bytes(folder_ / "text/c.text", "nor this");
  fs::create_directories(folder_ / "text/folder.txt");
  const Documents documents = load_all();
  EXPECT_THAT(names_of(documents), ElementsAre("Z.txt", "a.txt", "b.txt"));
  EXPECT_EQ(text_of(documents, 1), std::string("fi\0rst\r\n", 8));
  EXPECT_EQ(text_of(documents, 2), "second");
  EXPECT_EQ(documents.bytes(2), 6);
  EXPECT_EQ(documents.total_tokens(), 7 + 8 + 6);
}

TEST_F(DocumentsTest, LinesOfJsonAreDocumentsOfTheirOwnInOneCacheFile) {
  write_bytes(folder_ / "text/a.jsonl",
              "{\"text\": \"first\"}\n\n{\"text\": \"\"}\n{\"text\": \"zw\\u00f6lf\"}\n");
  write_bytes(folder_ / "text/b.txt", "plain");
  for (int again = 0; again < 2; ++again) {  // encoded, then from the cache
    const Documents documents = load({(folder_ / "text/*").string()});
    EXPECT_THAT(names_of(documents), ElementsAre("a.jsonl:1", "a.jsonl:4", "b.txt"));
    EXPECT_EQ(text_of(documents, 0), "first");
    EXPECT_EQ(text_of(documents, 1), "zw\xC3\xB6lf");
    EXPECT_EQ(text_of(documents, 2), "plain");
    EXPECT_EQ(documents.bytes(1), 6);
    EXPECT_EQ(documents.total_tokens(), 5 + 6 + 5);
    EXPECT_EQ(cache_files().size(), 2u);
  }
}

TEST_F(DocumentsTest, TheSameBytesUnderAnotherFormatHaveAnotherCacheFile) {
  write_bytes(folder_ / "text/a.jsonl", "{\"text\": \"first\"}");
  write_bytes(folder_ / "text/a.txt", "{\"text\": \"first\"}");
  const Documents documents = load({(folder_ / "text/*").string()});
  EXPECT_EQ(text_of(documents, 0), "first");
  EXPECT_EQ(text_of(documents, 1), "{\"text\": \"first\"}");
  EXPECT_EQ(cache_files().size(), 2u);
}

TEST_F(DocumentsTest, WhatWasCountedComesFromTheCacheAsItWas) {
  write_bytes(folder_ / "text/a.jsonl", "{\"text\": \"a\\ud83d\"}\n{\"text\": null}\n{\"text\": \"\"}\n");
  write_bytes(folder_ / "text/b.txt", std::string(2000, 'b') + "\xFF");
  for (int again = 0; again < 2; ++again) {  // encoded, then from the cache
    const Documents documents = load({(folder_ / "text/b.txt").string(), (folder_ / "text/*").string()});
    ASSERT_EQ(documents.sources().size(), 2u);
    const SourceFacts &b = documents.sources()[0], &a = documents.sources()[1];
    EXPECT_EQ(a.kind, "JSON lines");
    EXPECT_EQ(a.pattern, 1u);
    EXPECT_EQ(a.documents, 1);
    EXPECT_EQ(a.text_bytes, 4);
    EXPECT_EQ(a.tokens, 4);
    EXPECT_EQ(a.counts.lone_surrogates, 1);
    EXPECT_EQ(a.counts.null_texts, 1);
    EXPECT_EQ(a.counts.empty_texts, 1);
    EXPECT_EQ(b.kind, "plain text");
    EXPECT_EQ(b.counts.replaced_bytes, 1);
    EXPECT_EQ(b.counts.file_bytes, 2001);
    EXPECT_EQ(documents.source(1), 1u);
  }
}

TEST_F(DocumentsTest, ABadLineLeavesNoCacheFileBehind) {
  write_bytes(folder_ / "text/a.jsonl", "{\"text\": \"first\"}\nnothing\n");
  const auto error = error_of_loading({(folder_ / "text/a.jsonl").string()});
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("a.jsonl:2"));
  EXPECT_TRUE(cache_files().empty());
}

// Runs that were begun before a change of the cache's layout go on: the fingerprint in their state is of the
// data.
TEST_F(DocumentsTest, TheFingerprintOfPlainTextIsWhatItWas) {
  write_bytes(folder_ / "text/a.txt", "some text");
  EXPECT_EQ(load_all().fingerprint(), "5d32905ef495a322fed1edc647db3ce3a4a1ed9f4f28cf1cbcef47b3400cfce7");
}

TEST_F(DocumentsTest, PatternsKeepTheirOrderAndAFileMatchedTwiceIsOneDocument) {
  for (const std::string name : {"ab", "acb", "a-b-b", "b", "ba"})
    write_bytes(folder_ / ("text/" + name), name);
  EXPECT_THAT(names_of(load({(folder_ / "text/b").string(), (folder_ / "text/a*b").string(),
                             (folder_ / "text/../text/ab").string()})),
              ElementsAre("b", "a-b-b", "ab", "acb"));
  EXPECT_THAT(names_of(load({(folder_ / "text/*").string()})), ElementsAre("a-b-b", "ab", "acb", "b", "ba"));
  EXPECT_THAT(names_of(load({(folder_ / "text/*-*").string()})), ElementsAre("a-b-b"));
}

TEST_F(DocumentsTest, AnIntactCacheFileIsUsedAgain) {
  write_bytes(folder_ / "text/a.txt", "some text");
  load_all();
  ASSERT_EQ(cache_files().size(), 1u);
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(cache_files()[0].c_str(), &before), 0);
  EXPECT_EQ(text_of(load_all(), 0), "some text");
  ASSERT_EQ(::stat(cache_files()[0].c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(DocumentsTest, AChangedSourceGetsAnotherCacheFile) {
  write_bytes(folder_ / "text/a.txt", "some text");
  const Documents before = load_all();
  write_bytes(folder_ / "text/a.txt", "same size");
  const Documents after = load_all();
  EXPECT_EQ(text_of(before, 0), "some text");
  EXPECT_EQ(text_of(after, 0), "same size");
  EXPECT_NE(before.fingerprint(), after.fingerprint());
  EXPECT_EQ(cache_files().size(), 2u);
}

TEST_F(DocumentsTest, ATornCacheFileIsBuiltAgain) {
  write_bytes(folder_ / "text/a.txt", "some text");
  load_all();
  const fs::path cache = cache_files().at(0);
  const std::string whole = read_bytes(cache);
  for (size_t size = 0; size < whole.size(); size += 9) {
    write_bytes(cache, whole.substr(0, size));
    ASSERT_EQ(text_of(load_all(), 0), "some text") << size;
    ASSERT_EQ(read_bytes(cache), whole) << size;
  }
  write_bytes(cache, whole + std::string(4, '\0'));
  EXPECT_EQ(text_of(load_all(), 0), "some text");
  EXPECT_EQ(read_bytes(cache), whole);
}

TEST_F(DocumentsTest, AFlippedBitInAnyFieldOfTheCacheIsFoundAndTheFileBuiltAgain) {
  write_bytes(folder_ / "text/a.txt", "some text");
  load_all();
  const fs::path cache = cache_files().at(0);
  const std::string whole = read_bytes(cache);
  for (size_t byte = 0; byte < whole.size(); ++byte) {
    std::string spoiled = whole;
    spoiled[byte] = static_cast<char>(spoiled[byte] ^ (1 << (byte % 8)));
    write_bytes(cache, spoiled);
    ASSERT_EQ(text_of(load_all(), 0), "some text") << byte;
    ASSERT_EQ(read_bytes(cache), whole) << byte;
  }
}

TEST_F(DocumentsTest, WhatAKilledRunLeftBehindIsNotUsed) {
  write_bytes(folder_ / "text/a.txt", "some text");
  load_all();
  const fs::path cache = cache_files().at(0);
  fs::rename(cache, cache.string() + ".tmp");
  EXPECT_EQ(text_of(load_all(), 0), "some text");
  EXPECT_TRUE(fs::exists(cache));
}

TEST_F(DocumentsTest, AMappingOutlivesItsReplacedFile) {
  write_bytes(folder_ / "text/a.txt", "some text");
  const Documents documents = load_all();
  fs::remove_all(folder_ / "cache");
  EXPECT_EQ(text_of(documents, 0), "some text");
}

TEST_F(DocumentsTest, TheFingerprintIsOfNamesAndContentsNotOfTheFolder) {
  write_bytes(folder_ / "one/a.txt", "some text");
  write_bytes(folder_ / "two/a.txt", "some text");
  write_bytes(folder_ / "two/b.txt", "some text");
  const auto of = [&](const std::string& name) { return load({(folder_ / name).string()}).fingerprint(); };
  EXPECT_EQ(of("one/a.txt"), of("two/a.txt"));
  EXPECT_NE(of("two/a.txt"), of("two/b.txt"));
  EXPECT_NE(of("two/a.txt"), of("two/*"));
}

TEST_F(DocumentsTest, MissingInputNamesThePattern) {
  write_bytes(folder_ / "text/a.txt", "text");
  for (const std::string pattern : {"text/b.txt", "text/*.md", "nowhere/*.txt", "text"}) {
    const auto error = error_of_loading({(folder_ / "text/a.txt").string(), (folder_ / pattern).string()});
    ASSERT_TRUE(error.has_value()) << pattern;
    EXPECT_EQ(error->kind(), ErrorKind::kMissingInput) << pattern;
    EXPECT_THAT(error->what(), HasSubstr((folder_ / pattern).string()));
  }
}

TEST_F(DocumentsTest, AStarInTheFolderIsAnErrorOfTheRecipe) {
  const auto error = error_of_loading({(folder_ / "*/a.txt").string()});
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kConfig);
}

TEST_F(DocumentsTest, AnEmptyFileIsBadData) {
  write_bytes(folder_ / "text/a.txt", "text");
  write_bytes(folder_ / "text/empty.txt", "");
  const auto error = error_of_loading({(folder_ / "text/*.txt").string()});
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("empty.txt"));
}

TEST_F(DocumentsTest, ACacheFolderThatIsAFileCannotBeCreated) {
  write_bytes(folder_ / "text/a.txt", "text");
  write_bytes(folder_ / "cache", "a file");
  const auto error = error_of_loading({(folder_ / "text/a.txt").string()});
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kCannotCreate);
}

TEST_F(DocumentsTest, EveryRankHasTheSame) {
  write_bytes(folder_ / "text/a.txt", "first");
  write_bytes(folder_ / "text/b.txt", "second");
  std::mutex mutex;
  std::vector<std::string> seen;
  run_thread_world(3, [&](Communicator& world) {
    const Documents documents =
        load_documents(world, {(folder_ / "text/*").string()}, *tokenizer_, folder_ / "cache");
    const std::lock_guard lock(mutex);
    seen.push_back(documents.name(1) + text_of(documents, 0) + text_of(documents, 1) +
                   documents.fingerprint());
  });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
  EXPECT_THAT(seen[0], HasSubstr("firstsecond"));
}

TEST_F(DocumentsTest, EveryRankFailsAlike) {
  std::mutex mutex;
  std::vector<ErrorKind> kinds;
  run_thread_world(3, [&](Communicator& world) {
    const auto error = error_of(
        [&] { load_documents(world, {(folder_ / "none.txt").string()}, *tokenizer_, folder_ / "cache"); });
    const std::lock_guard lock(mutex);
    if (error) kinds.push_back(error->kind());
  });
  EXPECT_EQ(kinds, std::vector<ErrorKind>(3, ErrorKind::kMissingInput));
}

TEST_F(DocumentsTest, TooShortATextIsNamedWithItsSize) {
  write_bytes(folder_ / "text/a.txt", "12345");
  write_bytes(folder_ / "text/b.txt", "123456789");
  const Documents documents = load_all();
  EXPECT_FALSE(error_of([&] { require_document_of(MarkedDocuments(documents), 9, "training"); }).has_value());
  const auto error = error_of([&] { require_document_of(MarkedDocuments(documents), 10, "training"); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("training"));
  EXPECT_THAT(error->what(), HasSubstr("10 tokens"));
  EXPECT_THAT(error->what(), HasSubstr("a.txt: 5"));
  EXPECT_THAT(error->what(), HasSubstr("b.txt: 9"));
}

TEST_F(DocumentsTest, WholeDocumentWindowsTakeEveryDocumentBeforeTheNextStretchOfOne) {
  write_bytes(folder_ / "text/a.txt", "aaabbbccc-");
  write_bytes(folder_ / "text/b.txt", "dd");
  write_bytes(folder_ / "text/c.txt", "eeefff");
  const Documents documents = load_all();
  const auto texts = [&](int64_t limit) {
    std::vector<std::string> result;
    for (const auto& window : whole_document_windows(MarkedDocuments(documents), 3, limit)) {
      result.push_back(tokenizer_->decode(window));
    }
    return result;
  };
  EXPECT_THAT(texts(2), ElementsAre("aaa", "eee"));
  EXPECT_THAT(texts(4), ElementsAre("aaa", "eee", "bbb", "fff"));
  EXPECT_THAT(texts(100), ElementsAre("aaa", "eee", "bbb", "fff", "ccc"));
  EXPECT_TRUE(whole_document_windows(MarkedDocuments(documents), 11, 5).empty());
}

}  // namespace
}  // namespace ropeway
