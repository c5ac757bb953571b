// Copies that differ are found and named: the judgement by itself, and in training on thread ranks.
#include "trainer/finetune/replica_check.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"
#include "tests/trainer/finetune/train_case.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ReplicaFault, NoneWhereAllIsTheSame) {
  const std::vector<ReplicaShare> shares = {{1, 7, 0}, {1, 7, 0}, {2, 7, 0}, {2, 7, 0}};
  EXPECT_EQ(replica_fault(shares, 2), "") << "rows of the mesh have tokens of their own";
}

TEST(ReplicaFault, NamesTheRankWithOtherTokensInItsSequence) {
  const std::vector<ReplicaShare> shares = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {3, 0, 0}};
  EXPECT_THAT(replica_fault(shares, 4),
              StartsWith("ranks of one sequence have read different tokens: rank 3 "
                         "(0000000000000003) differs from ranks 0, 1, 2 (0000000000000001)"));
}

TEST(ReplicaFault, NamesTheRankWithOtherWeights) {
  const std::vector<ReplicaShare> shares = {{1, 7, 0}, {1, 9, 0}, {1, 7, 0}};
  EXPECT_THAT(replica_fault(shares, 1), HasSubstr("rank 1 (0000000000000009) differs from ranks 0, 2 "));
}

TEST(ReplicaFault, OfTwoRanksTheOneWhoseMemoryChangedIsNamed) {
  const std::vector<ReplicaShare> shares = {{1, 7, 0}, {1, 9, 1}};
  EXPECT_THAT(replica_fault(shares, 2), StartsWith("rank 1: weights or moments in memory"));
}

// One bit of one weight.
void flip(TinyRank& rank, int at_fault) {
  if (rank.mesh.world().rank() != at_fault) return;
  const at::Tensor weights = rank.store.flat_weights();
  static_cast<char*>(weights.mutable_data_ptr())[weights.nbytes() / 2] ^= 1;
}

class ReplicaTraining : public ::testing::TestWithParam<MeshShape> {};

TEST_P(ReplicaTraining, ABitThatFlipsInMemoryIsFoundInTheStepThatCompares) {
  for (const int at_fault : {0, 1}) {
    TrainCase c;
    c.shape = GetParam();
    c.compare_every = 3;
    c.after_step = [&](TinyRank& rank, int64_t step) {
      if (step == 2) flip(rank, at_fault);
    };
    const TempDir folder;
    expect_error(ErrorKind::kPeer,
                 {"tune: step 3, before its update: ",
                  fmt::format("rank {}: weights or moments in memory are not what", at_fault)},
                 [&] { run_training(c, folder.path()); });
    EXPECT_EQ(losses_in(folder.path()).size(), 2u) << "the step is not made";
  }
}

TEST_P(ReplicaTraining, WeightsThatDifferFromTheStartAreFound) {
  TrainCase c;
  c.shape = GetParam();
  c.compare_every = 1;
  c.before_train = [](TinyRank& rank) { flip(rank, 1); };
  const TempDir folder;
  expect_error(ErrorKind::kPeer, {"step 1", "the copies of the weights are not the same", "rank 1 ("},
               [&] { run_training(c, folder.path()); });
}

TEST_P(ReplicaTraining, WithoutAFaultTheTrainingIsTheSame) {
  TrainCase with, without;
  with.shape = without.shape = GetParam();
  with.compare_every = 1;
  const TempDir first, second;
  run_training(with, first.path());
  run_training(without, second.path());
  EXPECT_EQ(losses_in(first.path()), losses_in(second.path()));
}

INSTANTIATE_TEST_SUITE_P(Meshes, ReplicaTraining,
                         ::testing::Values(MeshShape{1, 2}, MeshShape{2, 1}, MeshShape{2, 2}),
                         [](const auto& info) {
                           return fmt::format("data{}_sequence{}", info.param.data, info.param.sequence);
                         });

}  // namespace
}  // namespace ropeway
