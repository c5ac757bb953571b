#include "tests/parallel/mpi_main.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"

namespace ropeway::testing {
namespace {

MpiSession* session = nullptr;

// Other ranks are silent but for their failures.
class FailuresOnly : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", session->world().rank(),
                 result.file_name() ? result.file_name() : "?", result.line_number(), result.message());
  }
};

}  // namespace

MpiSession& mpi_session() { return *session; }

}  // namespace ropeway::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ropeway::MpiSession session;
  ropeway::testing::session = &session;
  if (session.world().rank() != 0) {
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new ropeway::testing::FailuresOnly);
  }
  const bool failed = RUN_ALL_TESTS() != 0;
  return ropeway::any_rank(session.world(), failed) ? 1 : 0;
}
