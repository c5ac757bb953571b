// What would need less memory: every suggestion holds when it is tried.
#include "trainer/plan/suggestions.h"

#include <gmock/gmock.h>

#include "tests/trainer/plan/cases.h"
#include "trainer/plan/out_of_memory.h"

namespace ropeway::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::Ne;
using ::testing::SizeIs;

constexpr int64_t kGiB = int64_t{1} << 30;

// Ranks share out the optimizer's state alone, unless the recipe says otherwise.
std::vector<Suggestion> suggested(Recipe recipe, const MeshShape& mesh, int64_t limit) {
  recipe.engine.zero = std::max(recipe.engine.zero, 1);
  const ModelConfig config = llama_8b();
  const EnginePlan plan = plan_of(recipe, mesh, {true, limit});
  return suggestions({config, plan, limit, recipe_knobs()});
}

const Suggestion* find(const std::vector<Suggestion>& list, Knob knob) {
  for (const Suggestion& one : list) {
    if (one.knob == knob) return &one;
  }
  return nullptr;
}

TEST(Suggestions, AreThreeWithNumbers) {
  Recipe recipe = recipe_of(finetune(1 << 20), DType::kF32);
  recipe.engine.zero = 1;
  const auto list = suggested(recipe, {1, 8}, 77 * kGiB);
  EXPECT_THAT(list, SizeIs(3));
  const int64_t now = plan_memory(llama_8b(), plan_of(recipe, {1, 8}, {true, 77 * kGiB})).parts.total();
  for (const Suggestion& one : list) {
    EXPECT_EQ(one.parts.total(), plan_memory(llama_8b(), one.plan).parts.total());
    EXPECT_EQ(one.saved, now - one.parts.total());
    EXPECT_GT(one.saved, now / 20);
    EXPECT_EQ(one.enough, one.parts.total() <= 77 * kGiB);
  }
}

TEST(Suggestions, ThatFitComeFirstAndDo) {
  Recipe recipe = recipe_of(finetune(1 << 19));
  recipe.engine.activations = ActivationsPlace::kDevice;
  const MeshShape mesh{1, 8};
  const int64_t limit = 90 * kGiB;
  const auto list = suggested(recipe, mesh, limit);
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list[0].knob, Knob::kOffload);
  EXPECT_TRUE(list[0].enough);
  EXPECT_GT(list[0].parts.host, 0);
  recipe.engine.activations = ActivationsPlace::kHost;
  EXPECT_LE(plan_memory(llama_8b(), plan_of(recipe, mesh, {true, limit})).parts.total(), limit);
}

TEST(Suggestions, NameTheFewestRanksThatFit) {
  Recipe recipe = recipe_of(finetune(1 << 21));
  recipe.engine.activations = ActivationsPlace::kHost;
  recipe.engine.zero = 1;
  const int64_t limit = 100 * kGiB;
  const auto list = suggested(recipe, {1, 4}, limit);
  EnginePlan plan = plan_of(recipe, {1, 4}, {true, limit});
  while (plan_memory(llama_8b(), plan).parts.total() > limit) plan.mesh.sequence *= 2;
  const Suggestion* ranks = find(list, Knob::kSequenceRanks);
  ASSERT_NE(ranks, nullptr);
  EXPECT_EQ(ranks->plan.mesh.sequence, plan.mesh.sequence);
}

// 8B over four ranks: the moments of a quarter of 8.03e9 parameters, in half the memory.
TEST(Suggestions, OfferNarrowMomentsWhereTheyAreSafe) {
  StageRecipe stage = finetune(4096);
  const MeshShape mesh{1, 4};
  const auto none = Each(Field(&Suggestion::knob, Ne(Knob::kMoments)));
  const auto list = suggested(recipe_of(stage), mesh, 60 * kGiB);
  const Suggestion* moments = find(list, Knob::kMoments);
  ASSERT_NE(moments, nullptr);
  EXPECT_NEAR(static_cast<double>(moments->saved), 2 * 2 * 8.0302e9 / 4, 1e7);
  stage.train().beta2 = 0.999;
  EXPECT_THAT(suggested(recipe_of(stage), mesh, 60 * kGiB), none);
  stage.train().beta2 = 0.95;
  stage.train().moments = DType::kBF16;
  EXPECT_THAT(suggested(recipe_of(stage), mesh, 60 * kGiB), none);
}

