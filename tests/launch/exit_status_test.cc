// All ranks end alike: the agreement on the exit code, on threads.
#include "launch/exit_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <mutex>
#include <stdexcept>

#include "kernels/base/error.h"
#include "parallel/comm/thread_world.h"

namespace ropeway {
namespace {

struct Agreed {
  std::vector<int> codes;  // by rank
  std::string printed;
};

Agreed agree(const std::vector<Outcome>& outcomes) {
  const int ranks = static_cast<int>(outcomes.size());
  Agreed agreed{std::vector<int>(outcomes.size(), -1), ""};
  std::barrier<> arrivals(ranks);
  ::testing::internal::CaptureStderr();
  run_thread_world(ranks, [&](Communicator& world) {
    const auto rank = static_cast<size_t>(world.rank());
    const auto all_arrive = [&](double) {
      arrivals.arrive_and_wait();
      return true;
    };
    agreed.codes[rank] = agree_on_exit({world, all_arrive}, outcomes[rank]);
  });
  agreed.printed = ::testing::internal::GetCapturedStderr();
  return agreed;
}

using ::testing::Each;
using ::testing::IsEmpty;

TEST(ExitStatus, SuccessEverywhereIsSilent) {
  const Agreed agreed = agree({{}, {}, {}});
  EXPECT_THAT(agreed.codes, Each(0));
  EXPECT_THAT(agreed.printed, IsEmpty());
}

TEST(ExitStatus, TheSameErrorEverywhereIsPrintedOnce) {
  const Agreed agreed = agree({{65, "bad file"}, {65, "bad file"}, {65, "bad file"}});
  EXPECT_THAT(agreed.codes, Each(65));
  EXPECT_EQ(agreed.printed, "ropeway: bad file\n");
}

TEST(ExitStatus, OneFailedRankIsNamedAndItsCodeIsEveryones) {
  const Agreed agreed = agree({{}, {}, {74, "disk"}});
  EXPECT_THAT(agreed.codes, Each(74));
  EXPECT_EQ(agreed.printed, "ropeway: rank 2: disk\n");
}

TEST(ExitStatus, TheRankThatFailedByItselfGoesBeforeThoseThatNoticed) {
  const Agreed agreed = agree({{76, "another rank failed"}, {65, "bad file"}, {76, "another rank failed"}});
  EXPECT_THAT(agreed.codes, Each(65));
  EXPECT_EQ(agreed.printed, "ropeway: rank 1: bad file\n");
}

TEST(ExitStatus, ErrorsOfARecipeKeepTheirForm) {
  const Agreed agreed =
      agree({{78, "r.yaml:1:2: seed: found x\nr.yaml:3:4: name: found y"}, {78, "the same"}});
  EXPECT_EQ(agreed.printed, "r.yaml:1:2: seed: found x\nr.yaml:3:4: name: found y\n");
}

template <typename Exception>
Outcome caught(const Exception& exception) {
  return outcome_of(std::make_exception_ptr(exception));
}

TEST(ExitStatus, ExceptionsBecomeCodesAndMessages) {
  EXPECT_EQ(caught(Error(ErrorKind::kMissingInput, "gone")).code, 66);
  EXPECT_EQ(caught(Error(ErrorKind::kMissingInput, "gone")).message, "gone");
  EXPECT_EQ(caught(std::runtime_error("odd")).code, 70);
  EXPECT_EQ(caught(std::runtime_error("odd")).message, "unexpected error: odd");
  EXPECT_EQ(caught(std::bad_alloc()).code, 80);
  EXPECT_EQ(caught(std::bad_alloc()).message, "out of memory: std::bad_alloc");
  EXPECT_EQ(caught(7).code, 70);
}

}  // namespace
}  // namespace ropeway
