// The verbs over MPI, for host memory. Collectives are MPI's non-blocking ones, polled (MPI's own waits
// spin), except that sums are formed here, in rank order: MPI_Allreduce may add in another order on every
// rank count and message size.
#include "parallel/comm/mpi_communicator.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/base/exception_watch.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_ahead.h"
#include "parallel/comm/exit_guard.h"
#include "parallel/comm/progress_thread.h"
#include "parallel/comm/reduce.h"

namespace ropeway::internal {
namespace {

// Below this many bytes in all, every rank fetches everybody's values at once: one exchange instead of two.
constexpr int64_t kSmallReduceBytes = 64 << 10;

// Throws kPeer with MPI's own text when code is not MPI_SUCCESS.
void check_mpi(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail(ErrorKind::kPeer, "MPI {}: {}", what, std::string(text, static_cast<size_t>(length)));
}

void poll_until_done(MPI_Request& request, const char* what) {
  const Waiting waiting(WaitFor::kRanks, what);
  Backoff backoff;
  int done = 0;
  for (;;) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), what);
    if (done) return;
    backoff.pause();
  }
}

bool mpi_is_finalized() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  return finalized != 0;
}

MPI_Comm duplicate(MPI_Comm comm) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(comm, &copy), "MPI_Comm_dup");
  MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN);
  return copy;
}

