// Texts that are missing, empty or too short, for whichever stage, before the run folder is made.
#include <sys/stat.h>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

const std::string kTune =
    "  - {name: tune, kind: finetune, from: none, makes: t, length: 512, steps: 1, batch_sequences: 2}\n";
const std::string kSearch =
    "  - {name: wide, kind: search, from: none, makes: w, length: 512, documents: 2, finalist_documents: 1, "
    "gradient_steps: 1}\n";

struct BadText {
  const char* name;
  const char* split;
  size_t bytes;  // of the text; 0: an empty file
  std::string stages;
  std::vector<std::string> said;
};
void PrintTo(const BadText& text, std::ostream* out) { *out << text.name; }

class TextFiles : public testing::TestWithParam<BadText> {};

TEST_P(TextFiles, AreRefusedBeforeAnythingIsWritten) {
  const TempDir scratch;
  const std::string text = scratch.file("bad.txt", std::string(GetParam().bytes, 'a'));
  const std::string recipe = small_recipe(scratch, kEvaluateStage + GetParam().stages);
  std::vector<std::string> said = {text};
  said.insert(said.end(), GetParam().said.begin(), GetParam().said.end());
  expect_refusal("run " + recipe + " --set data." + GetParam().split + "=[" + text + "]",
                 {.code = 65, .said = said}, scratch.path() / "run");
}

INSTANTIATE_TEST_SUITE_P(
    All, TextFiles,
    testing::Values(BadText{"empty", "test", 0, "", {"empty"}},
                    BadText{"evaluation", "test", 255, "", {"stage score", "256 tokens", "bad.txt: 255"}},
                    BadText{"training", "train", 511, kTune, {"stage tune", "512 tokens", "bad.txt: 511"}},
                    BadText{"gradient", "train", 511, kSearch, {"stage wide", "512 tokens", "bad.txt: 511"}}),
    [](const auto& info) { return info.param.name; });

TEST(TextFiles, TooLittleForASearchSaysHowMuchThereIs) {
  const TempDir scratch;
  const std::string text = scratch.file("bad.txt", std::string(3 * 512 - 1, 'a'));
  expect_refusal("run " + small_recipe(scratch, kSearch) + " --set data.validation=[" + text + "]",
                 {.code = 65, .said = {"stage wide", "2 disjoint windows of 512", "1535 tokens", "wanted 3"}},
                 scratch.path() / "run");
}

TEST(TextFiles, ABadLineOfJsonIsNamed) {
  const TempDir scratch;
  const std::string text =
      scratch.file("bad.jsonl", "{\"text\": \"" + std::string(300, 'a') + "\"}\n{\"text\": 5}\n");
  expect_refusal("evaluate " + kTinyBase + " --text " + text + " --cache " + scratch.name("cache"),
                 {.code = 65, .said = {text + ":2: text: found 5, wanted a string"}},
                 scratch.path() / "cache/none");
  expect_refusal("run " + small_recipe(scratch, kEvaluateStage) + " --set data.test=[" + text + "]",
                 {.code = 65, .said = {text + ":2"}}, scratch.path() / "run");
  EXPECT_TRUE(files_below(scratch.path() / "cache").empty());
}

TEST(TextFiles, APackedTextThatIsCutShortIsNamed) {
  const TempDir scratch;
  const std::string text = scratch.name("bad.txt.gz");
  ASSERT_EQ(run_shell("gzip -c tests/data/prose.txt | head -c 20000 > " + text).code, 0);
  expect_refusal("evaluate " + kTinyBase + " --text " + text + " --cache " + scratch.name("cache"),
                 {.code = 65, .said = {text + ": ends in the middle"}}, scratch.path() / "cache/none");
}

TEST(TextFiles, ADocumentOverTheLimitIsNamed) {
  const TempDir scratch;
  const std::string text = scratch.name("bomb.txt.gz");
  ASSERT_EQ(run_shell("head -c 30000000 /dev/zero | gzip -c > " + text).code, 0);
  expect_refusal("run " + small_recipe(scratch, kEvaluateStage) + " --set data.test=[" + text +
                     "] --set data.max_document=1000000",
                 {.code = 65, .said = {text + ": a document of more than 1000000 bytes"}},
                 scratch.path() / "run");
}

