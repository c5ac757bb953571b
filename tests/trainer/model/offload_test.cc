// Records that wait in host memory: the same bits as records that stay, whenever copies happen to run.
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "kernels/base/error.h"
#include "tests/trainer/model/model_case.h"
#include "trainer/model/offloaded_activations.h"

namespace ropeway::testing {
namespace {

// What a test looks at afterwards.
struct Ledger {
  std::vector<int64_t> host_memory;  // bytes, one entry an allocation
  int64_t copies = 0, waits_for_unfinished = 0;
};

// Copies as a slow stream would make them: none before somebody waits for it. A record that is written over
// too early, or used before it is there, then has other bits.
class LateCopies : public ops::HostCopies {
 public:
  explicit LateCopies(Ledger& ledger) : ledger_(ledger) {}

  at::Tensor host_memory(int64_t bytes) override {
    ledger_.host_memory.push_back(bytes);
    return at::empty({bytes}, at::kByte).fill_(0xff);  // NaN as a number of any type
  }
  Ticket start(const at::Tensor& from, const at::Tensor& to) override {
    ++ledger_.copies;
    pending_.push_back({from, to});
    return ++started_;
  }
  void compute_after(Ticket ticket) override {
    if (finished_ < ticket) ++ledger_.waits_for_unfinished;
    for (; finished_ < ticket; ++finished_) {
      pending_.front().to.copy_(pending_.front().from);
      pending_.pop_front();
    }
  }

