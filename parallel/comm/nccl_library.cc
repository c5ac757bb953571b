// libnccl is opened when first asked for: a run on CPUs never loads it.
#include "parallel/comm/nccl_library.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <nccl.h>

#include <cstring>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

static_assert(sizeof(NcclUniqueId) == sizeof(ncclUniqueId));

// Configuration by a struct that may grow: the header's version is the oldest library that knows all of it.
constexpr int kOldest = NCCL_VERSION(2, 18, 0);

class NcclLibrary : public NcclApi {
 public:
  NcclLibrary() {
    // libtorch_cuda has its own way to find libnccl, and one copy in a process is enough.
    void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) fail(ErrorKind::kLauncher, "NCCL cannot be loaded: {}", dlerror());
#define ROPEWAY_FIND(function) find(library, #function, function##_)
    ROPEWAY_FIND(ncclGetVersion);
    ROPEWAY_FIND(ncclGetErrorString);
    ROPEWAY_FIND(ncclGetLastError);
    ROPEWAY_FIND(ncclGetUniqueId);
    ROPEWAY_FIND(ncclCommInitRankConfig);
    ROPEWAY_FIND(ncclCommGetAsyncError);
    ROPEWAY_FIND(ncclGroupStart);
    ROPEWAY_FIND(ncclGroupEnd);
    ROPEWAY_FIND(ncclSend);
    ROPEWAY_FIND(ncclRecv);
    ROPEWAY_FIND(ncclAllReduce);
    ROPEWAY_FIND(ncclReduceScatter);
    ROPEWAY_FIND(ncclBroadcast);
    ROPEWAY_FIND(ncclAllGather);
    ROPEWAY_FIND(ncclCommFinalize);
    ROPEWAY_FIND(ncclCommDestroy);
    ROPEWAY_FIND(ncclCommAbort);
#undef ROPEWAY_FIND
    int version = 0;
    check("ncclGetVersion", ncclGetVersion_(&version));
    version_ = fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
    if (version < kOldest) fail(ErrorKind::kLauncher, "NCCL {} is too old: wanted 2.18 or later", version_);
  }

  std::string version() override { return version_; }

  NcclUniqueId unique_id() override {
    ncclUniqueId id;
    check("ncclGetUniqueId", ncclGetUniqueId_(&id));
    NcclUniqueId result;
    std::memcpy(result.bytes.data(), &id, sizeof id);
    return result;
  }

  Comm init(const NcclUniqueId& id, int ranks, int rank) override {
    ncclUniqueId raw;
    std::memcpy(&raw, id.bytes.data(), sizeof raw);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclComm_t comm = nullptr;
    check("ncclCommInitRankConfig", ncclCommInitRankConfig_(&comm, ranks, raw, rank, &config), comm);
    return comm;
  }

  NcclState state(Comm comm) override {
    ncclResult_t result = ncclSuccess;
    check("ncclCommGetAsyncError", ncclCommGetAsyncError_(of(comm), &result), comm);
    if (result == ncclSuccess) return {};
    if (result == ncclInProgress) return {NcclState::Kind::kBusy, ""};
    return {NcclState::Kind::kFailed, text_of(result, comm)};
  }

  void group_start() override { check("ncclGroupStart", ncclGroupStart_()); }
  void group_end() override { check("ncclGroupEnd", ncclGroupEnd_()); }

  void send(const void* data, int64_t bytes, int to, Comm comm, CudaStream stream) override {
    check("ncclSend", ncclSend_(data, size(bytes), ncclUint8, to, of(comm), stream), comm);
  }
  void recv(void* data, int64_t bytes, int from, Comm comm, CudaStream stream) override {
    check("ncclRecv", ncclRecv_(data, size(bytes), ncclUint8, from, of(comm), stream), comm);
  }
  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op, Comm comm,
                  CudaStream stream) override {
    check("ncclAllReduce",
          ncclAllReduce_(data, data, size(count), type_of(dtype), op_of(op), of(comm), stream), comm);
  }
  void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype, ReduceOp op,
                      Comm comm, CudaStream stream) override {
    check("ncclReduceScatter",
          ncclReduceScatter_(send, recv, size(count_per_rank), type_of(dtype), op_of(op), of(comm), stream),
          comm);
  }
  void broadcast(void* data, int64_t bytes, int root, Comm comm, CudaStream stream) override {
    check("ncclBroadcast", ncclBroadcast_(data, data, size(bytes), ncclUint8, root, of(comm), stream), comm);
  }
  void all_gather(const void* send, void* recv, int64_t bytes_per_rank, Comm comm,
                  CudaStream stream) override {
    check("ncclAllGather", ncclAllGather_(send, recv, size(bytes_per_rank), ncclUint8, of(comm), stream),
          comm);
  }

  void finalize(Comm comm) override { check("ncclCommFinalize", ncclCommFinalize_(of(comm)), comm); }
  void destroy(Comm comm) override { check("ncclCommDestroy", ncclCommDestroy_(of(comm))); }
  void abort(Comm comm) override { check("ncclCommAbort", ncclCommAbort_(of(comm))); }

 private:
  static ncclComm_t of(Comm comm) { return static_cast<ncclComm_t>(comm); }
  static size_t size(int64_t n) { return static_cast<size_t>(n); }

  static ncclDataType_t type_of(DType dtype) {
    switch (dtype) {
      case DType::kF64:
        return ncclFloat64;
      case DType::kF32:
        return ncclFloat32;
      case DType::kBF16:
        return ncclBfloat16;
      case DType::kI64:
        return ncclInt64;
      case DType::kU8:
        return ncclUint8;
      default:
        fail(ErrorKind::kInternal, "NCCL does not reduce {}", name_of(dtype));
    }
  }
  static ncclRedOp_t op_of(ReduceOp op) {
    return op == ReduceOp::kSum ? ncclSum : op == ReduceOp::kMax ? ncclMax : ncclMin;
  }

  template <typename Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) fail(ErrorKind::kLauncher, "NCCL: libnccl.so.2 has no {}", name);
  }

  std::string text_of(ncclResult_t result, Comm comm) const {
    const char* last = ncclGetLastError_(of(comm));
    return fmt::format("{}{}{}", ncclGetErrorString_(result), last != nullptr && *last != '\0' ? ": " : "",
                       last != nullptr ? last : "");
  }

  void check(const char* call, ncclResult_t result, Comm comm = nullptr) const {
    if (result == ncclSuccess || result == ncclInProgress) return;
    const std::string text = text_of(result, comm);
    const bool misuse = result == ncclInvalidArgument || result == ncclInvalidUsage;
    const ErrorKind kind = says_out_of_memory(text) ? ErrorKind::kMemory
                           : misuse                 ? ErrorKind::kInternal
                                                    : ErrorKind::kPeer;
    fail(kind, "NCCL: {}: {}", call, text);
  }

  std::string version_;
