#include "parallel/board/hang_watch.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernels/base/log.h"

namespace ropeway {
namespace {

// Of each rank so many after it are looked at: whoever lives among the eight before a silent rank notices.
constexpr int kNeighbours = 8;
// What a busy machine may hold a thread up for without a word about it.
constexpr double kStoodStillSeconds = 5;

// What a rank writes of its end that others need not tell of: it does so itself.
constexpr const char *kInGoodOrder = "0", *kWithAnError = "error", *kEndsTheJob = "ends the job";

std::atomic<const RankBoard*> g_board{nullptr};

double seconds_between(std::chrono::steady_clock::time_point begin,
                       std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

HangWatch::HangWatch(std::shared_ptr<RankBoard> board, WatchOptions options)
    : board_(std::move(board)),
      options_(std::move(options)),
      position_(Position::here()),
      period_(std::clamp(options_.hang_seconds / 40, 0.1, 2.0)) {
  own_.rank = options_.rank;
  own_.host = options_.host;
  own_.process = ::getpid();
  own_.process_start = start_of_process(own_.process);
  publish();
  g_board.store(board_.get());
  thread_ = std::thread([this] { run(); });
}

HangWatch::~HangWatch() {
  stop_.store(true);
  processes_.wake();
  thread_.join();
  g_board.store(nullptr);
  board_->write_end(exceptions_.passing() ? kWithAnError : kInGoodOrder);
}

void HangWatch::write_end_of_process(const char* text) {
  if (const RankBoard* board = g_board.load()) board->write_end(text);
}

void HangWatch::run() {
  auto last = Clock::now();
  while (!stop_.load()) {
    publish();
    look_at_neighbours();
    look_at_own_wait();
    for (const int rank : processes_.wait(period_)) rank_ended(rank);
    const auto now = Clock::now();
    if (const double gap = seconds_between(last, now); gap > std::max(kStoodStillSeconds, 3 * period_)) {
      stood_still(gap);
    }
    last = now;
  }
}

void HangWatch::stood_still(double seconds) {
  const std::string where = text_of(position_.now());
  log_warning(
      "{} stood still for {:.0f} s (stopped and continued, or its machine was too busy){}{}; it goes on",
      name_of(own_), seconds, where.empty() ? "" : " in ", where);
  resumed_at_ = Clock::now();
  for (auto& [rank, seen] : neighbours_) seen.at = resumed_at_;
}

void HangWatch::publish() {
  const Place place = position_.now();
  const auto now = Clock::now();
  if (place.pass.beats != std::exchange(own_.place.pass.beats, place.pass.beats)) pass_moved_at_ = now;
  own_.place = place;
  own_.place.seconds_here = std::min(place.seconds_here, seconds_between(pass_moved_at_, now));
  // What passed while this rank stood still does not count.
  own_.place.seconds_waiting = std::min(place.seconds_waiting, seconds_between(resumed_at_, now));
  own_.stage = own_.place.stage;
  own_.waits_in = own_.place.waits_in != nullptr ? own_.place.waits_in : "";
  ++own_.beat;
  board_->write(own_);
}

void HangWatch::look_at_neighbours() {
  for (int i = 1; i <= std::min(kNeighbours, options_.size - 1); ++i) {
    const int rank = (options_.rank + i) % options_.size;
    const auto entry = board_->read(rank);
    const auto now = Clock::now();
    Seen& seen = neighbours_.try_emplace(rank, Seen{-1, now, std::nullopt}).first->second;
    if (!entry || entry->beat != seen.beat || !entry->end.empty()) seen.at = now;
    if (!entry) continue;
    seen.beat = entry->beat;
    seen.entry = entry;
    if (entry->host == own_.host && entry->end.empty() && !processes_.knows(rank)) {
      processes_.add(rank, entry->process, entry->process_start);
    }
    const double silent = seconds_between(seen.at, now);
    // The nearest before it speaks; the others only if it does not.
    const double grace = first_to_see(rank) ? 0 : 2 * period_ + 1;
    if (silent > options_.hang_seconds + grace) end_with(judge_silence(*entry, silent, read_all()));
  }
}

// Whether no rank between this one and `rank` lives.
bool HangWatch::first_to_see(int rank) const {
  for (int between = (options_.rank + 1) % options_.size; between != rank;
       between = (between + 1) % options_.size) {
    const auto seen = neighbours_.find(between);
    if (seen != neighbours_.end() &&
        seconds_between(seen->second.at, Clock::now()) < options_.hang_seconds / 2) {
      return false;
    }
  }
  return true;
}

void HangWatch::look_at_own_wait() {
  if (own_.waits_in.empty() || own_.place.seconds_waiting <= options_.hang_seconds) return;
  const auto all = read_all();
  const auto verdict = judge_wait(own_, all, options_.hang_seconds);
  if (!verdict) return;
  // All that wait come here at once: the lowest of them speaks, and the others only if it does not.
  const bool lowest = std::none_of(all.begin(), all.begin() + options_.rank, [](const auto& entry) {
    return entry && entry->end.empty() && !entry->waits_in.empty();
  });
  if (!lowest && wait_or_stop(3 * period_ + 1)) return;
  publish();
  if (const auto still = judge_wait(own_, read_all(), options_.hang_seconds)) end_with(*still);
}

void HangWatch::rank_ended(int rank) {
  // What it says of its end may be written by a moment later than the end is seen.
  std::optional<BoardEntry> entry = board_->read(rank);
  if (!entry || (!entry->end.empty() && !entry->end.starts_with("signal"))) return;
  const std::vector<int> alive = processes_.alive();
  const bool lowest =
      std::none_of(alive.begin(), alive.end(), [&](int other) { return other < options_.rank; });
  const Verdict verdict = judge_end(*entry);
  const bool stopping = options_.is_stopping && options_.is_stopping();
  if (lowest && !stopping) options_.tell(verdict.message);
  // The launcher ends the job as a rule, with a code of its own.
  if (wait_or_stop(options_.grace_seconds)) return;
  options_.end_job();
  stop_.store(true);
}

// True when the watch is over.
bool HangWatch::wait_or_stop(double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (!stop_.load() && Clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return stop_.load();
}

void HangWatch::end_with(const Verdict& verdict) {
  if (stop_.load()) return;
  const auto all = read_all();
  const bool another_does = std::any_of(all.begin(), all.end(),
                                        [](const auto& entry) { return entry && entry->end == kEndsTheJob; });
  // It has said why; this rank ends the job only if the other cannot.
  if (another_does && wait_or_stop(options_.grace_seconds)) return;
  board_->write_end(kEndsTheJob);
  if (!another_does) options_.tell(verdict.message);
  options_.end_job();
  stop_.store(true);  // once, where it returns
}

std::vector<std::optional<BoardEntry>> HangWatch::read_all() const {
  std::vector<std::optional<BoardEntry>> all;
  for (int rank = 0; rank < options_.size; ++rank) all.push_back(board_->read(rank));
  all[static_cast<size_t>(options_.rank)] = own_;
  return all;
}

}  // namespace ropeway
