// Mapped files that lose their content in the middle of a run, and ids that other programs made as training data.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

// A run of many steps whose token cache is emptied after its first ones.
Ended run_and_empty_the_cache(const TempDir& scratch, const std::string& program) {
  return run_shell(program + " run " + training_recipe(scratch) +
                   " --set stages.base.steps=1000000 & run=$!; for i in $(seq 600); do [ -s " +
                   scratch.name("run/metrics.jsonl") + " ] && break; sleep 0.1; done; truncate -s 0 " +
                   scratch.name("cache") + "/*.tokens; wait $run");
}

TEST(ShrinkingFiles, EndTheRunWithFileAndByte) {
  const TempDir scratch;
  const Ended ended = run_and_empty_the_cache(scratch, "{}");
  EXPECT_EQ(ended.code, 74) << ended.err;
  EXPECT_THAT(ended.err, testing::HasSubstr("ropeway: " + scratch.name("cache")));
  EXPECT_THAT(ended.err, testing::ContainsRegex("[.]tokens: byte [0-9]+ cannot be read any more"));
}

TEST(ShrinkingFiles, EndAllRanks) {
  const TempDir scratch;
  const Ended ended = run_and_empty_the_cache(scratch, "timeout -k 5 120 mpirun -n 2 {}");
  EXPECT_EQ(ended.code, 74) << ended.err;
  EXPECT_THAT(ended.err, testing::ContainsRegex("[.]tokens: byte [0-9]+ cannot be read any more"));
}

TEST(TokenIdFiles, AreTrainedOnUnderTheModelsVocabulary) {
  const TempDir scratch;
  ASSERT_EQ(
      run_shell(".venv/bin/python -c \"import numpy as n, struct, sys; p = '" + scratch.path().string() +
                "/'; ids = n.frombuffer(open('tests/data/prose.txt', 'rb').read()[:4000], 'u1'); "
                "n.save(p + 'ids.npy', ids.astype('>u8')); (ids[:2000].astype('<u2')).tofile(p + 'm.bin'); "
                "open(p + 'm.idx', 'wb').write(b'MMIDIDX\\0\\0' + struct.pack('<QBQQ', 1, 8, 2, 3) + "
                "n.array([1500, 500], '<i4').tobytes() + n.array([0, 3000], '<i8').tobytes() + "
                "n.array([0, 1, 2], '<i8').tobytes()); n.save(p + 'bad.npy', n.array([1] * 90 + [258]))\"")
          .code,
      0);
  const std::string recipe = training_recipe(scratch);
  const Ended ended = run_ropeway("run " + recipe + " --set data.train=[" + scratch.name("ids.npy") + "," +
                                  scratch.name("m") + "]");
  EXPECT_EQ(ended.code, 0) << ended.err;
  expect_refusal("run " + recipe + " --set run_dir=" + scratch.name("other") + " --set data.train=[" +
                     scratch.name("bad.npy") + "]",
                 {.code = 65, .said = {scratch.name("bad.npy") + ": index 90 holds token id 258, outside"}},
                 scratch.path() / "other");
  const Ended same =
      run_ropeway("evaluate " + kTinyBase + " --tokens " + scratch.name("m.idx") + " --lengths 256");
  EXPECT_EQ(same.code, 0) << same.err;
}

}  // namespace
}  // namespace ropeway
