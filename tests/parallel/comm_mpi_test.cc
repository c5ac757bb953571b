// The conformance cases over real MPI processes, once more with every transfer cut into small messages.
#include <gtest/gtest.h>

#include <cstdlib>

#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/mpi_session.h"
#include "tests/parallel/collectives_cases.h"
#include "tests/parallel/comm_cases.h"
#include "tests/parallel/mpi_main.h"

namespace ropeway::testing {
namespace {

class MpiConformance : public ::testing::TestWithParam<CommCase> {};

TEST_P(MpiConformance, Holds) { GetParam().run(mpi_session().world()); }

// 20000 stands for the 2^30 bytes at which transfers are cut: the path that lengths beyond INT_MAX take.
TEST_P(MpiConformance, HoldsInSmallMessages) {
  const auto world = internal::make_mpi_world({.max_message_bytes = 20'000, .reduce_scratch_bytes = 30'000});
  GetParam().run(*world);
}

class MpiCollectives : public ::testing::TestWithParam<CollectivesCase> {};

TEST_P(MpiCollectives, Hold) {
  CaseMemory memory;
  GetParam().run(mpi_session().world(), memory);
}

TEST_P(MpiCollectives, HoldInSmallMessages) {
  const auto world = internal::make_mpi_world({.max_message_bytes = 20'000, .reduce_scratch_bytes = 30'000});
  CaseMemory memory;
  GetParam().run(*world, memory);
}

INSTANTIATE_TEST_SUITE_P(All, MpiCollectives, ::testing::ValuesIn(collectives_cases()),
                         [](const ::testing::TestParamInfo<CollectivesCase>& info) {
                           return info.param.name;
                         });
INSTANTIATE_TEST_SUITE_P(All, MpiConformance, ::testing::ValuesIn(comm_cases()),
                         [](const ::testing::TestParamInfo<CommCase>& info) { return info.param.name; });

TEST(MpiSession, SeesTheJobTheLauncherStarted) {
  const MpiSession& session = mpi_session();
  EXPECT_TRUE(session.under_launcher());
  const bool open_mpi = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
  const auto told = [](const char* name) {
    const char* const value = std::getenv(name);
    EXPECT_NE(value, nullptr) << name;
    return value != nullptr ? std::atoi(value) : -1;
  };
  EXPECT_EQ(session.local_rank(), told(open_mpi ? "OMPI_COMM_WORLD_LOCAL_RANK" : "MPI_LOCALRANKID"));
  EXPECT_EQ(mpi_session().world().size(), told(open_mpi ? "OMPI_COMM_WORLD_SIZE" : "PMI_SIZE"));
  EXPECT_EQ(mpi_session().world().rank(), told(open_mpi ? "OMPI_COMM_WORLD_RANK" : "PMI_RANK"));
}

}  // namespace
}  // namespace ropeway::testing