 private:
  struct Copy {
    at::Tensor from, to;
  };
  Ledger& ledger_;
  std::deque<Copy> pending_;
  Ticket started_ = 0, finished_ = 0;
};

EngineRun with_copies(at::ScalarType dtype,
                      const std::function<std::unique_ptr<ops::HostCopies>()>& make_copies,
                      int64_t slots = 2) {
  EngineRun run;
  run.dtype = dtype;
  run.repetitions = 3;
  if (make_copies) {
    run.hooks.make_activations = [make_copies, slots](const ModelConfig& config) {
      return std::make_unique<OffloadedActivations>(config, slots, make_copies());
    };
  }
  return run;
}

void expect_same_bits(const EngineResult& found, const EngineResult& wanted) {
  EXPECT_EQ(found.loss, wanted.loss);
  EXPECT_TRUE(at::equal(found.flat_gradients, wanted.flat_gradients));
}

class OffloadTest : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(OffloadTest, GivesTheSameBitsAsResident) {
  for (const int64_t layers : {1, 2, 3, 4, 8}) {
    const ModelCase c = make_case({.layers = layers, .length = 32});
    const EngineResult resident = run_on_threads(c, with_copies(GetParam(), nullptr), 1);
    Ledger ledger;
    expect_same_bits(
        run_on_threads(c, with_copies(GetParam(), [&] { return std::make_unique<LateCopies>(ledger); }), 1),
        resident);
    expect_same_bits(
        run_on_threads(c, with_copies(GetParam(), [] { return ops::make_host_copies(at::kCPU); }), 1),
        resident);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, OffloadTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

TEST(OffloadTest, GivesTheSameBitsWithMoreSlots) {
  const ModelCase c = make_case({.layers = 6, .length = 32});
  const EngineResult resident = run_on_threads(c, with_copies(at::kFloat, nullptr), 1);
  for (const int64_t slots : {3, 5, 8}) {
    Ledger ledger;
    const auto late = [&] { return std::make_unique<LateCopies>(ledger); };
    const EngineResult found = run_on_threads(c, with_copies(at::kFloat, late, slots), 1);
    expect_same_bits(found, resident);
    EXPECT_EQ(ledger.copies, 3 * 2 * std::max<int64_t>(0, 6 - slots) * 3) << slots;
  }
}

TEST(OffloadTest, GivesTheSameBitsOnARing) {
  const ModelCase c = make_case({.layers = 6, .length = 32});
  const EngineResult resident = run_on_threads(c, with_copies(at::kFloat, nullptr), 4);
  expect_same_bits(
      run_on_threads(c, with_copies(at::kFloat, [] { return ops::make_host_copies(at::kCPU); }), 4),
      resident);
}

TEST(OffloadTest, GivesTheSameBitsWhenAttentionIsRepeated) {
  const ModelCase c = make_case({.layers = 6, .length = 32});
  EngineRun stays = with_copies(at::kFloat, nullptr);
  Ledger ledger;
  EngineRun leaves = with_copies(at::kFloat, [&] { return std::make_unique<LateCopies>(ledger); });
  stays.plan.save_attention = leaves.plan.save_attention = false;
  expect_same_bits(run_on_threads(c, leaves, 1), run_on_threads(c, stays, 1));
}

// Eight blocks, two records' room: six leave, with input, output and log-sum-exp each, and come back.
TEST(OffloadTest, MovesWhatDoesNotFitAndTakesMemoryOnce) {
  const ModelCase c = make_case({.layers = 8, .length = 32});
  Ledger ledger;
  const EngineResult found =
      run_on_threads(c, with_copies(at::kFloat, [&] { return std::make_unique<LateCopies>(ledger); }), 1);
  EXPECT_EQ(ledger.copies, 3 * 2 * 6 * 3);
  EXPECT_EQ(ledger.host_memory.size(), 6 * 3);
  const int64_t tokens = c.tokens.numel();
  const int64_t record = tokens * 4 * (24 + 4 * 8 + 4);  // hidden, heads of 8 dims, log-sum-exp of each
  EXPECT_EQ(found.activation_bytes, 2 * record);
  int64_t host = 0;
  for (const int64_t bytes : ledger.host_memory) host += bytes;
  EXPECT_EQ(host, 6 * record);
}

// Nothing waits for a copy that was not started before a block's attention or backward pass: that much time
// it has.
TEST(OffloadTest, CopiesHaveABlocksTime) {
  struct Clock : ops::HostCopies {
    int64_t& blocks;               // whose long work has been queued
    std::vector<int64_t> started;  // when, by that clock
    int64_t waits = 0;
    explicit Clock(int64_t& now) : blocks(now) {}
    at::Tensor host_memory(int64_t bytes) override { return at::empty({bytes}, at::kByte); }
    Ticket start(const at::Tensor& from, const at::Tensor& to) override {
      to.copy_(from);
      started.push_back(blocks);
      return static_cast<Ticket>(started.size());
    }
    void compute_after(Ticket ticket) override {
      if (ticket == 0) return;
      ++waits;
      EXPECT_LT(started.at(static_cast<size_t>(ticket - 1)), blocks) << "copy " << ticket;
    }
  };
  constexpr int64_t kLayers = 7;
  int64_t blocks = 0;
  auto clock = std::make_unique<Clock>(blocks);
  const Clock& seen = *clock;
  OffloadedActivations store(make_case({.layers = kLayers}).config, 2, std::move(clock));
  for (int step = 0; step < 2; ++step) {
    store.begin_step(4, at::TensorOptions(at::kFloat), 0);
    store.open(0);
    for (int64_t layer = 0; layer < kLayers; ++layer) {
      store.open(layer).input.fill_(static_cast<double>(layer));
      ++blocks;  // its attention
      if (layer + 1 < kLayers) store.open(layer + 1);
      store.seal(layer);
    }
    for (int64_t layer = kLayers - 1; layer >= 0; --layer) {
      EXPECT_EQ(store.fetch(layer).input.max().item<double>(), static_cast<double>(layer));
      ++blocks;  // its backward pass
      store.release(layer);
    }
  }
  EXPECT_EQ(seen.started.size(), 2u * 2 * (kLayers - 2));
  EXPECT_GE(seen.waits, 2 * 2 * (kLayers - 2));
}

}  // namespace
}  // namespace ropeway::testing
