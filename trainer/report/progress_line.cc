#include "trainer/report/progress_line.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "kernels/base/log_output.h"
#include "kernels/base/pass_progress.h"
#include "trainer/report/duration_text.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A line that is longer than the terminal is wide could not be rewritten in place.
size_t columns_of_terminal() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 110;
}

std::string fitting(const std::string& text, size_t columns) {
  return text.size() < columns ? text : text.substr(0, columns - 1);
}

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

// All members are guarded by `mutex` but those that never change.
struct ProgressLine::State {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const std::shared_ptr<const PassProgress> pass = watch_this_thread();
  milliseconds every, silence;  // between two updates that are shown; after which the last one is said again
  std::mutex mutex;
  bool open = false, unshown = false;      // unshown: `line` has not been printed
  bool seen = false;                       // something was printed since it was opened
  std::string what, line;                  // line: the newest
  Clock::time_point begun = Clock::now();  // the work, of which the first update is the first piece done
  Clock::time_point start, last_shown;     // start: of the first update
  int64_t first_done = 0;
  std::condition_variable_any stopped;
  std::jthread beat;  // last: it uses the others

  explicit State(milliseconds wanted)
      : every(wanted.count() > 0 ? wanted
              : terminal         ? milliseconds(100)
                                 : milliseconds(10'000)),
        silence(wanted.count() > 0 ? wanted
                : terminal         ? milliseconds(1000)
                                   : milliseconds(10'000)) {}

  void show(const std::string& text) {
    if (terminal) {
      const size_t columns = columns_of_terminal();
      std::fprintf(stderr, "\r%-*s", static_cast<int>(columns) - 1, fitting(text, columns).c_str());
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
    std::fflush(stderr);
    last_shown = Clock::now();
    unshown = false;
    seen = true;
  }
  void finish() {
    if (!open) return;
    if (unshown) show(line);
    if (terminal) std::fputc('\n', stderr);
    open = false;
    begun = Clock::now();
  }
  void drop() {
    if (open && seen && terminal) {
      std::fprintf(stderr, "\r%-*s\r", static_cast<int>(columns_of_terminal()) - 1, "");
      std::fflush(stderr);
    }
    open = false;
    begun = Clock::now();
  }
  void beat_until(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      stopped.wait_until(lock, stop, last_shown + silence, [&] { return stop.stop_requested(); });
      if (stop.stop_requested() || Clock::now() < last_shown + silence) continue;
      const PassPlace place = pass->place();
      if (!open) {
        last_shown = Clock::now();
      } else {
        show(place.phase == PassPhase::kNone ? line : fmt::format("{}  ({})", line, text_of(place)));
      }
    }
  }
};

ProgressLine::ProgressLine(bool enabled, milliseconds every) {
  if (!enabled || log_level() == LogLevel::kWarning) return;
  state_ = std::make_unique<State>(every);
  state_->last_shown = Clock::now();
  // Signals are for the thread that made this.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  state_->beat =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->beat_until(stop); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}
ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::update(const std::string& what, int64_t done, int64_t total, const std::string& details) {
  if (!state_) return;
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto now = Clock::now();
  if (!s.open || s.what != what) {
    s.finish();
    s.what = what;
    s.start = s.last_shown = now;
    s.first_done = done - 1;  // what this process has done itself; a resumed run starts in the middle
    s.open = true;
    s.seen = false;
  }
  const double elapsed = seconds_between(s.start, now);
  const auto own = static_cast<double>(done - s.first_done);
  s.line =
      fmt::format("{}  {}/{}  {:.0f}%  {}", what, done, total,
                  100.0 * static_cast<double>(done) / static_cast<double>(total > 0 ? total : 1), details);
  if (done < total && own > 1) {
    s.line += fmt::format("  eta {}", duration_text(elapsed / (own - 1) * static_cast<double>(total - done)));
  } else if (done >= total) {
    s.line += fmt::format("  took {}", duration_text(seconds_between(s.begun, now)));
  }
  s.unshown = true;
  // A terminal is redrawn ten times a second at most; a file gets a line every ten seconds, and the last one.
  if (now - s.last_shown >= s.every) s.show(s.line);
}

void ProgressLine::finish() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->finish();
}

void ProgressLine::drop() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->drop();
}

}  // namespace ropeway
