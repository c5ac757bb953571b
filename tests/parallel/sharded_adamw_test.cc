#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "parallel/comm/nccl_collectives.h"
#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/parallel/fake_nccl.h"
#include "tests/parallel/sharded_adamw_cases.h"

namespace ropeway::testing {
namespace {

at::Tensor weights_on(int ranks, int64_t count, at::ScalarType dtype, int64_t steps) {
  std::vector<at::Tensor> results(ranks);
  run_thread_world(
      ranks, [&](Communicator& comm) { results[comm.rank()] = weights_after(comm, count, dtype, steps); });
  for (int r = 1; r < ranks; ++r)
    EXPECT_TRUE(at::equal(results[r], results[0])) << "rank " << r << " of " << ranks;
  return results[0];
}

TEST(ShardRange, CoversEverythingInOrderWithAlignedSharesOfOneSize) {
  for (const int64_t total :
       {int64_t{0}, int64_t{1}, int64_t{63}, int64_t{128}, int64_t{1001}, (int64_t{1} << 40) + 7}) {
    for (const int ranks : {1, 2, 3, 4, 7, 64}) {
      int64_t end = 0;
      for (int r = 0; r < ranks; ++r) {
        const FlatRange range = shard_range(total, ranks, r);
        EXPECT_EQ(range.begin, end);
        EXPECT_TRUE(range.begin % 64 == 0 || range.begin == total);
        EXPECT_GE(range.end - range.begin, total / ranks - 2 * 64);
        EXPECT_LE(range.end - range.begin, total / ranks + 64);
        end = range.end;
      }
      EXPECT_EQ(end, total);
    }
  }
}

// Loshchilov & Hutter's algorithm 2, element by element in double precision.
TEST(ShardedAdamW, FollowsTheFormula) {
  const int64_t count = 301, steps = 4;
  const auto o = test_options();
  at::Tensor expected = initial_weights(count, at::kDouble);
  auto* w = expected.mutable_data_ptr<double>();
  std::vector<double> m(count), v(count);
  for (int64_t t = 1; t <= steps; ++t) {
    const at::Tensor gradient = summed_gradient(count, at::kDouble, t - 1);
    const double clip = std::min(1.0, kTestMaxNorm / gradient.norm().item<double>());
    EXPECT_LT(clip, 1.0);
    for (int64_t i = 0; i < count; ++i) {
      const double g = gradient[i].item<double>() * clip;
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g;
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(o.beta1, t)), v_hat = v[i] / (1 - std::pow(o.beta2, t));
      const double decay = decays(i) ? o.weight_decay * w[i] : 0.0;
      w[i] -= o.learning_rate * (m_hat / (std::sqrt(v_hat) + o.eps) + decay);
    }
  }
  for (const int ranks : {1, 3}) {
    const at::Tensor found = weights_on(ranks, count, at::kDouble, steps);
    EXPECT_LE((found - expected).abs().max().item<double>(), 1e-13) << ranks << " ranks";
  }
}

TEST(ShardedAdamW, GivesTheSameBitsOnAnyNumberOfRanks) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor one = weights_on(1, 1001, dtype, 3);
    EXPECT_FALSE(at::equal(one, initial_weights(1001, dtype)));
    for (const int ranks : {2, 3, 4}) {
      EXPECT_TRUE(at::equal(weights_on(ranks, 1001, dtype, 3), one))
          << ranks << " ranks " << c10::toString(dtype);
    }
  }
}

TEST(ShardedAdamW, WorksWithFewerElementsThanRanks) {
  EXPECT_TRUE(at::equal(weights_on(4, 2, at::kFloat, 2), weights_on(1, 2, at::kFloat, 2)));
}

// More elements than a host's all-reduce works on at once.
TEST(ShardedAdamW, SumsLongGradientsInPieces) {
  const int64_t count = (int64_t{4} << 20) + 3;
  EXPECT_TRUE(at::equal(weights_on(2, count, at::kFloat, 1), weights_on(1, count, at::kFloat, 1)));
}

TEST(ShardedAdamW, StepReportsTheNormOfTheSumAndZeroesTheGradient) {
  run_thread_world(3, [](Communicator& comm) {
    const at::Tensor weights = initial_weights(1000, at::kFloat), gradient = at::zeros({1000}, at::kFloat);
    ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(1000));
    fill_gradient(comm, gradient, 5);
    const auto result = optimizer.step(test_options(), 0.0);
    EXPECT_TRUE(result.applied);
    EXPECT_NEAR(result.gradient_norm, summed_gradient(1000, at::kDouble, 5).norm().item<double>(), 1e-12);
    EXPECT_EQ(gradient.abs().max().item<double>(), 0.0);
    EXPECT_EQ(optimizer.steps_taken(), 1);
  });
}

