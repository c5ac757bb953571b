// NCCL between pretend GPUs: nothing travels, but every call is looked at. A communicator is busy for a while
// after each group and while it is joined or left, as one that does not block is; whoever uses it then, sends
// outside of a group or beyond an allocation, or sends without receiving, is told off.
#include <nccl.h>

#include <map>
#include <mutex>
#include <set>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/streams.h"

using namespace ropeway::pretend;

struct ncclComm {
  int ranks = 0, rank = 0, device = 0;
  int busy = 0;  // so many questions from now on are answered with "in progress"
  bool finalized = false;
};

namespace {

constexpr int kBusyQuestions = 2;

std::mutex mutex;
std::set<ncclComm_t>& known() {
  static auto* all = new std::set<ncclComm_t>;
  return *all;
}

// Of the calling thread's open group.
thread_local int depth = 0;
thread_local std::map<ncclComm_t, int> unanswered;  // sends less receives

void expect_comm(const char* call, ncclComm_t comm) {
  const std::lock_guard lock(mutex);
  expect(known().count(comm) > 0, "{}: no communicator, or no longer", call);
}

void expect_ready(const char* call, ncclComm_t comm, cudaStream_t stream) {
  expect_comm(call, comm);
  expect_stream(call, stream);
  expect(comm->busy == 0 && !comm->finalized, "{}: the communicator is busy or was taken leave of", call);
  expect(comm->device == current_device(), "{}: the current device is {}, the communicator's is {}", call,
         current_device(), comm->device);
}

int64_t bytes_of(size_t count, ncclDataType_t type) {
  const auto elements = static_cast<int64_t>(count);
  switch (type) {
    case ncclUint8:
      return elements;
    case ncclBfloat16:
      return 2 * elements;
    case ncclFloat32:
      return 4 * elements;
    case ncclFloat64:
    case ncclInt64:
      return 8 * elements;
    default:
      complain("NCCL: a type that the program does not send");
  }
}

void look_at(const char* call, const void* data, int64_t bytes) {
  if (bytes > 0) expect_device_memory(call, data, bytes);
}

ncclResult_t queued(ncclComm_t comm) {
  if (depth > 0) {
    unanswered[comm];
    return ncclSuccess;
  }
  comm->busy = kBusyQuestions;
  return ncclInProgress;
}

ncclResult_t transfer(const char* call, const void* data, int64_t bytes, int peer, ncclComm_t comm,
                      cudaStream_t stream, int direction) {
  expect_ready(call, comm, stream);
  expect(depth > 0, "{}: outside of a group", call);
  expect(peer >= 0 && peer < comm->ranks, "{}: rank {} of {}", call, peer, comm->ranks);
  look_at(call, data, bytes);
  unanswered[comm] += direction;
  return ncclSuccess;
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t) { return "an error of the pretend NCCL"; }
const char* ncclGetLastError(ncclComm_t) { return ""; }
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  *id = {};
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId, int rank,
                                    ncclConfig_t* config) {
  expect(rank >= 0 && rank < ranks, "ncclCommInitRankConfig: rank {} of {}", rank, ranks);
  expect(config->blocking == 0, "ncclCommInitRankConfig: a communicator that blocks");
  *comm = new ncclComm{.ranks = ranks, .rank = rank, .device = current_device(), .busy = kBusyQuestions};
  const std::lock_guard lock(mutex);
  known().insert(*comm);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* result) {
  expect_comm("ncclCommGetAsyncError", comm);
  *result = comm->busy > 0 ? ncclInProgress : ncclSuccess;
  if (comm->busy > 0) --comm->busy;
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  ++depth;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  expect(depth > 0, "ncclGroupEnd: no group was begun");
  if (--depth > 0) return ncclSuccess;
  for (const auto& [comm, sends] : unanswered) {
    expect(sends == 0, "ncclGroupEnd: {} more sends than receives in a ring's hop", sends);
    comm->busy = kBusyQuestions;
  }
  unanswered.clear();
  return ncclInProgress;
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return transfer("ncclSend", data, bytes_of(count, type), peer, comm, stream, 1);
}
ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return transfer("ncclRecv", data, bytes_of(count, type), peer, comm, stream, -1);
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t,
                           ncclComm_t comm, cudaStream_t stream) {
  expect_ready("ncclAllReduce", comm, stream);
  look_at("ncclAllReduce", from, bytes_of(count, type));
  look_at("ncclAllReduce", to, bytes_of(count, type));
  return queued(comm);
}
ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t,
                               ncclComm_t comm, cudaStream_t stream) {
  expect_ready("ncclReduceScatter", comm, stream);
  look_at("ncclReduceScatter", from, comm->ranks * bytes_of(count, type));
  look_at("ncclReduceScatter", to, bytes_of(count, type));
  return queued(comm);
}
ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  expect_ready("ncclBroadcast", comm, stream);
  expect(root >= 0 && root < comm->ranks, "ncclBroadcast: rank {} of {}", root, comm->ranks);
  look_at("ncclBroadcast", from, bytes_of(count, type));
  look_at("ncclBroadcast", to, bytes_of(count, type));
  return queued(comm);
}
ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  expect_ready("ncclAllGather", comm, stream);
  look_at("ncclAllGather", from, bytes_of(count, type));
  look_at("ncclAllGather", to, comm->ranks * bytes_of(count, type));
  return queued(comm);
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  expect_comm("ncclCommFinalize", comm);
  expect(comm->busy == 0 && !comm->finalized, "ncclCommFinalize: the communicator is busy or was left");
  comm->finalized = true;
  comm->busy = kBusyQuestions;
  return ncclInProgress;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  expect_comm("ncclCommDestroy", comm);
  expect(comm->finalized && comm->busy == 0, "ncclCommDestroy: no leave was taken");
  const std::lock_guard lock(mutex);
  known().erase(comm);
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  expect_comm("ncclCommAbort", comm);
  const std::lock_guard lock(mutex);
  known().erase(comm);
  return ncclSuccess;
}

}  // extern "C"
