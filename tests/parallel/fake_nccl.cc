#include "tests/parallel/fake_nccl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "parallel/comm/reduce.h"

namespace ropeway::testing {
namespace {

thread_local bool in_group = false;
thread_local std::vector<std::shared_ptr<void>> noted;  // Parts of this thread's group

}  // namespace

using Lock = std::unique_lock<std::recursive_mutex>;

FakeNccl::Rank& FakeNccl::use(Comm comm, const char* call) {
  auto& rank = *static_cast<Rank*>(comm);
  if (rank.aborted || rank.destroyed) device_.report(fmt::format("{} on a communicator that is gone", call));
  return rank;
}

int FakeNccl::open_comms() {
  const Lock lock(device_.lock());
  return static_cast<int>(std::count_if(ranks_.begin(), ranks_.end(),
                                        [](const auto& r) { return !r->aborted && !r->destroyed; }));
}

int FakeNccl::aborted_comms() {
  const Lock lock(device_.lock());
  return static_cast<int>(
      std::count_if(ranks_.begin(), ranks_.end(), [](const auto& r) { return r->aborted; }));
}

void FakeNccl::fail() {
  const Lock lock(device_.lock());
  for (const auto& [number, clique] : cliques_) clique->failed = true;
}

NcclUniqueId FakeNccl::unique_id() {
  const Lock lock(device_.lock());
  NcclUniqueId id;
  const int64_t number = ids_++;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  cliques_[number] = std::make_unique<Clique>();
  return id;
}

NcclApi::Comm FakeNccl::init(const NcclUniqueId& id, int ranks, int rank) {
  const Lock lock(device_.lock());
  int64_t number = 0;
  std::memcpy(&number, id.bytes.data(), sizeof number);
  Clique& clique = *cliques_.at(number);
  clique.ranks = ranks;
  clique.collectives.resize(static_cast<size_t>(ranks));
  ++clique.joined;
  return ranks_
      .emplace_back(std::make_unique<Rank>(Rank{.clique = &clique, .rank = rank, .busy = faults.busy_looks}))
      .get();
}

NcclState FakeNccl::state(Comm comm) {
  const Lock lock(device_.lock());
  Rank& rank = use(comm, "state");
  if (rank.clique->failed) return {NcclState::Kind::kFailed, faults.why};
  const bool waits = faults.init_never_ends || rank.clique->joined < rank.clique->ranks ||
                     (rank.finalizing && rank.clique->finalizing < rank.clique->ranks);
  if (waits || rank.busy > 0) {
    rank.busy = std::max(0, rank.busy - 1);
    return {NcclState::Kind::kBusy, ""};
  }
  return {};
}

void FakeNccl::group_start() { in_group = true; }

void FakeNccl::note(Comm comm, const char* call, Part part) {
  const Lock lock(device_.lock());
  part.owner = &use(comm, call);
  if (!in_group) device_.report(fmt::format("{} outside a group", call));
  if (part.owner->busy > 0) device_.report(fmt::format("{} on a busy communicator", call));
  noted.push_back(std::make_shared<Part>(part));
}

void FakeNccl::group_end() {
  const Lock lock(device_.lock());
  in_group = false;
  std::vector<PartPtr> parts;
  for (const auto& part : noted) parts.push_back(std::static_pointer_cast<Part>(part));
  noted.clear();
  if (parts.empty()) return;
  const int64_t group = groups_++;
  for (const PartPtr& part : parts) {
    part->owner->busy = faults.busy_looks;
    const int64_t all = part->bytes * part->owner->clique->ranks;
    const bool gathers = part->kind == Part::Kind::kGather,
               scatters = part->kind == Part::Kind::kReduceScatter;
    if (part->source != nullptr) {
      device_.touch(part->stream, part->source, scatters ? all : part->bytes, Access::kRead);
    }
    if (part->target != nullptr) {
      device_.touch(part->stream, part->target, gathers ? all : part->bytes, Access::kWrite);
      if (part->kind == Part::Kind::kRecv) device_.spoil(part->stream, part->target, part->bytes);
    }
  }
  const bool stuck = (faults.hangs_from_group >= 0 && group >= faults.hangs_from_group) ||
                     (faults.fails_from_group >= 0 && group >= faults.fails_from_group);
  if (faults.fails_from_group >= 0 && group >= faults.fails_from_group) fail();
  device_.queue(parts.front()->stream, [this, parts, stuck, posted = false]() mutable {
    if (parts.front()->owner->aborted) return true;
    if (stuck) return false;
    if (!posted) {
      posted = true;
      for (const PartPtr& part : parts) post(part);
    }
    return std::all_of(parts.begin(), parts.end(), [](const PartPtr& part) { return part->done; });
  });
}

void FakeNccl::post(const PartPtr& part) {
  Clique& clique = *part->owner->clique;
  const int own = part->owner->rank;
  switch (part->kind) {
    case Part::Kind::kSend:
      clique.sends[{own, part->peer}].push_back(part);
      break;
    case Part::Kind::kRecv:
      clique.recvs[{part->peer, own}].push_back(part);
      break;
    default:
      clique.collectives[static_cast<size_t>(own)].push_back(part);
  }
  match(clique);
}

void FakeNccl::match(Clique& clique) {
  for (auto& [pair, sends] : clique.sends) {
    auto& recvs = clique.recvs[pair];
    while (!sends.empty() && !recvs.empty()) {
      if (sends.front()->bytes != recvs.front()->bytes)
        device_.report("a send meets a receive of another length");
      if (const auto bytes = static_cast<size_t>(sends.front()->bytes); bytes > 0) {
        std::memmove(recvs.front()->target, sends.front()->source, bytes);
      }
      sends.front()->done = recvs.front()->done = true;
      sends.pop_front();
      recvs.pop_front();
    }
  }
  const auto& waiting = clique.collectives;
  while (std::none_of(waiting.begin(), waiting.end(), [](const auto& parts) { return parts.empty(); })) {
    std::vector<PartPtr> parts;
    for (auto& own : clique.collectives) {
      parts.push_back(own.front());
      own.pop_front();
    }
    run_collective(parts);
  }
}

void FakeNccl::run_collective(std::vector<PartPtr>& parts) {
  const Part& first = *parts.front();
  const auto bytes = static_cast<size_t>(first.bytes);
  // source(r): the first byte of what rank r gives.
  const auto reduced = [&](const auto& source) {
    std::vector<std::byte> result(bytes);
    if (bytes > 0) std::memcpy(result.data(), source(0), bytes);
    for (size_t r = 1; r < parts.size(); ++r) {
      reduce_into(result.data(), source(r), first.bytes / bytes_of(first.dtype), first.dtype, first.op);
    }
    return result;
  };
  const auto put = [&](size_t rank, size_t offset, const void* source) {
    if (bytes > 0) std::memmove(static_cast<std::byte*>(parts[rank]->target) + offset, source, bytes);
  };
  if (first.kind == Part::Kind::kReduce) {
    const auto sum = reduced([&](size_t r) { return parts[r]->target; });
    for (size_t r = 0; r < parts.size(); ++r) put(r, 0, sum.data());
  } else if (first.kind == Part::Kind::kReduceScatter) {
    for (size_t share = 0; share < parts.size(); ++share) {
      const auto sum =
          reduced([&](size_t r) { return static_cast<const std::byte*>(parts[r]->source) + share * bytes; });
      put(share, 0, sum.data());
    }
  } else if (first.kind == Part::Kind::kBroadcast) {
    const void* source = parts[static_cast<size_t>(first.peer)]->target;
    for (size_t r = 0; r < parts.size(); ++r) put(r, 0, source);
  } else {
    for (size_t rank = 0; rank < parts.size(); ++rank) {
      for (size_t r = 0; r < parts.size(); ++r) put(rank, r * bytes, parts[r]->source);
    }
  }
  for (const PartPtr& part : parts) part->done = true;
}

void FakeNccl::send(const void* data, int64_t bytes, int to, Comm comm, CudaStream stream) {
  note(comm, "send",
       {.kind = Part::Kind::kSend, .source = data, .bytes = bytes, .peer = to, .stream = stream});
}
void FakeNccl::recv(void* data, int64_t bytes, int from, Comm comm, CudaStream stream) {
  note(comm, "recv",
       {.kind = Part::Kind::kRecv, .target = data, .bytes = bytes, .peer = from, .stream = stream});
}
void FakeNccl::all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, Comm comm, CudaStream stream) {
  note(comm, "all_reduce",
       {.kind = Part::Kind::kReduce,
        .target = data,
        .bytes = count * bytes_of(dtype),
        .dtype = dtype,
        .op = op,
        .stream = stream});
}
void FakeNccl::reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype, ReduceOp op,
                              Comm comm, CudaStream stream) {
  note(comm, "reduce_scatter",
       {.kind = Part::Kind::kReduceScatter,
        .source = send,
        .target = recv,
        .bytes = count_per_rank * bytes_of(dtype),
        .dtype = dtype,
        .op = op,
        .stream = stream});
}
void FakeNccl::broadcast(void* data, int64_t bytes, int root, Comm comm, CudaStream stream) {
  note(comm, "broadcast",
       {.kind = Part::Kind::kBroadcast, .target = data, .bytes = bytes, .peer = root, .stream = stream});
}
void FakeNccl::all_gather(const void* send, void* recv, int64_t bytes_per_rank, Comm comm,
                          CudaStream stream) {
  note(comm, "all_gather",
       {.kind = Part::Kind::kGather,
        .source = send,
        .target = recv,
        .bytes = bytes_per_rank,
        .stream = stream});
}

void FakeNccl::finalize(Comm comm) {
  const Lock lock(device_.lock());
  Rank& rank = use(comm, "finalize");
  rank.finalizing = true;
  ++rank.clique->finalizing;
}

void FakeNccl::destroy(Comm comm) {
  const Lock lock(device_.lock());
  Rank& rank = use(comm, "destroy");
  if (!rank.finalizing) device_.report("destroy without finalize");
  rank.destroyed = true;
}

void FakeNccl::abort(Comm comm) {
  ++aborts_begun_;
  while (aborts_held_ || aborts_begun_ < aborts_meet_)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Lock lock(device_.lock());
  Rank& rank = use(comm, "abort");
  rank.aborted = true;
  // Nobody may write to its buffers, or wait for them, any more.
  const auto forget = [&](std::deque<PartPtr>& parts) {
    std::erase_if(parts, [&](const PartPtr& part) { return part->owner == &rank; });
  };
  for (auto& [pair, parts] : rank.clique->sends) forget(parts);
  for (auto& [pair, parts] : rank.clique->recvs) forget(parts);
  for (auto& parts : rank.clique->collectives) forget(parts);
  device_.changed();
}

}  // namespace ropeway::testing
