#include "launch/rank_table.h"

#include <gmock/gmock.h>

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

CoreSet cores(size_t begin, size_t end) {
  CoreSet set;
  for (size_t core = begin; core < end; ++core) set.set(core);
  return set;
}
RankSeat seat(const std::string& host, const CoreSet& set, int threads, int there) {
  return {.host = host,
          .cores = set,
          .threads = threads,
          .cores_of_host = there,
          .memory_bytes = int64_t{3} << 29};
}

TEST(RankTable, NamesCoresInRuns) {
  EXPECT_EQ(words_for(cores(0, 4) | cores(8, 9)), "0-3,8");
  EXPECT_EQ(words_for({}), "");
}

TEST(RankTable, HasALinePerRankWithItsPlaceInTheMesh) {
  const std::string table = rank_table({seat("a", cores(0, 2), 2, 4), seat("a", cores(2, 4), 2, 4),
                                        seat("node2", cores(0, 1), 1, 1), seat("node2", cores(0, 1), 1, 1)},
                                       2);
  EXPECT_EQ(table,
            "rank  host   cores  threads  memory free  data  sequence\n"
            "   0  a      0-1          2      1.5 GiB     0         0\n"
            "   1  a      2-3          2      1.5 GiB     0         1\n"
            "   2  node2  0            1      1.5 GiB     1         0\n"
            "   3  node2  0            1      1.5 GiB     1         1");
  RankSeat gpu = seat("a", cores(0, 2), 2, 4);
  gpu.gpu = "0: NVIDIA H100";
  EXPECT_THAT(rank_table({gpu}, 1), HasSubstr("GPU             threads"));
}

TEST(SeatWarnings, NoneWhereThreadsFitTheCores) {
  EXPECT_THAT(seat_warnings({seat("a", cores(0, 2), 2, 4), seat("a", cores(2, 4), 2, 4)}), IsEmpty());
  EXPECT_THAT(seat_warnings({seat("a", cores(0, 2), 1, 2), seat("a", cores(0, 2), 1, 2)}), IsEmpty());
}

TEST(SeatWarnings, TooManyThreadsAreSaidWithTheNumberThatFits) {
  const auto warnings = seat_warnings({seat("a", cores(0, 4), 8, 4), seat("a", cores(0, 4), 8, 4),
                                       seat("b", cores(0, 16), 8, 16), seat("b", cores(0, 16), 8, 16)});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("a: 2 ranks with up to 8 threads each, 16 in all, on 4 cores"));
  EXPECT_THAT(warnings[0], HasSubstr("OMP_NUM_THREADS=2"));
  EXPECT_THAT(warnings[0], Not(HasSubstr("--bind-to")));
}

TEST(SeatWarnings, MoreRanksThanCoresAreSaid) {
  const auto warnings = seat_warnings({seat("a", cores(0, 1), 1, 1), seat("a", cores(0, 1), 1, 1)});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("a: 2 ranks on 1 core, which they share"));
}

TEST(SeatWarnings, RanksBoundToFewOfTheCoresAreSaidWithTheOptionThatFreesThem) {
  const auto warnings = seat_warnings({seat("a", cores(0, 1), 1, 16), seat("a", cores(1, 2), 1, 16)});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("a: 2 ranks may run on 2 of 16 cores: mpirun --bind-to none"));
  const auto both = seat_warnings({seat("a", cores(0, 1), 8, 16), seat("a", cores(1, 2), 8, 16)});
  ASSERT_EQ(both.size(), 1u);
  EXPECT_THAT(both[0], HasSubstr("OMP_NUM_THREADS=8"));
  EXPECT_THAT(both[0], HasSubstr("they may run on 2 of 16 cores: mpirun --bind-to none"));
}

TEST(SeatWarnings, CoresOfRanksWithAGpuOnlyFeedIt) {
  RankSeat gpu = seat("a", cores(0, 1), 8, 16);
  gpu.gpu = "0: NVIDIA H100";
  EXPECT_THAT(seat_warnings({gpu}), IsEmpty());
}

}  // namespace
}  // namespace ropeway
