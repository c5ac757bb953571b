#include "launch/exit_status.h"

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

struct Agreement {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::vector<int> codes;
};

int lowest_rank_with_own_failure(const std::vector<int>& codes) {
  const int peer = static_cast<int>(ErrorKind::kPeer);
  int failed = -1;
  for (size_t rank = 0; rank < codes.size(); ++rank) {
    if (codes[rank] != 0 && codes[rank] != peer) return static_cast<int>(rank);
    if (codes[rank] != 0 && failed < 0) failed = static_cast<int>(rank);
  }
  return failed;
}

}  // namespace

Outcome outcome_of(std::exception_ptr error) {
  const int internal = static_cast<int>(ErrorKind::kInternal);
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return {e.exit_code(), e.what()};
  } catch (const std::bad_alloc&) {
    return {internal, "out of memory"};
  } catch (const std::exception& e) {
    return {internal, std::string("unexpected error: ") + e.what()};
  } catch (...) {
    return {internal, "unexpected error of unknown type"};
  }
}

void print_error(const std::string& message) {
  std::istringstream lines(message);
  std::ostringstream text;  // in one piece, so that lines of several processes do not mix
  for (std::string line; std::getline(lines, line);) text << "ropeway: " << line << "\n";
  std::cerr << text.str() << std::flush;
}

int agree_on_exit(Communicator& ending, const Outcome& outcome, double patience_seconds) {
  // The exchange runs on a thread of its own, because a rank that failed must not wait for ever for one that cannot come.
  const auto agreement = std::make_shared<Agreement>();
  std::thread exchange([agreement, &ending, code = outcome.code] {
    std::vector<int> codes(static_cast<size_t>(ending.size()));
    ending.all_gather(&code, codes.data(), sizeof code);
    const std::lock_guard lock(agreement->mutex);
    agreement->codes = std::move(codes);
    agreement->done = true;
    agreement->changed.notify_all();
  });
  std::unique_lock lock(agreement->mutex);
  const auto is_done = [&] { return agreement->done; };
  if (outcome.code == 0) {
    agreement->changed.wait(lock, is_done);
  } else if (!agreement->changed.wait_for(lock, std::chrono::duration<double>(patience_seconds), is_done)) {
    print_error(ending.size() > 1 ? "rank " + std::to_string(ending.rank()) + ": " + outcome.message : outcome.message);
    exchange.detach();
    ending.abort(outcome.code);
  }
  lock.unlock();
  exchange.join();
  const int failed = lowest_rank_with_own_failure(agreement->codes);
  if (failed < 0) return 0;
  if (failed == ending.rank()) {
    const bool all_failed = agreement->codes.front() != 0;
    print_error(all_failed || failed == 0 ? outcome.message : "rank " + std::to_string(failed) + ": " + outcome.message);
  }
  return agreement->codes[static_cast<size_t>(failed)];
}

}  // namespace ropeway