// Messages between pairs of ranks, sent and received.
struct Messages : Transfer {
  // Sends `bytes` to `to` and receives as many from `from`, in messages of at most max_bytes: MPI keeps the
  // order of messages between two ranks, so that they need no further label.
  void start(MPI_Comm comm, const void* send, int to, void* recv, int from, int64_t bytes,
             int64_t max_bytes) {
    for (int64_t at = 0; at < bytes; at += max_bytes) {
      const auto n = static_cast<int>(std::min(max_bytes, bytes - at));
      check_mpi(MPI_Irecv(static_cast<std::byte*>(recv) + at, n, MPI_BYTE, from, 0, comm,
                          &requests.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Irecv");
      check_mpi(MPI_Isend(static_cast<const std::byte*>(send) + at, n, MPI_BYTE, to, 0, comm,
                          &requests.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend");
    }
  }

  bool poll() override {
    int done = 0;
    check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
              "send or receive");
    return done != 0;
  }

  std::vector<MPI_Request> requests;
};

class MpiHop : public Hop {
 public:
  MpiHop(std::shared_ptr<ProgressThread> progress, std::shared_ptr<Messages> pending)
      : progress_(std::move(progress)), pending_(std::move(pending)) {}

  ~MpiHop() override {
    // While an exception passes the peer may never answer: the process is about to be aborted, and must get
    // there.
    if (exceptions_.passing()) {
      progress_->wait_briefly(*pending_);
      return;
    }
    try {
      wait();
    } catch (const Error&) {  // whoever cares has called wait()
    }
  }

  void wait() override { progress_->wait(*pending_); }

 private:
  std::shared_ptr<ProgressThread> progress_;
  std::shared_ptr<Messages> pending_;
  ExceptionWatch exceptions_;
};

// Rows of all ranks on their way, which become one row by adding them up in rank order.
class MpiReduction : public Hop {
 public:
  struct Target {
    void* result = nullptr;
    int64_t count = 0;
    DType dtype = DType::kF32;
    ReduceOp op = ReduceOp::kSum;
  };
  MpiReduction(std::unique_ptr<MpiHop> hop, std::vector<std::byte> rows, const Target& target)
      : rows_(std::move(rows)), target_(target), hop_(std::move(hop)) {}

  void wait() override {
    hop_->wait();
    const int64_t row = target_.count * bytes_of(target_.dtype);
    std::memcpy(target_.result, rows_.data(), static_cast<size_t>(row));
    for (int64_t at = row; at < std::ssize(rows_); at += row) {
      reduce_into(target_.result, rows_.data() + at, target_.count, target_.dtype, target_.op);
    }
  }

 private:
  std::vector<std::byte> rows_;
  const Target target_;
  std::unique_ptr<MpiHop> hop_;  // last: it ends first
};

class MpiCommunicator : public Communicator, public ExchangesAhead {
 public:
  // Takes both communicators over. Hops have their own, so that their messages never meet those of a
  // collective.
  MpiCommunicator(MPI_Comm comm, MPI_Comm hop_comm, std::shared_ptr<ProgressThread> progress,
                  MpiOptions options)
      : comm_(comm), hop_comm_(hop_comm), progress_(std::move(progress)), options_(options) {
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }

  ~MpiCommunicator() override {
    // MPI_Comm_free is collective: not while this rank alone unwinds.
    if (exceptions_.passing() || mpi_is_finalized()) return;
    MPI_Comm_free(&hop_comm_);
    MPI_Comm_free(&comm_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void all_reduce(void* data, int64_t count, DType dtype, ReduceOp op) override {
    if (size_ == 1 || count == 0) return;
    const int64_t element = bytes_of(dtype);
    auto* bytes = static_cast<std::byte*>(data);
    if (count * element * size_ <= kSmallReduceBytes) return reduce_small(bytes, count, dtype, op);
    // A piece is what is worked on at once; a rank's share of it travels in one message.
    const int64_t piece_bytes = std::min(options_.reduce_scratch_bytes, options_.max_message_bytes);
    const int64_t piece = std::max<int64_t>(piece_bytes / element, size_);
    for (int64_t at = 0; at < count; at += piece) {
      reduce_piece(bytes + at * element, std::min(piece, count - at), dtype, op);
    }
  }

  void broadcast(void* data, int64_t bytes, int root) override {
    ROPEWAY_CHECK(root >= 0 && root < size_, "broadcast from rank {} of {}", root, size_);
    if (size_ == 1) return;
    for (int64_t at = 0; at < bytes; at += options_.max_message_bytes) {
      const auto n = static_cast<int>(std::min(options_.max_message_bytes, bytes - at));
      MPI_Request request;
      check_mpi(MPI_Ibcast(static_cast<std::byte*>(data) + at, n, MPI_BYTE, root, comm_, &request),
                "MPI_Ibcast");
      poll_until_done(request, "broadcast");
    }
  }

  void all_gather(const void* send, void* recv, int64_t bytes_per_rank) override {
    const auto* own = static_cast<const std::byte*>(send);
    auto* all = static_cast<std::byte*>(recv);
    auto* own_place = all + rank_ * bytes_per_rank;
    if (own != own_place && bytes_per_rank > 0)
      std::memmove(own_place, own, static_cast<size_t>(bytes_per_rank));
    if (size_ == 1 || bytes_per_rank == 0) return;
    if (bytes_per_rank * size_ <= options_.max_message_bytes) {
      MPI_Request request;
      check_mpi(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_BYTE, all, static_cast<int>(bytes_per_rank), MPI_BYTE,
                               comm_, &request),
                "MPI_Iallgather");
      poll_until_done(request, "all_gather");
      return;
    }
    // Displacements of MPI are 32-bit too: long shares go out one rank after the other.
    for (int r = 0; r < size_; ++r) broadcast(all + r * bytes_per_rank, bytes_per_rank, r);
  }

  void reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                      ReduceOp op) override {
    const int64_t element = bytes_of(dtype), row = count_per_rank * element;
    const int64_t piece = std::max<int64_t>(options_.reduce_scratch_bytes / (element * size_), 1);
    for (int64_t at = 0; at < count_per_rank; at += piece) {
      const int64_t n = std::min(piece, count_per_rank - at), bytes = n * element;
      scratch_.resize(static_cast<size_t>(bytes * size_));
      exchange_rows(static_cast<const std::byte*>(send) + at * element, row, scratch_.data(), bytes);
      auto* result = static_cast<std::byte*>(recv) + at * element;
      std::memcpy(result, scratch_.data(), static_cast<size_t>(bytes));
      for (int r = 1; r < size_; ++r) reduce_into(result, scratch_.data() + r * bytes, n, dtype, op);
    }
  }

  void all_to_all(const void* send, void* recv, int64_t bytes_per_rank) override {
    exchange_rows(static_cast<const std::byte*>(send), bytes_per_rank, static_cast<std::byte*>(recv),
                  bytes_per_rank);
  }

  void barrier() override {
    if (size_ == 1) return;
    MPI_Request request;
    check_mpi(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
    poll_until_done(request, "barrier");
  }

  std::unique_ptr<Hop> start_hop(const void* send, int to, void* recv, int from, int64_t bytes) override {
    ROPEWAY_CHECK(to >= 0 && to < size_ && from >= 0 && from < size_, "hop to rank {} and from rank {} of {}",
                  to, from, size_);
    auto pending = std::make_shared<Messages>();
    pending->start(hop_comm_, send, to, recv, from, bytes, options_.max_message_bytes);
    progress_->add(pending);
    return std::make_unique<MpiHop>(progress_, std::move(pending));
  }

  std::unique_ptr<Hop> start_all_gather(const void* send, void* recv, int64_t bytes_per_rank) override {
    const auto* own = static_cast<const std::byte*>(send);
    auto* all = static_cast<std::byte*>(recv);
    auto* own_place = all + rank_ * bytes_per_rank;
    if (own != own_place && bytes_per_rank > 0)
      std::memmove(own_place, own, static_cast<size_t>(bytes_per_rank));
    return start_messages([&](Messages& messages, int to, int from) {
      messages.start(hop_comm_, own_place, to, all + from * bytes_per_rank, from, bytes_per_rank,
                     options_.max_message_bytes);
    });
  }

  // What comes in takes as much memory as what is sent: more than a little of it is not held twice.
  std::unique_ptr<Hop> start_reduce_scatter(const void* send, void* recv, int64_t count_per_rank, DType dtype,
                                            ReduceOp op) override {
    const int64_t row = count_per_rank * bytes_of(dtype);
    if (size_ == 1 || row * size_ > options_.ahead_scratch_bytes || row == 0) {
      reduce_scatter(send, recv, count_per_rank, dtype, op);
      return std::make_unique<FinishedHop>();
    }
    const auto* rows = static_cast<const std::byte*>(send);
    std::vector<std::byte> incoming(static_cast<size_t>(row * size_));
    std::memcpy(incoming.data() + rank_ * row, rows + rank_ * row, static_cast<size_t>(row));
    auto hop = start_messages([&](Messages& messages, int to, int from) {
      messages.start(hop_comm_, rows + to * row, to, incoming.data() + from * row, from, row,
                     options_.max_message_bytes);
    });
    return std::make_unique<MpiReduction>(std::move(hop), std::move(incoming),
                                          MpiReduction::Target{recv, count_per_rank, dtype, op});
  }

  std::unique_ptr<Communicator> split(int colour, int key) override {
    MPI_Comm child = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm_, colour, key, &child), "MPI_Comm_split");
    MPI_Comm_set_errhandler(child, MPI_ERRORS_RETURN);
    return std::make_unique<MpiCommunicator>(child, duplicate(child), progress_, options_);
  }

  void abort(int exit_code) override {
    release_exit_guard();
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  // start(messages, to, from) for every other rank to send to, and receive from, at a time.
  template <typename Start>
  std::unique_ptr<MpiHop> start_messages(const Start& start) {
    auto pending = std::make_shared<Messages>();
    for (int step = 1; step < size_; ++step) {
      start(*pending, (rank_ + step) % size_, (rank_ + size_ - step) % size_);
    }
    progress_->add(pending);
    return std::make_unique<MpiHop>(progress_, std::move(pending));
  }

  // The first `bytes` of row r of send go to rank r and come into row r of recv there; rows of send begin
  // every `stride` bytes, those of recv every `bytes`. Not by MPI_Alltoall, whose counts and displacements are
  // 32-bit.
  void exchange_rows(const std::byte* send, int64_t stride, std::byte* recv, int64_t bytes) {
    if (bytes == 0) return;
    Messages messages;
    for (int step = 1; step < size_; ++step) {
      const int to = (rank_ + step) % size_, from = (rank_ + size_ - step) % size_;
      messages.start(comm_, send + to * stride, to, recv + from * bytes, from, bytes,
                     options_.max_message_bytes);
    }
    std::memcpy(recv + rank_ * bytes, send + rank_ * stride, static_cast<size_t>(bytes));
    const Waiting waiting(WaitFor::kRanks, "exchange");
    Backoff backoff;
    while (!messages.poll()) backoff.pause();
  }

  void reduce_small(std::byte* data, int64_t count, DType dtype, ReduceOp op) {
    const int64_t bytes = count * bytes_of(dtype);
    scratch_.resize(static_cast<size_t>(bytes * size_));
    all_gather(data, scratch_.data(), bytes);
    std::memcpy(data, scratch_.data(), static_cast<size_t>(bytes));
    for (int r = 1; r < size_; ++r) reduce_into(data, scratch_.data() + r * bytes, count, dtype, op);
  }

  // Every rank gets all ranks' values of its own share, reduces them in rank order, and the results are
  // gathered.
  void reduce_piece(std::byte* data, int64_t count, DType dtype, ReduceOp op) {
    const int64_t element = bytes_of(dtype);
    std::vector<int> counts, offsets, own_counts, own_offsets;  // in bytes
    const auto begin_of = [&](int r) { return count * r / size_ * element; };
    const int64_t own_bytes = begin_of(rank_ + 1) - begin_of(rank_);
    for (int r = 0; r < size_; ++r) {
      counts.push_back(static_cast<int>(begin_of(r + 1) - begin_of(r)));
      offsets.push_back(static_cast<int>(begin_of(r)));
      own_counts.push_back(static_cast<int>(own_bytes));
      own_offsets.push_back(static_cast<int>(own_bytes * r));
    }
    scratch_.resize(static_cast<size_t>(own_bytes * size_));
    MPI_Request request;
    check_mpi(MPI_Ialltoallv(data, counts.data(), offsets.data(), MPI_BYTE, scratch_.data(),
                             own_counts.data(), own_offsets.data(), MPI_BYTE, comm_, &request),
              "MPI_Ialltoallv");
    poll_until_done(request, "all_reduce");
    std::byte* own = data + begin_of(rank_);
    if (own_bytes > 0) std::memcpy(own, scratch_.data(), static_cast<size_t>(own_bytes));
    for (int r = 1; r < size_; ++r)
      reduce_into(own, scratch_.data() + r * own_bytes, own_bytes / element, dtype, op);
    check_mpi(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, data, counts.data(), offsets.data(), MPI_BYTE, comm_,
                              &request),
              "MPI_Iallgatherv");
    poll_until_done(request, "all_reduce");
  }

  MPI_Comm comm_, hop_comm_;
  std::shared_ptr<ProgressThread> progress_;
  MpiOptions options_;
  int rank_ = 0, size_ = 1;
  std::vector<std::byte> scratch_;
  ExceptionWatch exceptions_;
};

// One thread for all communicators of the process, for as long as any of them lives.
std::shared_ptr<ProgressThread> shared_progress_thread() {
  static std::mutex mutex;
  static std::weak_ptr<ProgressThread> known;
  const std::lock_guard lock(mutex);
  auto progress = known.lock();
  if (!progress) known = progress = std::make_shared<ProgressThread>();
  return progress;
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_world(const MpiOptions& options) {
  MPI_Comm comm = duplicate(MPI_COMM_WORLD);
  return std::make_unique<MpiCommunicator>(comm, duplicate(comm), shared_progress_thread(), options);
}

}  // namespace ropeway::internal
