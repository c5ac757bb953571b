#include "parallel/comm/agreement.h"

#include <gmock/gmock.h>

#include <mutex>

#include "parallel/comm/thread_world.h"
#include "tests/support/errors.h"

namespace ropeway {
namespace {

using ::testing::Each;

// What every rank is told.
std::vector<std::string> told(const std::vector<std::vector<Fact>>& facts,
                              const std::string& missing = "nothing") {
  std::vector<std::string> all(facts.size());
  run_thread_world(static_cast<int>(facts.size()), [&](Communicator& world) {
    const auto rank = static_cast<size_t>(world.rank());
    all[rank] = differences(world, facts[rank], missing);
  });
  return all;
}

TEST(Agreement, SameFactsInAnyOrderAgree) {
  EXPECT_THAT(told({{{"a", "1"}, {"b", "2"}}, {{"b", "2"}, {"a", "1"}}}), Each(""));
  EXPECT_THAT(told({{}, {}, {}}), Each(""));
}

TEST(Agreement, NamesRanksAndBothValuesOnEveryRank) {
  EXPECT_THAT(told({{{"commit", "abc"}}, {{"commit", "def"}}, {{"commit", "abc"}}}),
              Each("commit: ranks 0, 2: abc; rank 1: def"));
}

TEST(Agreement, AMissingFactIsAValueOrNoVote) {
  EXPECT_THAT(told({{{"x", "1"}}, {}}), Each("x: rank 0: 1; rank 1: nothing"));
  EXPECT_THAT(told({{{"x", "1"}}, {}}, ""), Each(""));
}

TEST(Agreement, ManyRanksAndLinesAreCut) {
  std::vector<std::vector<Fact>> facts(12);
  for (size_t rank = 0; rank < facts.size(); ++rank) {
    for (int i = 10; i < 30; ++i) facts[rank].push_back({fmt::format("fact {}", i), rank == 5 ? "x" : "y"});
  }
  const std::string found = told(facts)[3];
  EXPECT_EQ(found.find("fact 10: ranks 0, 1, 2, 3, 4, 6, 7, 8 and 3 more: y; rank 5: x\nfact 11: "), 0u)
      << found;
  EXPECT_NE(found.find("\nand 8 more"), std::string::npos) << found;
}

TEST(Agreement, ThrowsTheKindThatIsWanted) {
  run_thread_world(2, [&](Communicator& world) {
    const std::vector<Fact> facts = {{"weights", world.rank() == 0 ? "aa" : "bb"}};
    expect_error(ErrorKind::kBadData,
                 {"the ranks of this job read different inputs:\nweights: rank 0: aa; rank 1: bb"},
                 [&] { require_agreement(world, ErrorKind::kBadData, "read different inputs", facts); });
  });
}

}  // namespace
}  // namespace ropeway
