// Options of one verb: strict, and helpful where they are misspelt.
#include "launch/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

CommandLine sample_line() {
  CommandLine line{"help", "FILE", {}};
  line.options.add_options()("depth", po::value<int>()->default_value(3), "")(
      "verbose", po::bool_switch(), "")("item", po::value<std::vector<std::string>>()->composing(), "");
  return line;
}

std::string refusal(const std::vector<std::string>& arguments) {
  po::variables_map values;
  try {
    parse_command_line(sample_line(), arguments, values);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "";
}

TEST(CommandLine, ReadsOptionsAndThePositionalArgumentInAnyOrder) {
  po::variables_map values;
  ASSERT_TRUE(parse_command_line(sample_line(), {"--item", "a", "file", "--item=b", "--verbose"}, values));
  EXPECT_EQ(values["FILE"].as<std::string>(), "file");
  EXPECT_THAT(values["item"].as<std::vector<std::string>>(), ::testing::ElementsAre("a", "b"));
  EXPECT_TRUE(values["verbose"].as<bool>());
  EXPECT_EQ(values["depth"].as<int>(), 3);
}

TEST(CommandLine, HelpNeedsNothingElse) {
  po::variables_map values;
  EXPECT_FALSE(parse_command_line(sample_line(), {"--help"}, values));
}

TEST(CommandLine, MisspeltOptionsAreSuggested) {
  EXPECT_EQ(refusal({"f", "--dept", "4"}), "unknown option --dept; did you mean --depth?");
  EXPECT_EQ(refusal({"f", "--vebrose"}), "unknown option --vebrose; did you mean --verbose?");
  EXPECT_EQ(refusal({"f", "--wholly-other"}), "unknown option --wholly-other; see --help");
}

TEST(CommandLine, MissingAndSuperfluousArgumentsAreRefused) {
  EXPECT_EQ(refusal({}), "FILE is missing; see --help");
  EXPECT_EQ(refusal({"a", "b"}), "found several arguments, wanted one FILE; see --help");
  EXPECT_THAT(refusal({"f", "--depth", "4", "--depth", "5"}),
              ::testing::HasSubstr("cannot be specified more than once"));
  EXPECT_THAT(refusal({"f", "--depth", "deep"}),
              ::testing::HasSubstr("('deep') for option '--depth' is invalid"));
}

TEST(CommandLine, SeveralArgumentsHaveTheirNamesInOrder) {
  CommandLine line = sample_line();
  line.positional = "SOURCE TARGET";
  po::variables_map values;
  ASSERT_TRUE(parse_command_line(line, {"a", "--verbose", "b"}, values));
  EXPECT_EQ(values["SOURCE"].as<std::string>(), "a");
  EXPECT_EQ(values["TARGET"].as<std::string>(), "b");
  po::variables_map fewer;
  try {
    parse_command_line(line, {"a"}, fewer);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "TARGET is missing; see --help");
  }
}

TEST(CommandLine, ACommandIsWrittenAsAShellTakesItBack) {
  EXPECT_EQ(command_text("run", {"a.yaml", "--set", "run_dir=runs/x", "it's", "", "a b"}),
            "ropeway run a.yaml --set run_dir=runs/x 'it'\\''s' '' 'a b'");
}

TEST(CommandLine, ListsAreSplitAtCommas) {
  EXPECT_THAT(split_list("a"), ::testing::ElementsAre("a"));
  EXPECT_THAT(split_list("a,b,c"), ::testing::ElementsAre("a", "b", "c"));
  for (const char* text : {"", ",", "a,", ",a", "a,,b"}) EXPECT_THROW(split_list(text), Error) << text;
}

}  // namespace
}  // namespace ropeway