TEST(ShardedAdamW, WeightsInAccTypeAreTheirOwnMasters) {
  const auto world = make_world_of_one();
  const at::Tensor weights = initial_weights(10, at::kFloat), gradient = at::zeros({10}, at::kFloat);
  const ShardedAdamW same(*world, weights, gradient, {});
  EXPECT_EQ(same.master().const_data_ptr(), weights.const_data_ptr());
  const at::Tensor narrow = initial_weights(10, at::kBFloat16);
  const ShardedAdamW separate(*world, narrow, gradient, {});
  EXPECT_EQ(separate.master().scalar_type(), at::kFloat);
}

TEST(ShardedAdamW, NarrowMomentsGiveTheSameBitsOnAnyNumberOfRanks) {
  const auto after_three_steps = [](int ranks) {
    at::Tensor result;
    run_thread_world(ranks, [&](Communicator& comm) {
      const at::Tensor weights = initial_weights(101, at::kFloat), gradient = at::zeros({101}, at::kFloat);
      ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(101), {.narrow_moments = true});
      EXPECT_EQ(optimizer.moment1().scalar_type(), at::kBFloat16);
      EXPECT_EQ(optimizer.moment2().scalar_type(), at::kBFloat16);
      for (int64_t step = 0; step < 3; ++step) {
        fill_gradient(comm, gradient, step);
        optimizer.step(test_options(), kTestMaxNorm);
      }
      if (comm.rank() == 0) result = weights;
    });
    return result;
  };
  const at::Tensor one = after_three_steps(1);
  EXPECT_TRUE(at::equal(after_three_steps(3), one));
  // A step goes 3e-3 at most; rounding changes a hundredth of it.
  const double difference = (one - weights_on(1, 101, at::kFloat, 3)).abs().max().item<double>();
  EXPECT_LT(difference, 1e-4);
  EXPECT_GT(difference, 0.0);
}

TEST(ShardedAdamW, NarrowMomentsBesideF64AreADefect) {
  const auto world = make_world_of_one();
  const at::Tensor weights = initial_weights(10, at::kDouble), gradient = at::zeros({10}, at::kDouble);
  EXPECT_THROW(ShardedAdamW(*world, weights, gradient, {}, {.narrow_moments = true}), Error);
}

TEST(ShardedAdamW, NonFiniteGradientOnOneRankChangesNothing) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    run_thread_world(3, [&](Communicator& comm) {
      const at::Tensor weights = initial_weights(500, at::kBFloat16), gradient = at::zeros({500}, at::kFloat);
      ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(500));
      fill_gradient(comm, gradient, 0);
      optimizer.step(test_options(), kTestMaxNorm);
      const at::Tensor before[] = {weights.clone(), optimizer.master().clone(), optimizer.moment1().clone(),
                                   optimizer.moment2().clone()};
      fill_gradient(comm, gradient, 1);
      if (comm.rank() == 1) gradient[499].fill_(bad);
      const auto result = optimizer.step(test_options(), kTestMaxNorm);
      EXPECT_FALSE(result.applied);
      EXPECT_FALSE(std::isfinite(result.gradient_norm));
      const at::Tensor after[] = {weights, optimizer.master(), optimizer.moment1(), optimizer.moment2()};
      for (int i = 0; i < 4; ++i) EXPECT_TRUE(at::equal(after[i], before[i])) << i;
      EXPECT_EQ(optimizer.steps_taken(), 1);
      EXPECT_TRUE(at::equal(gradient, at::zeros({500}, at::kFloat)));
    });
  }
}

TEST(ShardedAdamW, AGradientThatIsNotAcceptedChangesNothing) {
  run_thread_world(3, [&](Communicator& comm) {
    const at::Tensor weights = initial_weights(500, at::kFloat), gradient = at::zeros({500}, at::kFloat);
    ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(500));
    const at::Tensor before = weights.clone();
    fill_gradient(comm, gradient, 0);
    double asked = 0;
    const auto result = optimizer.step(test_options(), kTestMaxNorm, [&](double norm) {
      asked = norm;
      EXPECT_FALSE(at::equal(gradient, at::zeros({500}, at::kFloat)));
      return false;
    });
    EXPECT_FALSE(result.applied);
    EXPECT_GT(asked, 0);
    EXPECT_EQ(asked, result.gradient_norm);
    EXPECT_EQ(optimizer.steps_taken(), 0);
    EXPECT_TRUE(at::equal(weights, before));
    EXPECT_TRUE(at::equal(gradient, at::zeros({500}, at::kFloat)));
  });
}