TEST(TextFiles, PackedLinesOfJsonAreScored) {
  const TempDir scratch;
  const std::string text = scratch.name("good.jsonl.gz");
  ASSERT_EQ(
      run_shell(
          "python3 -c \"import json; print(json.dumps({'text': open('tests/data/prose.txt').read()}))\" | "
          "gzip -c > " +
          text)
          .code,
      0);
  const std::string cache = " --windows 2 --lengths 256 --cache " + scratch.name("cache");
  const Ended packed = run_ropeway("evaluate " + kTinyBase + " --text " + text + cache);
  const Ended plain = run_ropeway("evaluate " + kTinyBase + " --text tests/data/prose.txt" + cache);
  EXPECT_EQ(packed.code, 0) << packed.err;
  EXPECT_EQ(packed.out, plain.out);
}

TEST(TextFiles, APipeASocketAndADeviceAreRefusedAtOnce) {
  const TempDir scratch;
  const std::string pipe = scratch.name("pipe.txt");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::pair<std::string, std::string> files[] = {{pipe, "is a pipe"}, {"/dev/zero", "is a device"}};
  for (const auto& [file, words] : files) {
    const Refusal refusal{.code = 66, .said = {file + ": " + words}};
    expect_refusal("evaluate " + kTinyBase + " --text " + file + " --cache " + scratch.name("cache"), refusal,
                   scratch.path() / "cache/none");
    expect_refusal("evaluate " + kTinyBase + " --tokens " + file, refusal, scratch.path() / "cache/none");
    expect_refusal("validate " + file, {.code = 66, .said = {file + ": " + words}, .ranks = {1}},
                   scratch.path() / "cache/none");
  }
}

TEST(TextFiles, TextInAnotherEncodingIsRefusedWithTheLineThatConvertsIt) {
  const TempDir scratch;
  std::string latin;
  for (int i = 0; i < 60; ++i) latin += "Caf\xE9, na\xEFve, d\xE9j\xE0 vu. ";
  const std::string text = scratch.file("latin.txt", latin);
  expect_refusal("evaluate " + kTinyBase + " --text " + text + " --cache " + scratch.name("cache"),
                 {.code = 65, .said = {text + ": 240 of 1320 bytes are not UTF-8", "iconv -f LATIN1"}},
                 scratch.path() / "cache/none");
}

// The same lines under every name and packing give the same score.
TEST(TextFiles, EveryKindOfTheSameTextIsScoredAlike) {
  const TempDir scratch;
  ASSERT_EQ(
      run_shell("python3 -c \"import bz2, gzip, json, lzma; t = open('tests/data/prose.txt').read()[:3000]; "
                "l = json.dumps({'text': t, 'meta': {'score': float('nan')}}) + '\\n'; p = '" +
                scratch.path().string() +
                "/'; open(p + 'a.txt', 'w').write(t); open(p + 'u.txt', 'wb').write(t.encode('utf-16')); "
                "open(p + 'a.jsonl', 'w').write(l + json.dumps({'text': None}) + '\\n'); "
                "open(p + 'a.json', 'w').write('[' + l + ']'); gzip.open(p + 'a.json.gz', 'wt').write(l); "
                "bz2.open(p + 'A.NDJSON.BZ2', 'wt').write(l); lzma.open(p + 'part-0', 'wt').write(l)\"")
          .code,
      0);
  const auto score = [&](const std::string& name) {
    const Ended ended = run_ropeway("evaluate " + kTinyBase + " --text " + scratch.name(name) +
                                    " --windows 2 --lengths 256 --cache " + scratch.name("cache"));
    EXPECT_EQ(ended.code, 0) << name << ended.err;
    return ended.out;
  };
  const std::string want = score("a.txt");
  for (const char* name : {"u.txt", "a.jsonl", "a.json", "a.json.gz", "A.NDJSON.BZ2", "part-0"}) {
    EXPECT_EQ(score(name), want) << name;
  }
}

TEST(TextFiles, AMissingTextIsNamed) {
  const TempDir scratch;
  for (const char* name : {"absent.txt", "absent/*.txt"}) {
    expect_refusal(
        "run " + small_recipe(scratch, kEvaluateStage) + " --set \"data.test=[" + scratch.name(name) + "]\"",
        {.code = 66, .said = {scratch.name(name)}}, scratch.path() / "run");
  }
}

TEST(TextFiles, AMissingTokenFileIsNamed) {
  const TempDir scratch;
  expect_refusal("evaluate " + kTinyBase + " --tokens " + scratch.name("absent.npy"),
                 {.code = 66, .said = {scratch.name("absent.npy")}}, scratch.path());
}

TEST(TextFiles, AFileThatHoldsNoTokensIsNamed) {
  const TempDir scratch;
  const std::string file = scratch.file("text.npy", "not an array");
  expect_refusal("evaluate " + kTinyBase + " --tokens " + file, {.code = 65, .said = {file}}, scratch.path());
}

}  // namespace
}  // namespace ropeway