TEST(Suggestions, OfferToShareOutWeightsAmongRanks) {
  const auto list = suggested(recipe_of(finetune(1 << 15)), {1, 8}, 40 * kGiB);
  const Suggestion* zero = find(list, Knob::kZero);
  ASSERT_NE(zero, nullptr);
  EXPECT_EQ(zero->plan.zero, ZeroStage::kWeights);
  EXPECT_TRUE(zero->enough);
  EXPECT_EQ(find(suggested(recipe_of(finetune(1 << 15)), {1, 1}, 40 * kGiB), Knob::kZero), nullptr);
  Recipe shared = recipe_of(finetune(1 << 15));
  shared.engine.zero = 3;
  EXPECT_EQ(find(suggested(shared, {1, 8}, 10 * kGiB), Knob::kZero), nullptr);
}

// On two rows a rank has two of a step's four sequences to run, on any number of ranks.
TEST(Suggestions, OfAnotherMeshAreOfItsOwnMicroBatch) {
  StageRecipe stage = finetune(1 << 15, 4);
  stage.train().micro_batch_tokens = 1 << 16;
  const ModelConfig config = llama_8b();
  EnginePlan plan = plan_of(recipe_of(stage), {2, 1}, {});
  EXPECT_EQ(plan.micro_batch, 2);
  for (const Suggestion& one : suggestions({config, plan, kGiB, {Knob::kSequenceRanks}})) {
    EXPECT_EQ(one.plan.micro_batch, 2) << one.plan.mesh.sequence;
  }
  // Of half the length twice as many fit, so that it takes another halving to need less.
  plan = plan_of(recipe_of(stage), {1, 1}, {});
  const int64_t now = plan_memory(config, plan).parts.total();
  const auto list = suggestions({config, plan, now - kGiB, {Knob::kLength}});
  ASSERT_THAT(list, SizeIs(1));
  EXPECT_EQ(list[0].plan.work.lengths[0], 1 << 13);
  EXPECT_EQ(list[0].plan.micro_batch, 4);
}

TEST(Suggestions, AreOfTheKnobsThereAre) {
  const ModelConfig config = llama_8b();
  const EnginePlan plan = plan_of(recipe_of(finetune(1 << 20)), {1, 8}, {true, 77 * kGiB});
  const auto list = suggestions({config, plan, 70 * kGiB, {Knob::kLength, Knob::kHostMemory}});
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].knob, Knob::kLength);
  EXPECT_LT(list[0].plan.work.lengths[0], 1 << 20);
  EXPECT_EQ(list[1].knob, Knob::kHostMemory);
  EXPECT_FALSE(list[1].plan.cuda);
}

// The plan is made by the work that then fails; what does not fail for memory passes as it is.
TEST(OutOfMemory, TellsWhatThePlanNeeds) {
  const ModelConfig config = llama_8b();
  EnginePlan plan;
  const MemoryUser user{"stage tune", config, plan, recipe_knobs()};
  try {
    or_out_of_memory(user, [&] {
      plan = plan_of(recipe_of(finetune(1 << 20)), {1, 1}, {});
      throw std::bad_alloc();
    });
    FAIL();
  } catch (const OutOfMemory& error) {
    const MemoryParts parts = plan_memory(config, plan).parts;
    EXPECT_EQ(error.kind(), ErrorKind::kMemory);
    EXPECT_EQ(error.who(), "stage tune");
    EXPECT_EQ(error.what(),
              fmt::format("stage tune: out of memory (std::bad_alloc); it needs about {} per rank: {}",
                          bytes_text(parts.total()), parts_text(parts)));
    EXPECT_THAT(error.suggestions(), SizeIs(3));
  }
  EXPECT_THROW(or_out_of_memory(user, [] { throw std::logic_error("another"); }), std::logic_error);
  EXPECT_NO_THROW(or_out_of_memory(user, [] {}));
}

TEST(PartsText, NamesTheLargestFirst) {
  MemoryParts parts;
  parts.weights = 3 * kGiB;
  parts.checkpoints = 5 * kGiB;
  parts.ring = 1024;
  EXPECT_EQ(parts_text(parts), "checkpoints 5.00 GiB, weights 3.00 GiB");
}

}  // namespace
}  // namespace ropeway::testing
