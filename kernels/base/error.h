// Errors of the whole program: a kind, which is also the exit code, and one message that names the thing,
// what was found and what was wanted. Libraries throw Error; only launch/ prints it and ends the process.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ropeway {

// The numbers are the process's exit codes (sysexits.h where one fits); every rank ends with the same one.
enum class ErrorKind : int {
  kUsage = 2,          // the command line
  kBadData = 65,       // a file's content
  kMissingInput = 66,  // a file that is not there or cannot be read
  kInternal = 70,      // a defect of this program
  kLauncher = 71,      // ranks, hosts, devices do not fit together
  kCannotCreate = 73,  // an output that cannot be created, or belongs to another run
  kIo = 74,            // reading or writing failed half way
  kStopped = 75,       // saved and stopped on request: run the same command again
  kPeer = 76,          // another rank failed or hangs
  kConfig = 78,        // the recipe
  kNumerics = 79,      // non-finite loss or gradients
  kMemory = 80,        // not enough memory, of the device or the host
  kGate = 81,          // figures that are worse than the recipe lets them be
};
inline constexpr ErrorKind kErrorKinds[] = {
    ErrorKind::kUsage,    ErrorKind::kBadData,      ErrorKind::kMissingInput, ErrorKind::kInternal,
    ErrorKind::kLauncher, ErrorKind::kCannotCreate, ErrorKind::kIo,           ErrorKind::kStopped,
    ErrorKind::kPeer,     ErrorKind::kConfig,       ErrorKind::kNumerics,     ErrorKind::kMemory,
    ErrorKind::kGate};

// What a user can do about an error, where that is an option of the command line or a key of a recipe:
// libraries know that there is a way out, launch/ how it is written (launch/ways_out.cc).
enum class WayOut : int {
  kNone,
  kRunAgain,       // what was done is kept, and the same command goes on from there
  kStartAnew,      // without what an earlier run left
  kOtherRun,       // move the earlier run aside, or run in another folder
  kReplaceOutput,  // what stands where the output goes
  kAttendFully,    // beyond the model's sliding window
  kStoreBF16,      // a type with the range that the values need
  kExportPlain,    // the original RoPE, or a format that has factors
  kRankPerGpu,     // as the launcher is told
  kStartWithPmix,  // a launcher that MPI understands
};

class Error : public std::runtime_error {
 public:
  // The message ends where the words for the way out can follow.
  Error(ErrorKind kind, const std::string& message, WayOut way_out = WayOut::kNone)
      : std::runtime_error(message), kind_(kind), way_out_(way_out) {}
  ErrorKind kind() const { return kind_; }
  WayOut way_out() const { return way_out_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
  WayOut way_out_;
};

// Throws Error with a formatted message: fail(ErrorKind::kBadData, "{}: {} tensors, wanted {}", path, n, m).
template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, WayOut way_out, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...), way_out);
}

// What an exception of any type comes to. The one place that decides it.
struct Failure {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;  // for the user: an Error's own text; others say that they were not expected
  std::string cause;    // the exception's own first line, without the stack that libtorch appends
  WayOut way_out = WayOut::kNone;
};
// An Error keeps its kind; an allocation that failed, in the standard library or in libtorch, is kMemory; all
// others are kInternal.
Failure failure_of(const std::exception_ptr& error);

// Whether a library's text says that there was not enough memory: libtorch, CUDA, cuDNN, NCCL.
bool says_out_of_memory(std::string_view text);

namespace internal {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);
}

// A condition that only a defect of this program can break: throws kInternal with the place. Input is checked
// with fail() and a kind the user can act on.
#define ROPEWAY_CHECK(condition, ...)                                                                \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      ::ropeway::internal::check_failed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
    }                                                                                                \
  } while (false)

}  // namespace ropeway
