#include "trainer/report/progress_line.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "kernels/base/log_output.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

}  // namespace

struct ProgressLine::State {
  bool terminal = false, open = false;
  std::string what, unshown;               // unshown: the newest line, while it has not been printed
  Clock::time_point begun = Clock::now();  // the work, of which the first update is the first piece done
  Clock::time_point start, last_shown;     // start: of the first update
  int64_t first_done = 0;

  void show() {
    std::fprintf(stderr, terminal ? "\r%-110s" : "%s\n", unshown.c_str());
    std::fflush(stderr);
    unshown.clear();
  }
};

ProgressLine::ProgressLine(bool enabled) {
  if (!enabled || log_level() == LogLevel::kWarning) return;
  state_ = std::make_unique<State>();
  state_->terminal = isatty(STDERR_FILENO) == 1;
}
ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::update(const std::string& what, int64_t done, int64_t total, const std::string& details) {
  if (!state_) return;
  const auto now = Clock::now();
  if (!state_->open || state_->what != what) {
    finish();
    state_->what = what;
    state_->start = state_->last_shown = now;
    state_->first_done = done - 1;  // what this process has done itself; a resumed run starts in the middle
    state_->open = true;
  }
  const double elapsed = std::chrono::duration<double>(now - state_->start).count();
  const auto own = static_cast<double>(done - state_->first_done);
  std::string line =
      fmt::format("{}  {}/{}  {:.0f}%  {}", what, done, total,
                  100.0 * static_cast<double>(done) / static_cast<double>(total > 0 ? total : 1), details);
  if (done < total && own > 1) {
    line += fmt::format("  eta {}", duration_text(elapsed / (own - 1) * static_cast<double>(total - done)));
  } else if (done >= total) {
    line +=
        fmt::format("  took {}", duration_text(std::chrono::duration<double>(now - state_->begun).count()));
  }
  state_->unshown = line;
  // A terminal is redrawn ten times a second at most; a file gets a line every ten seconds, and the last one.
  if (std::chrono::duration<double>(now - state_->last_shown).count() >= (state_->terminal ? 0.1 : 10.0)) {
    state_->last_shown = now;
    state_->show();
  }
}

void ProgressLine::finish() {
  if (!state_ || !state_->open) return;
  if (!state_->unshown.empty()) state_->show();
  if (state_->terminal) std::fputc('\n', stderr);
  state_->open = false;
  state_->begun = Clock::now();
}

}  // namespace ropeway
