// Where a context ends and its continuation begins, in tokens. What Hugging Face's tokenizers make of it:
// tests/parity/choices_parity_test.cc.
#include "trainer/tasks/encode_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

EncodedPair encode(const std::string& context, const std::string& continuation, PairOptions options = {}) {
  if (options.window == 0) options.window = 100;
  return encode_pair(*make_byte_tokenizer(), context, continuation, options);
}

TEST(EncodePair, WhiteSpaceAtTheEndOfTheContextIsTheContinuations) {
  const EncodedPair plain = encode("ab", " c");
  EXPECT_THAT(plain.tokens, ElementsAre('a', 'b', ' ', 'c'));
  EXPECT_EQ(plain.continuation, 2);
  EXPECT_EQ(encode("ab ", "c").tokens, plain.tokens);
  EXPECT_EQ(encode("ab ", "c").continuation, 2);
  EXPECT_EQ(encode("ab \n\t", "c").continuation, 4);
  EXPECT_EQ(encode("ab\xc2\xa0", "c").continuation, 3);      // no-break space, two bytes
  EXPECT_EQ(encode("ab\x1c", "c").continuation, 2);          // Python strips the information separators too
  EXPECT_EQ(encode("ab\xe2\x80\x8b", "c").continuation, 1);  // zero width space is none
}

TEST(EncodePair, TheStartComesFirstAndIsContext) {
  const EncodedPair pair = encode("ab", "c", {.start = {1}});
  EXPECT_THAT(pair.tokens, ElementsAre(1, 'a', 'b', 'c'));
  EXPECT_EQ(pair.continuation, 1);
}

TEST(EncodePair, APrefixStandsForNoContext) {
  EXPECT_THAT(encode("", "cd", {.prefix = 2}).tokens, ElementsAre(2, 'c', 'd'));
  EXPECT_THAT(encode("", "cd", {.start = {1}, .prefix = 2}).tokens, ElementsAre(1, 'c', 'd'));
  EXPECT_EQ(encode(" ", "cd", {.prefix = 2}).continuation, 3);
  expect_error(ErrorKind::kBadData, {"cd", "no context"}, [] { encode("", "cd"); });
}

// A window of n tokens predicts n: one more token is kept.
TEST(EncodePair, WhatIsTooLongLosesItsFront) {
  const EncodedPair pair = encode("abcdef", "gh", {.start = {1}, .window = 4});
  EXPECT_THAT(pair.tokens, ElementsAre('d', 'e', 'f', 'g', 'h'));
  EXPECT_EQ(pair.continuation, 2);
  EXPECT_TRUE(pair.is_cut);
  EXPECT_FALSE(encode("abc", "gh", {.window = 4}).is_cut);
  expect_error(ErrorKind::kBadData, {"5 tokens", "window of 4"}, [] { encode("a", "bcdef", {.window = 4}); });
}

}  // namespace
}  // namespace ropeway
