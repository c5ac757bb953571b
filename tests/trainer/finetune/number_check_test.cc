// NaN put where a computation could leave it, on one rank: in a gradient, in a weight, in a moment. What is
// said must name the place, and nothing may be kept that holds it.
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <gmock/gmock.h>

#include <limits>

#include "tests/trainer/finetune/train_case.h"
#include "tests/trainer/model/copied_parameters.h"
#include "trainer/finetune/number_check.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kDown = "model.layers.1.mlp.down_proj.weight";

// Of this thread, which is a rank.
thread_local int rank_here = 0;

// Leaves a NaN in one gradient, in one pass over the model.
class Injecting : public testing::CopiedParameters {
 public:
  Injecting(ResidentParameters& home, int pass) : CopiedParameters(home), home_(home), pass_(pass) {}
  void gradients_done(ParameterUnit unit) override {
    CopiedParameters::gradients_done(unit);
    if (unit == ParameterUnit::block(1) && passes() == pass_) home_.gradient(kDown)[3][5] = kNaN;
  }

 private:
  ResidentParameters& home_;
  const int pass_;
};

std::string name_of(const MeshShape& shape) {
  return fmt::format("data{}_sequence{}", shape.data, shape.sequence);
}

class NumbersOnRanks : public ::testing::TestWithParam<MeshShape> {
 protected:
  int ranks() const { return GetParam().data * GetParam().sequence; }
  TrainCase injected(int rank) const {
    TrainCase c;
    c.shape = GetParam();
    c.recipe.steps = 5;
    c.before_train = [](TinyRank& own) { rank_here = own.mesh.world().rank(); };
    // One pass per step: all of a step's windows of a rank fit into one micro-batch.
    c.make_store = [rank](TinyRank& own) {
      return std::make_unique<Injecting>(own.store, rank_here == rank ? 3 : -1);
    };
    return c;
  }
};

TEST_P(NumbersOnRanks, AGradientOfOneRankIsNamedAndMakesNoUpdateAnywhere) {
  TrainCase plain = injected(-1);
  for (int rank = 0; rank < ranks(); ++rank) {
    TrainCase c = injected(rank);
    std::vector<at::Tensor> before(static_cast<size_t>(ranks())), after = before;
    c.after_step = [&](TinyRank& own, int64_t step) {
      const auto r = static_cast<size_t>(own.mesh.world().rank());
      if (step == 2) before[r] = own.store.flat_weights().clone();
      if (step == 3) after[r] = own.store.flat_weights().clone();
    };
    const TempDir folder;
    TrainResult result;
    const std::string said = printed_by([&] { result = run_training(c, folder.path()); });
    EXPECT_EQ(result.outcome.skipped_steps, 1);
    EXPECT_THAT(said, AllOf(HasSubstr("tune: step 3 is not finite, its update is skipped"),
                            HasSubstr(fmt::format("the gradient of {} on rank {}", kDown, rank)),
                            // It came once: not of the text, then.
                            HasSubstr("computed again, each of its windows is finite")));
    for (size_t r = 0; r < before.size(); ++r) {
      EXPECT_TRUE(at::equal(before[r], after[r])) << "rank " << r;
      EXPECT_TRUE(at::equal(result.weights[r], result.weights[0])) << "rank " << r;
    }
    EXPECT_TRUE(result.weights[0].isfinite().all().item<bool>());
  }
}

TEST_P(NumbersOnRanks, AWeightThatTurnsNaNIsNeverSaved) {
  for (int rank = 0; rank < ranks(); ++rank) {
    for (const at::ScalarType type : {at::kDouble, at::kBFloat16}) {
      TrainCase c;
      c.shape = GetParam();
      c.dtype = type;
      c.recipe.steps = 6;
      c.recipe.checkpoint_every = 2;
      c.after_step = [&](TinyRank& own, int64_t step) {
        // A row that no text reads: no loss will tell.
        if (step == 4 && own.mesh.world().rank() == rank)
          own.store.weight("model.embed_tokens.weight")[255][7] = kNaN;
      };
      const TempDir folder;
      const auto error = error_of([&] { run_training(c, folder.path()); });
      ASSERT_TRUE(error) << rank;
      EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
      EXPECT_THAT(error->what(),
                  AllOf(HasSubstr("tune: after step 4, not saved"),
                        HasSubstr(fmt::format("weight model.embed_tokens.weight on rank {}", rank))));
      EXPECT_TRUE(fs::exists(folder / "checkpoints/step-000002/manifest.json"));
      EXPECT_FALSE(fs::exists(folder / "checkpoints/step-000004"));
    }
  }
}

