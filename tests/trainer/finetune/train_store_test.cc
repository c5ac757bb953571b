// The train loop asks the store for all that it needs: on a store of copies it goes the same way.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "tests/trainer/finetune/train_case.h"
#include "tests/trainer/model/copied_parameters.h"

namespace ropeway {
namespace {

class Watched : public testing::CopiedParameters {
 public:
  using CopiedParameters::CopiedParameters;
  ~Watched() override {
    for (const std::string& complaint : complaints()) ADD_FAILURE() << complaint;
    EXPECT_GT(passes(), 0);
  }
};

TrainCase copied(TrainCase c) {
  c.make_store = [](TinyRank& rank) { return std::make_unique<Watched>(rank.store); };
  return c;
}

class TrainStore : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(TrainStore, CopiesTrainToTheSameBits) {
  TrainCase c;
  c.dtype = GetParam();
  c.shape = {1, 2};
  const TempDir in_place, through_copies;
  const TrainResult wanted = run_training(c, in_place.path());
  const TrainResult found = run_training(copied(c), through_copies.path());
  EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
  EXPECT_TRUE(at::equal(found.weights[1], wanted.weights[1]));
  EXPECT_EQ(losses_in(through_copies.path()), losses_in(in_place.path()));
}

INSTANTIATE_TEST_SUITE_P(Types, TrainStore, ::testing::Values(at::kDouble, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

// Stopped on one kind of store, resumed on the other.
TEST(TrainStoreCheckpoint, ServesBothStores) {
  TrainCase c;
  const TempDir whole, parts;
  const TrainResult wanted = run_training(c, whole.path());
  TrainCase stopped = copied(c);
  stopped.stop_after = 3;
  EXPECT_TRUE(error_of([&] { run_training(stopped, parts.path()); }));
  const TrainResult found = run_training(c, parts.path());
  EXPECT_EQ(found.outcome.resumed_from, 3);
  EXPECT_TRUE(at::equal(found.weights[0], wanted.weights[0]));
}

}  // namespace
}  // namespace ropeway