#define ROPEWAY_FUNCTION(function) decltype(&::function) function##_ = nullptr
  ROPEWAY_FUNCTION(ncclGetVersion);
  ROPEWAY_FUNCTION(ncclGetErrorString);
  ROPEWAY_FUNCTION(ncclGetLastError);
  ROPEWAY_FUNCTION(ncclGetUniqueId);
  ROPEWAY_FUNCTION(ncclCommInitRankConfig);
  ROPEWAY_FUNCTION(ncclCommGetAsyncError);
  ROPEWAY_FUNCTION(ncclGroupStart);
  ROPEWAY_FUNCTION(ncclGroupEnd);
  ROPEWAY_FUNCTION(ncclSend);
  ROPEWAY_FUNCTION(ncclRecv);
  ROPEWAY_FUNCTION(ncclAllReduce);
  ROPEWAY_FUNCTION(ncclReduceScatter);
  ROPEWAY_FUNCTION(ncclBroadcast);
  ROPEWAY_FUNCTION(ncclAllGather);
  ROPEWAY_FUNCTION(ncclCommFinalize);
  ROPEWAY_FUNCTION(ncclCommDestroy);
  ROPEWAY_FUNCTION(ncclCommAbort);
#undef ROPEWAY_FUNCTION
};

}  // namespace

NcclApi& nccl_library() {
  static NcclLibrary library;
  return library;
}

}  // namespace ropeway
