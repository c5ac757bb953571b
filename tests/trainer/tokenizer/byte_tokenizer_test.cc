#include "trainer/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/random.h"
#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

std::string mixed_text() {
  std::string text =
      "It is a truth universally acknowledged,\r\nthat \xC3\xA9t\xC3\xA9 isn't \xF0\x9F\xA6\x80 "
      "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7 \xE4\xB8\xAD\xE6\x96\x87\t  3.14159  \n\n\xEF\xBB\xBF";
  text += std::string("\0nul\0\x7F\x01", 7);
  text +=
      "\xC2\xA0\xC2\xAD\xC4\xA0 end";  // no-break space, soft hyphen, and the stand-in of the space itself
  return text;
}

std::vector<int32_t> ids_of_lines(const std::string& lines) {
  std::istringstream in(lines);
  return {std::istream_iterator<int32_t>(in), {}};
}

TEST(ByteTokenizer, GivesTheIdsAndTextOfHuggingFaceTokenizers) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({"<|endoftext|>", "<|pad|>"}));
  write_bytes(folder / "text", mixed_text());
  const std::string output = run_python(R"(
import sys, tokenizers
folder = sys.argv[1]
tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
text = open(folder + "/text", "rb").read().decode()
ids = tokenizer.encode(text).ids
assert tokenizer.decode(ids) == text
assert tokenizer.get_vocab_size() == 258
assert tokenizer.decode([104, 256, 257], skip_special_tokens=False) == "h<|endoftext|><|pad|>"
print("\n".join(map(str, ids)))
)",
                                        folder.path().string());
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->encode(mixed_text()), ids_of_lines(output));
  EXPECT_EQ(tokenizer->vocab_size(), 258);
  EXPECT_EQ(tokenizer->decode({104, 256, 257}), "h<|endoftext|><|pad|>");
}

TEST(ByteTokenizer, ReadsAFileThatHuggingFaceTokenizersSaved) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  run_python(R"(
import sys, tokenizers
from tokenizers import models, pre_tokenizers, decoders
printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
vocab, extra = {}, 0
for byte in range(256):
    if byte in printing:
        vocab[chr(byte)] = byte
    else:
        vocab[chr(256 + extra)] = byte
        extra += 1
tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_special_tokens(["<s>", "</s>", "<unk>"])
tokenizer.save(sys.argv[1] + "/tokenizer.json")
)",
             folder.path().string());
  const auto tokenizer = load_tokenizer(folder.path());
  EXPECT_EQ(tokenizer->vocab_size(), 259);
  EXPECT_EQ(tokenizer->decode({256, 97, 257, 258}), "<s>a</s><unk>");
}

TEST(ByteTokenizer, EveryByteStringComesBackUnchanged) {
  const auto tokenizer = make_byte_tokenizer();
  std::string text;
  Philox random(7, Stream::kInit);
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  for (int i = 0; i < 5000; ++i)
    text.push_back(static_cast<char>(random.below(256)));  // mostly invalid UTF-8
  const std::vector<int32_t> ids = tokenizer->encode(text);
  ASSERT_EQ(ids.size(), text.size());
  for (int32_t byte = 0; byte < 256; ++byte) EXPECT_EQ(ids[static_cast<size_t>(byte)], byte);
  EXPECT_EQ(tokenizer->decode(ids), text);
}

TEST(ByteTokenizer, TheTextOfASpecialTokenIsOnlyText) {
  const TempDir folder;
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({"<s>"}));
  EXPECT_EQ(load_tokenizer(folder.path())->encode("a<s>"), (std::vector<int32_t>{'a', '<', 's', '>'}));
}

TEST(ByteTokenizer, DecodingAnIdOutsideTheVocabularyNamesIt) {
  const auto error = error_of([] { make_byte_tokenizer()->decode({65, 256}); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr("token 1 has id 256"));
}

TEST(ByteTokenizer, FingerprintTellsVocabulariesApart) {
  const TempDir folder;
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({"<s>"}));
  const std::string with_special = load_tokenizer(folder.path())->fingerprint();
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({"<t>"}));
  EXPECT_NE(load_tokenizer(folder.path())->fingerprint(), with_special);
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({}));
  EXPECT_EQ(load_tokenizer(folder.path())->fingerprint(), make_byte_tokenizer()->fingerprint());
}

TEST(ByteTokenizer, TheTextOfASpecialTokenIsThatTokenWhenAskedFor) {
  const TempDir folder;
  write_bytes(folder / "tokenizer.json", byte_tokenizer_json({"<s>", "<s>x"}));
  EXPECT_EQ(load_tokenizer(folder.path())->encode("a<s><s>x", {.read_special_tokens = true}),
            (std::vector<int32_t>{'a', 256, 257}));
}

// A file that is almost of this kind is read by the general reader and gives the ids it says.
TEST(ByteTokenizer, AFileWithOtherStepsGivesOtherIds) {
  const TempDir folder;
  Json root = Json::parse(byte_tokenizer_json({"<s>"}));
  root["pre_tokenizer"]["add_prefix_space"] = true;
  write_bytes(folder / "tokenizer.json", root.dump());
  EXPECT_EQ(load_tokenizer(folder.path())->encode("ab"), (std::vector<int32_t>{' ', 'a', 'b'}));
  root["pre_tokenizer"]["add_prefix_space"] = false;
  root["model"]["vocab"]["a"] = 98;
  root["model"]["vocab"]["b"] = 97;
  write_bytes(folder / "tokenizer.json", root.dump());
  EXPECT_EQ(load_tokenizer(folder.path())->encode("ab"), (std::vector<int32_t>{98, 97}));
}

}  // namespace
}  // namespace ropeway
