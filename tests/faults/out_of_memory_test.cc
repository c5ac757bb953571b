// A stage that needs more memory than the process may have: one message with the parts and three suggestions,
// the same code from every rank.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

// A tiny model with very wide attention over 1M tokens: its projections alone are 25 GB in all.
std::string wide_recipe(const Scratch& scratch) {
  std::string text;
  while (text.size() < (1 << 20) + 100) text += "the quick brown fox jumps over the lazy dog. ";
  const std::string file = scratch.file("long.txt", text);
  return scratch.file("wide.yaml",
                      "name: wide\nmodel:\n  architecture: {vocab_size: 258, hidden_size: 64, "
                      "intermediate_size: 64, num_layers: 1, "
                      "num_heads: 128, num_kv_heads: 128, head_dim: 16, window: 1M}\ndata: {train: [" +
                          file + "], cache: " + scratch.name("cache") + "}\nrun_dir: " + scratch.name("run") +
                          "\nstages:\n  - {name: base, kind: pretrain, length: 1M, steps: 1}\n");
}

class OutOfMemory : public ::testing::TestWithParam<int> {};

TEST_P(OutOfMemory, IsOneMessageWithPartsAndSuggestions) {
  const Scratch scratch;
  const int ranks = GetParam();
  const std::string limit = "ulimit -v 6000000\n";  // KiB
  const std::string start = ranks == 1 ? "exec {} " : "exec mpirun -n " + std::to_string(ranks) + " {} ";
  const Ended ended = run_shell(limit + start + "run " + wide_recipe(scratch));
  EXPECT_EQ(ended.code, 80) << ended.err;
  const std::string words = own_words(ended);
  EXPECT_EQ(times(words, "out of memory"), 1) << words;
  EXPECT_THAT(words, HasSubstr("stage base: out of memory ("));
  EXPECT_THAT(words, HasSubstr("you tried to allocate"));
  EXPECT_THAT(words, HasSubstr("a rank: transients "));
  EXPECT_EQ(times(words, "\n  to need less: "), 3) << words;
  EXPECT_THAT(words, HasSubstr("sequence ranks (mesh.sequence: "));
}

INSTANTIATE_TEST_SUITE_P(Ranks, OutOfMemory, ::testing::Values(1, 2), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace ropeway
