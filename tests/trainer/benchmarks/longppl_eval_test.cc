// LongPPL on a tiny model: key tokens and figures against numpy over losses of single passes, each over one
// short context.
#include "trainer/benchmarks/longppl_eval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "tests/support/corpus.h"
#include "tests/support/errors.h"
#include "tests/support/tiny_rank.h"
#include "trainer/model/token_losses.h"
#include "trainer/rope/schedules.h"

namespace ropeway {
namespace {

FactorSet factors() { return computed_factor_set("yarn", tiny_config().rope_geometry(), 256); }

// Losses of tokens [first, end) behind the tokens before them, by a pass over these alone.
std::vector<double> losses_of(TinyRank& rank, const std::vector<int32_t>& tokens, size_t first) {
  const TokenLosses losses = token_losses(rank.model, rank.mesh.group(Axis::kSequence), factors(), {tokens});
  return {losses.nll.begin() + static_cast<std::ptrdiff_t>(first) - 1, losses.nll.end() - 1};
}

void write_numbers(const std::string& file, const std::vector<double>& numbers) {
  std::ofstream out(file);
  for (const double number : numbers) out << fmt::format("{:.17g}\n", number);
}

TEST(LongPpl, AsNumpySays) {
  ROPEWAY_NEEDS_PYTHON();
  AloneRank alone;
  const FactorSet set = factors();
  const Corpus corpus({random_letters(700, 1), random_letters(300, 2)});
  // Small gain and high floor: a random model gains little.
  const LongPplOptions options = {.length = 200, .short_tokens = 48, .stride = 32, .gain = 0.05, .floor = -4};
  const auto windows = longppl_windows(*corpus, options);
  ASSERT_EQ(windows.size(), 4u);
  const LongPplResult result =
      evaluate_longppl(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options);

  std::vector<double> behind_all, behind_short, every;
  for (const auto& window : windows) {
    const std::vector<double> all = losses_of(alone.rank, window, 1);
    every.insert(every.end(), all.begin(), all.end());
    for (size_t i = 48; i < 200; ++i) {
      behind_all.push_back(all[i - 1]);
      const size_t begin = (i - 48) / 32 * 32;  // of its short context
      behind_short.push_back(losses_of(alone.rank,
                                       {window.begin() + static_cast<std::ptrdiff_t>(begin),
                                        window.begin() + static_cast<std::ptrdiff_t>(i) + 1},
                                       i - begin)[0]);
    }
  }
  const TempDir scratch;
  write_numbers(scratch.name("all"), behind_all);
  write_numbers(scratch.name("short"), behind_short);
  write_numbers(scratch.name("every"), every);
  run_python("import numpy as np\nfolder = '" + scratch.path().string() +
             "/'\nlong, short, every = (np.loadtxt(folder + name) for name in ('all', 'short', 'every'))\n"
             "key = (short - long > 0.05) & (long < 4)\n"
             "position = np.tile(np.arange(1, 200), 4)\n"
             "np.savetxt(folder + 'out', [key.sum(), np.exp(long[key].mean()), np.exp(every.mean()), "
             "every[(position >= 64) & (position < 128)].mean()], fmt='%.17g')\n");
  std::istringstream out(read_bytes(scratch.name("out")));
  double keys = 0, longppl = 0, perplexity = 0, from_64 = 0;
  out >> keys >> longppl >> perplexity >> from_64;
  EXPECT_GT(keys, 8);
  EXPECT_EQ(static_cast<double>(result.key_tokens), keys);
  EXPECT_NEAR(result.longppl, longppl, 1e-8);
  EXPECT_NEAR(result.perplexity, perplexity, 1e-8);
  EXPECT_EQ(result.targets, 4 * (200 - 48));
  ASSERT_EQ(result.by_distance.size(), 8u);
  EXPECT_EQ(result.by_distance[6].from, 64);
  EXPECT_EQ(result.by_distance[6].to, 128);
  EXPECT_EQ(result.by_distance[7].to, 200);
  EXPECT_NEAR(result.by_distance[6].nll, from_64, 1e-10);
}

TEST(LongPpl, AnotherModelMayFindTheKeys) {
  AloneRank alone;
  const FactorSet set = factors();
  const Corpus corpus({random_letters(500, 3)});
  const LongPplOptions options = {
      .length = 200, .max_windows = 1, .short_tokens = 64, .stride = 64, .gain = 0, .floor = -9};
  const auto windows = longppl_windows(*corpus, options);
  ASSERT_EQ(windows.size(), 1u);
  const auto own = key_tokens_of(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options);
  const auto with =
      evaluate_longppl(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options, &own);
  const auto without = evaluate_longppl(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options);
  EXPECT_EQ(with.key_tokens, without.key_tokens);
  EXPECT_EQ(with.longppl, without.longppl);
  const KeyTokensOfWindows one = {{100}};
  const auto single =
      evaluate_longppl(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options, &one);
  EXPECT_NEAR(std::log(single.longppl), losses_of(alone.rank, windows[0], 1)[99], 1e-9);
  const KeyTokensOfWindows none = {{}};
  EXPECT_EQ(
      evaluate_longppl(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options, &none).longppl,
      0);
}

TEST(LongPpl, ABosStandsInFrontOfShortContextsToo) {
  AloneRank alone;
  const FactorSet set = factors();
  const Corpus corpus({random_letters(500, 4)});
  const LongPplOptions options = {.length = 129,
                                  .max_windows = 1,
                                  .short_tokens = 32,
                                  .stride = 32,
                                  .gain = 1e-6,
                                  .floor = -9,
                                  .start = {7}};
  const auto windows = longppl_windows(*corpus, options);
  EXPECT_EQ(windows[0][0], 7);
  const auto keys = key_tokens_of(scores_of(alone.rank.model, alone.rank.mesh, set), windows, options);
  const std::vector<double> all = losses_of(alone.rank, windows[0], 1);
  std::vector<int64_t> wanted;
  for (size_t i = 33; i < 129; ++i) {
    std::vector<int32_t> context = {7};
    const size_t begin = 1 + (i - 33) / 32 * 32;
    context.insert(context.end(), windows[0].begin() + static_cast<std::ptrdiff_t>(begin),
                   windows[0].begin() + static_cast<std::ptrdiff_t>(i) + 1);
    if (losses_of(alone.rank, context, context.size() - 1)[0] - all[i - 1] > 1e-6 && all[i - 1] < 9)
      wanted.push_back(static_cast<int64_t>(i));
  }
  EXPECT_EQ(keys[0], wanted);
}

TEST(LongPpl, SameOnAnyMesh) {
  const auto on = [](MeshShape shape) {
    return on_mesh<double>(shape, [](TinyRank& rank) {
      const Corpus corpus({random_letters(700, 1)});
      const LongPplOptions options = {
          .length = 192, .short_tokens = 48, .stride = 32, .gain = 0.05, .floor = -4};
      const FactorSet set = factors();
      return evaluate_longppl(scores_of(rank.model, rank.mesh, set), longppl_windows(*corpus, options),
                              options)
          .longppl;
    });
  };
  const double alone = on({1, 1})[0];
  for (const MeshShape shape : {MeshShape{2, 1}, MeshShape{1, 2}}) {
    for (const double longppl : on(shape)) EXPECT_NEAR(longppl, alone, 1e-8);
  }
}

TEST(LongPpl, LengthsWithinTheShortContextAreRefused) {
  const Corpus corpus({random_letters(700, 1)});
  expect_error(ErrorKind::kConfig, {"LongPPL at length 64", "short context of 64"},
               [&] { longppl_windows(*corpus, {.length = 64, .short_tokens = 64}); });
  expect_error(ErrorKind::kBadData, {"LongPPL at length 900"},
               [&] { longppl_windows(*corpus, {.length = 900, .short_tokens = 64}); });
}

}  // namespace
}  // namespace ropeway
