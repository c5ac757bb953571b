// A stage that needs more memory than the process may have: one message with the parts and three suggestions,
// the same code from every rank.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

std::string long_text(const TempDir& scratch) {
  std::string text;
  while (text.size() < (1 << 20) + 100) text += "the quick brown fox jumps over the lazy dog. ";
  return scratch.file("long.txt", text);
}

// A tiny model with very wide attention: over 1M tokens its projections alone are 25 GB in all.
std::string wide_recipe(const TempDir& scratch, const std::string& length) {
  return scratch.file("wide.yaml",
                      "name: wide\nmodel:\n  architecture: {vocab_size: 258, hidden_size: 64, "
                      "intermediate_size: 64, num_layers: 1, "
                      "num_heads: 64, num_kv_heads: 64, head_dim: 32, window: 1M}\ndata: {train: [" +
                          long_text(scratch) + "], cache: " + scratch.name("cache") +
                          "}\nrun_dir: " + scratch.name("run") +
                          "\nstages:\n  - {name: base, kind: pretrain, length: " + length + ", steps: 1}\n");
}

// With less than 6 GB to allocate.
Ended run_within_limit(int ranks, const std::string& arguments) {
  const std::string start = ranks == 1 ? "exec {} " : "exec mpirun -n " + std::to_string(ranks) + " {} ";
  return run_shell("ulimit -v 6000000\n" + start + arguments);  // KiB
}

void expect_parts_and_suggestions(const Ended& ended, const std::string& who) {
  EXPECT_EQ(ended.code, 80) << ended.err;
  const std::string words = own_words(ended);
  EXPECT_EQ(times(words, "out of memory"), 1) << words;
  EXPECT_THAT(words, HasSubstr(who + ": out of memory ("));
  EXPECT_THAT(words, HasSubstr("you tried to allocate"));
  EXPECT_THAT(words, HasSubstr("per rank: transients "));
  EXPECT_EQ(times(words, "\n  to need less: "), 3) << words;
}

class OutOfMemory : public ::testing::TestWithParam<int> {};

TEST_P(OutOfMemory, IsOneMessageWithPartsAndSuggestions) {
  const TempDir scratch;
  const Ended ended = run_within_limit(GetParam(), "run " + wide_recipe(scratch, "1M"));
  expect_parts_and_suggestions(ended, "stage base");
  EXPECT_THAT(own_words(ended), HasSubstr("sequence ranks (mesh.sequence: "));
}

TEST_P(OutOfMemory, OfAnEvaluationNamesItsOptions) {
  const TempDir scratch;
  ASSERT_EQ(run_ropeway("run " + wide_recipe(scratch, "64")).code, 0);
  const Ended ended =
      run_within_limit(GetParam(), "evaluate " + scratch.name("run") + " --text " + scratch.name("long.txt") +
                                       " --lengths 1M --windows 1 --cache " + scratch.name("cache"));
  expect_parts_and_suggestions(ended, "evaluate");
  const std::string words = own_words(ended);
  for (const char* change : {"less: --dtype bf16: ", " ranks (mpirun -n ", "less: --lengths "}) {
    EXPECT_THAT(words, HasSubstr(change));
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, OutOfMemory, ::testing::Values(1, 2), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace ropeway
