#include "trainer/model/rope_cache.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ropeway::testing {
namespace {

FactorSet set_of(std::vector<double> factors) {
  FactorSet set;
  set.name = "test";
  set.original_length = 8;
  set.max_length = 8;
  set.rope_theta = 100;
  set.factors = std::move(factors);
  return set;
}

TEST(RopeCacheTest, KeepsATableWhilePositionsAndFactorsStay) {
  RopeCache cache(2, at::kDouble);
  const FactorSet set = set_of({1, 2});
  const void* first = cache.get(set, 0, {0, 1, 2}, false).cos.data_ptr();
  EXPECT_EQ(cache.get(set, 3, {0, 1, 2}, false).cos.data_ptr(), first);
  EXPECT_NE(cache.get(set, 0, {0, 1, 3}, false).cos.data_ptr(), first);
  EXPECT_NE(cache.get(set_of({1, 3}), 0, {0, 1, 2}, false).cos.data_ptr(), first);
  EXPECT_EQ(cache.get(set, 0, {0, 1, 2}, false).cos.data_ptr(), first);
}

TEST(RopeCacheTest, HoldsOneTableAtATimeBeyondItsLimit) {
  RopeCache cache(2, at::kDouble, 0);
  const FactorSet layers = set_of({1, 2, 3, 4});
  const at::Tensor first = cache.get(layers, 0, {0, 5}, false).sin;
  const at::Tensor second = cache.get(layers, 1, {0, 5}, false).sin;
  EXPECT_DOUBLE_EQ(first[1][0].item<double>(), std::sin(5.0));
  EXPECT_DOUBLE_EQ(second[1][0].item<double>(), std::sin(5.0 / 3));
  EXPECT_EQ(first.use_count(), 1);  // the cache has let go of it
}

TEST(RopeCacheTest, AddsAnglesToATableThatHasNone) {
  RopeCache cache(2, at::kFloat);
  FactorSet set = set_of({2, 4});
  set.start_tokens = 3;
  EXPECT_FALSE(cache.get(set, 0, {2, 6}, false).angles.defined());
  const RopeTables tables = cache.get(set, 0, {2, 6}, true);
  EXPECT_EQ(tables.angles[0][0].item<double>(), 0);
  EXPECT_DOUBLE_EQ(tables.angles[1][0].item<double>(), 3);
  EXPECT_DOUBLE_EQ(tables.angles[1][1].item<double>(), 6 * 0.1 / 4);
  EXPECT_FALSE(tables.scaled[0].item<bool>());
  EXPECT_TRUE(tables.scaled[1].item<bool>());
}

// Sequences of a batch have positions of their own; those with the same ones share a table.
TEST(RopeCacheTest, GivesEverySequenceTheTableOfItsPositions) {
  RopeCache cache(1, at::kDouble);
  const SequenceSpec one{.length = 4}, two{.length = 4, .documents = {0, 3}};
  const SequenceLayout layout({}, {one, two, one});
  const BatchRope rope = cache.get(set_of({1}), 0, layout, false);
  EXPECT_EQ(rope.by_list.size(), 2u);
  EXPECT_EQ(rope.of(layout, 0).sin.data_ptr(), rope.of(layout, 2).sin.data_ptr());
  EXPECT_DOUBLE_EQ(rope.of(layout, 0).sin[3][0].item<double>(), std::sin(3.0));
  EXPECT_DOUBLE_EQ(rope.of(layout, 1).sin[3][0].item<double>(), 0);
  EXPECT_DOUBLE_EQ(rope.of(layout, 1).sin[2][0].item<double>(), std::sin(2.0));
}

TEST(RopeCacheTest, GivesEverySequenceTheTableOfItsFactors) {
  RopeCache cache(1, at::kDouble);
  const FactorSet long_set = set_of({4}), original = set_of({1});
  const SequenceSpec one{.length = 4}, other{.length = 4, .factor_set = 1};
  const SequenceLayout layout({}, {one, other, one});
  const BatchRope rope = cache.get({long_set, original}, 0, layout, false);
  EXPECT_EQ(rope.by_list.size(), 2u);
  EXPECT_DOUBLE_EQ(rope.of(layout, 0).sin[3][0].item<double>(), std::sin(0.75));
  EXPECT_DOUBLE_EQ(rope.of(layout, 1).sin[3][0].item<double>(), std::sin(3.0));
  EXPECT_EQ(rope.of(layout, 0).sin.data_ptr(), rope.of(layout, 2).sin.data_ptr());
}

}  // namespace
}  // namespace ropeway::testing