TEST_P(NumbersOnRanks, AMomentIsNamedWithItsRank) {
  for (int bad = 0; bad < ranks(); ++bad) {
    std::vector<std::string> messages(static_cast<size_t>(ranks()));
    run_thread_world(ranks(), [&](Communicator& world) {
      TinyRank rank(world, GetParam());
      TrainContext context;
      context.parameters = &rank.store;
      context.mesh = &rank.mesh;
      context.stage_name = "tune";
      const FlatParameters flat = rank.store.flat_parameters();
      ShardedAdamW optimizer(world, flat.weights, flat.gradients, flat.decayed);
      require_finite_state(context, optimizer, "at first");
      at::Tensor moment = optimizer.moment2().clone();
      if (world.rank() == bad) moment[moment.numel() - 1] = std::numeric_limits<double>::infinity();
      optimizer.restore(optimizer.master().clone(), optimizer.moment1(), moment, 1);
      const auto error = error_of([&] { require_finite_state(context, optimizer, "step 9"); });
      if (error) messages[static_cast<size_t>(world.rank())] = error->what();
    });
    for (const std::string& message : messages) {
      EXPECT_THAT(message, AllOf(HasSubstr("tune: step 9: the second moment of weight "),
                                 HasSubstr(fmt::format("on rank {}: NaN or infinite, as 1 of", bad))));
    }
    if (bad == ranks() - 1) {
      EXPECT_THAT(messages[0], HasSubstr("lm_head.weight"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Meshes, NumbersOnRanks,
                         ::testing::Values(MeshShape{1, 1}, MeshShape{1, 2}, MeshShape{2, 1}, MeshShape{2, 2},
                                           MeshShape{1, 4}),
                         [](const auto& info) { return name_of(info.param); });

// A window that brings it about every time is found among those of its step.
TEST(NumbersOfText, TheWindowIsNamed) {
  for (const MeshShape shape : {MeshShape{1, 1}, MeshShape{2, 1}, MeshShape{1, 2}}) {
    TrainCase c;
    c.shape = shape;
    c.config.embedding_multiplier = 10;
    std::string text = random_letters(600, 3);
    text[150] = 'Z';
    c.texts = {text};
    c.before_train = [](TinyRank& rank) { rank.store.weight("model.embed_tokens.weight")['Z'].fill_(1e308); };
    const Corpus corpus(c.texts);
    const auto tokenizer = make_byte_tokenizer();
    const WindowSampler windows(*corpus, *tokenizer, c.windows());
    int64_t poisoned = -1;
    for (int64_t i = 0; i < c.recipe.steps * c.recipe.batch_sequences && poisoned < 0; ++i) {
      const std::vector<int32_t> tokens = windows.window(static_cast<uint64_t>(i)).tokens;
      if (std::count(tokens.begin(), tokens.end(), 'Z') > 0) poisoned = i;
    }
    ASSERT_GE(poisoned, 0);
    const TempDir folder;
    const std::string said = printed_by([&] { run_training(c, folder.path()); });
    EXPECT_THAT(said, HasSubstr(fmt::format("step {} is not finite, its update is skipped; loss NaN",
                                            poisoned / c.recipe.batch_sequences + 1)));
    EXPECT_THAT(said, HasSubstr(fmt::format("; window {}\n", poisoned)));
  }
}

TEST(NumbersOfAStart, WeightsThatAreNotFiniteAreNotTrained) {
  TrainCase c;
  c.before_train = [](TinyRank& rank) { rank.store.weight("model.norm.weight")[2] = kNaN; };
  const TempDir folder;
  const auto error = error_of([&] { run_training(c, folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kNumerics);
  EXPECT_THAT(error->what(), HasSubstr("at the start: weight model.norm.weight on rank 0"));
  EXPECT_TRUE(losses_in(folder.path()).empty());
}

}  // namespace
}  // namespace ropeway
