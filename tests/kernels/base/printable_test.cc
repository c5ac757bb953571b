#include "kernels/base/printable.h"

#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(Printable, LeavesTextAsItIs) {
  const std::string text = "naïve \u00a0 日本語\tone\ntwo\n";
  EXPECT_EQ(printable(text), text);
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(printable("a\rb\x7f"), "a\\x0db\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\u0085\u009b31m\u00a9"), "\\u0085\\u009b31m\u00a9");
  EXPECT_EQ(printable("\xc2"), "\xc2");
}

}  // namespace
}  // namespace ropeway
