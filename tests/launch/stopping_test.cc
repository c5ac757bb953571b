// Time limits and the patience of launchers.
#include "launch/stopping.h"

#include <gmock/gmock.h>

#include <ctime>
#include <thread>

#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

class TimeLimit : public testing::Test {
 protected:
  ~TimeLimit() override { unsetenv("SLURM_JOB_END_TIME"); }

  // Whether the ranks stop within half a second under this limit, and what is said of it.
  bool stops(const std::string& limit) {
    const auto world = make_world_of_one();
    StopAgreement stop(*world, {.period = std::chrono::milliseconds(5)});
    testing::internal::CaptureStderr();
    limit_time(stop, limit, true);
    said_ = testing::internal::GetCapturedStderr();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_TRUE(!stop.agreed() || stop.reason() == StopAgreement::Reason::kDeadline);
    return stop.agreed();
  }
  void end_in(int64_t seconds) {
    setenv("SLURM_JOB_END_TIME", fmt::format("{}", std::time(nullptr) + seconds).c_str(), 1);
  }
  std::string said_;
};

TEST_F(TimeLimit, IsKept) {
  EXPECT_TRUE(stops("2s"));  // two seconds are for coming to a stop
  EXPECT_FALSE(stops("1h"));
  EXPECT_THAT(said_, HasSubstr("ends in 1h (--time-limit): it saves and stops 1m before"));
}

TEST_F(TimeLimit, ComesFromSlurmWhereNoneIsGiven) {
  EXPECT_FALSE(stops(""));
  EXPECT_EQ(said_, "");
  end_in(3600);
  EXPECT_FALSE(stops(""));
  EXPECT_THAT(said_, HasSubstr("SLURM_JOB_END_TIME"));
  end_in(2);
  EXPECT_TRUE(stops(""));
  EXPECT_FALSE(stops("1h")) << "what is given counts";
}

// An environment that an earlier job left must not end every run at once.
TEST_F(TimeLimit, OfTheVariableThatIsNoTimeToComeIsNone) {
  for (const char* text : {"0", "yesterday", "", "1600000000"}) {
    setenv("SLURM_JOB_END_TIME", text, 1);
    EXPECT_FALSE(stops("")) << text;
    EXPECT_THAT(said_, HasSubstr("is not a time to come"));
  }
}

TEST_F(TimeLimit, MustBeATime) {
  for (const char* text : {"10", "soon", "-1h", "1.5h"}) {
    expect_error(ErrorKind::kUsage, {"--time-limit", text, "3h50m"}, [&] {
      const auto world = make_world_of_one();
      StopAgreement stop(*world, {});
      limit_time(stop, text, false);
    });
  }
}

TEST(Grace, IsOpenMpisOneSecondUnlessItsEnvironmentSaysMore) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "OMPI_MCA_odls_base_sigkill_timeout"}) unsetenv(name);
  EXPECT_LT(grace_of_launcher(), 0);
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  EXPECT_EQ(grace_of_launcher(), 1);
  setenv("OMPI_MCA_odls_base_sigkill_timeout", "30", 1);
  EXPECT_EQ(grace_of_launcher(), 30);
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "OMPI_MCA_odls_base_sigkill_timeout"}) unsetenv(name);
}

}  // namespace
}  // namespace ropeway
