// Exchanges that go on while the caller computes, for groups that can do that.
//
//   auto arriving = start_all_gather(*exchange, own, all, bytes);
//   ... compute; neither `own` is written to nor `all` is touched ...
//   arriving->wait();                     // results are there as collectives.h says
#pragma once

#include "parallel/comm/collectives.h"

namespace ropeway {

// A group that can. At most four exchanges may be in flight, hops included, and all ranks start them in one
// order.
class ExchangesAhead {
 public:
  virtual ~ExchangesAhead() = default;
  virtual std::unique_ptr<Hop> start_reduce_scatter(const void* send, void* recv, int64_t count_per_rank,
                                                    DType dtype, ReduceOp op) = 0;
  virtual std::unique_ptr<Hop> start_all_gather(const void* send, void* recv, int64_t bytes_per_rank) = 0;
};

// One that is over.
class FinishedHop : public Hop {
 public:
  void wait() override {}
};

// As the verbs of that name, whose results may be there only after wait(): in groups that cannot exchange
// ahead they are there at once.
[[nodiscard]] inline std::unique_ptr<Hop> start_reduce_scatter(Collectives& group, const void* send,
                                                               void* recv, int64_t count_per_rank,
                                                               DType dtype, ReduceOp op) {
  if (auto* ahead = dynamic_cast<ExchangesAhead*>(&group)) {
    return ahead->start_reduce_scatter(send, recv, count_per_rank, dtype, op);
  }
  group.reduce_scatter(send, recv, count_per_rank, dtype, op);
  return std::make_unique<FinishedHop>();
}
[[nodiscard]] inline std::unique_ptr<Hop> start_all_gather(Collectives& group, const void* send, void* recv,
                                                           int64_t bytes_per_rank) {
  if (auto* ahead = dynamic_cast<ExchangesAhead*>(&group)) {
    return ahead->start_all_gather(send, recv, bytes_per_rank);
  }
  group.all_gather(send, recv, bytes_per_rank);
  return std::make_unique<FinishedHop>();
}

}  // namespace ropeway
