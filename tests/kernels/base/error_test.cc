#include "kernels/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ropeway {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

std::string message_of(const std::string& text) {
  return failure_of(std::make_exception_ptr(Error(ErrorKind::kBadData, text))).message;
}

TEST(Failure, KeepsMessagesOfOrdinaryLines) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += fmt::format("a.yaml:{}: {}\n", i, std::string(1000, 'x'));
  EXPECT_EQ(message_of(lines), lines);
  EXPECT_EQ(message_of(""), "");
  EXPECT_EQ(message_of("\n\n"), "\n\n");
}

TEST(Failure, CutsALineThatQuotesMegabytesBetweenItsEndsAndCharacters) {
  std::string quoted;
  for (int i = 0; i < 500000; ++i) quoted += "\xE2\x82\xAC";
  for (const std::string shift : {"", "a", "ab"}) {
    const std::string message = message_of("file:1: found '" + shift + quoted + "', wanted less\nsecond");
    EXPECT_LT(message.size(), 2100u);
    EXPECT_THAT(message, StartsWith("file:1: found '" + shift + "\xE2\x82\xAC"));
    EXPECT_THAT(message, EndsWith("\xE2\x82\xAC', wanted less\nsecond"));
    EXPECT_NE(message.find("\xE2\x82\xAC ... \xE2\x82\xAC"), std::string::npos);
  }
}

}  // namespace
}  // namespace ropeway