TEST(ShardedAdamW, RestoredStateContinuesBitForBit) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    run_thread_world(3, [&](Communicator& comm) {
      const at::Tensor weights = initial_weights(1000, dtype), gradient = at::zeros({1000}, at::kFloat);
      ShardedAdamW original(comm, weights, gradient, decayed_ranges(1000));
      for (int64_t step = 0; step < 2; ++step) {
        fill_gradient(comm, gradient, step);
        original.step(test_options(), kTestMaxNorm);
      }
      const at::Tensor other_weights = at::zeros({1000}, dtype),
                       other_gradient = at::zeros({1000}, at::kFloat);
      ShardedAdamW restored(comm, other_weights, other_gradient, decayed_ranges(1000));
      restored.restore(original.master(), original.moment1(), original.moment2(), original.steps_taken());
      EXPECT_TRUE(at::equal(other_weights, weights));
      fill_gradient(comm, gradient, 2);
      fill_gradient(comm, other_gradient, 2);
      original.step(test_options(), kTestMaxNorm);
      restored.step(test_options(), kTestMaxNorm);
      EXPECT_TRUE(at::equal(other_weights, weights));
      EXPECT_EQ(restored.steps_taken(), 3);
    });
  }
}

// Shards of two ranks, joined and cut again for three.
TEST(ShardedAdamW, StateMovesToAnotherNumberOfRanks) {
  at::Tensor master[2], moment1[2], moment2[2];
  run_thread_world(2, [&](Communicator& comm) {
    const at::Tensor weights = initial_weights(1010, at::kBFloat16), gradient = at::zeros({1010}, at::kFloat);
    ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(1010));
    fill_gradient(comm, gradient, 0);
    optimizer.step(test_options(), kTestMaxNorm);
    master[comm.rank()] = optimizer.master();
    moment1[comm.rank()] = optimizer.moment1();
    moment2[comm.rank()] = optimizer.moment2();
  });
  const at::Tensor expected = weights_on(1, 1010, at::kBFloat16, 2);
  run_thread_world(3, [&](Communicator& comm) {
    const at::Tensor weights = at::zeros({1010}, at::kBFloat16), gradient = at::zeros({1010}, at::kFloat);
    ShardedAdamW optimizer(comm, weights, gradient, decayed_ranges(1010));
    const FlatRange range = optimizer.pieces().front();
    const auto own = [&](const at::Tensor(&shards)[2]) {
      return at::cat({shards[0], shards[1]}).narrow(0, range.begin, range.end - range.begin);
    };
    optimizer.restore(own(master), own(moment1), own(moment2), 1);
    fill_gradient(comm, gradient, 1);
    optimizer.step(test_options(), kTestMaxNorm);
    EXPECT_TRUE(at::equal(weights, expected));
  });
}

TEST(ShardedAdamW, DecayBeyondTheWeightsIsADefect) {
  const auto world = make_world_of_one();
  const at::Tensor weights = initial_weights(10, at::kFloat), gradient = at::zeros({10}, at::kFloat);
  EXPECT_THROW(ShardedAdamW(*world, weights, gradient, decayed_ranges(40)), Error);
}

TEST(ShardedAdamW, StateOfAnotherShapeOrTypeIsRefused) {
  const auto world = make_world_of_one();
  const at::Tensor weights = initial_weights(10, at::kFloat), gradient = at::zeros({10}, at::kFloat);
  ShardedAdamW optimizer(*world, weights, gradient, {});
  const at::Tensor good = at::zeros({10}, at::kFloat), longer = at::zeros({11}, at::kFloat),
                   wide = at::zeros({10}, at::kDouble);
  const auto kind_of = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, int64_t steps) {
    try {
      optimizer.restore(a, b, c, steps);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kind_of(longer, good, good, 1), ErrorKind::kBadData);
  EXPECT_EQ(kind_of(good, wide, good, 1), ErrorKind::kBadData);
  EXPECT_EQ(kind_of(good, good, at::Tensor(), 1), ErrorKind::kBadData);
  EXPECT_EQ(kind_of(good, good, good, -1), ErrorKind::kBadData);
  EXPECT_TRUE(at::equal(weights, initial_weights(10, at::kFloat)));
}

// The exchange between GPUs, with the doubles of NCCL and CUDA.
TEST(ShardedAdamW, OverNcclGivesTheBitsOfOneRank) {
  for (const int ranks : {1, 2, 4}) {
    FakeDevice device;
    FakeNccl nccl(device);
    run_thread_world(ranks, [&](Communicator& comm) {
      NcclSession session(nccl, device, {.end_job = [](int) { ADD_FAILURE(); }});
      const auto exchange = nccl_collectives(session, comm, always(nullptr));
      const auto alone = make_world_of_one();
      EXPECT_TRUE(at::equal(weights_after(comm, 1003, at::kFloat, 3, exchange.get()),
                            weights_after(*alone, 1003, at::kFloat, 3)));
      session.close();
    });
    EXPECT_TRUE(device.violations().empty());
  }
}

}  // namespace
}  // namespace ropeway::testing
