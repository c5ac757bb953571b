#include "parallel/board/hang_verdict.h"

#include <fmt/format.h>
#include <string.h>

namespace ropeway {
namespace {

constexpr size_t kMostLines = 32;

std::string where(const BoardEntry& entry) {
  Place place = entry.place;
  place.stage = entry.stage.c_str();
  const std::string text = text_of(place);
  return text.empty() ? "at the start" : "in " + text;
}

std::string state_of(const BoardEntry& entry) {
  if (!entry.end.empty()) return "has ended its work";
  if (entry.waits_in.empty()) {
    return fmt::format("{}, works there for {:.1f} s", where(entry), entry.place.seconds_here);
  }
  return fmt::format("{}, waits in {} for {:.1f} s", where(entry), entry.waits_in,
                     entry.place.seconds_waiting);
}

// `silent`: its line says so.
std::string table_of(const std::vector<std::optional<BoardEntry>>& all, int silent_rank = -1,
                     double silent_seconds = 0) {
  std::string table;
  for (size_t r = 0; r < all.size(); ++r) {
    if (r == kMostLines) return table + fmt::format("\n  and {} more", all.size() - r);
    if (!all[r]) {
      table += fmt::format("\n  rank {}: unknown", r);
    } else if (static_cast<int>(r) == silent_rank) {
      table +=
          fmt::format("\n  {}: {}, silent for {:.1f} s", name_of(*all[r]), where(*all[r]), silent_seconds);
    } else {
      table += fmt::format("\n  {}: {}", name_of(*all[r]), state_of(*all[r]));
    }
  }
  return table;
}

std::string words_for_end(const std::string& end) {
  if (end.empty())
    return "it was killed from outside (SIGKILL: by a person, the batch system, or for memory)";
  if (end.starts_with("signal ")) {
    const int signal = std::atoi(end.c_str() + 7);
    return fmt::format("{} ({})", end, strsignal(signal));
  }
  return end;
}

}  // namespace

std::string name_of(const BoardEntry& entry) { return fmt::format("rank {} on {}", entry.rank, entry.host); }

double limit_at(const Place& place, double hang_seconds) {
  if (place.phase == Phase::kLoading || place.phase == Phase::kSaving) return 4 * hang_seconds;
  return (place.first_step ? 2 : 1) * hang_seconds;
}

std::optional<Verdict> judge_wait(const BoardEntry& own, const std::vector<std::optional<BoardEntry>>& all,
                                  double hang_seconds) {
  if (own.waits_in.empty() || own.place.seconds_waiting <= limit_at(own.place, hang_seconds)) {
    return std::nullopt;
  }
  Verdict verdict;
  std::string names;
  for (const auto& entry : all) {
    if (!entry || entry->rank == own.rank) continue;
    if (entry->end.empty()) {
      if (!entry->waits_in.empty()) {
        // Who waits for a short time only got on not long ago.
        if (entry->place.seconds_waiting <= limit_at(entry->place, hang_seconds)) return std::nullopt;
        continue;
      }
      if (entry->place.seconds_here <= limit_at(entry->place, hang_seconds)) return std::nullopt;
    }
    verdict.ranks.push_back(entry->rank);
    names += fmt::format("{}{} ({})", names.empty() ? "" : "; ", name_of(*entry), state_of(*entry));
  }
  const std::string waits = fmt::format("waits in {} for {:.0f} s", own.waits_in, own.place.seconds_waiting);
  if (names.empty()) {
    verdict.message =
        fmt::format("all ranks wait for each other: {} {}, {}", name_of(own), where(own), waits);
  } else {
    verdict.message =
        fmt::format("{} does not get on, and {} {}, {}", names, name_of(own), where(own), waits);
  }
  verdict.message += table_of(all);
  return verdict;
}

Verdict judge_silence(const BoardEntry& silent, double seconds,
                      const std::vector<std::optional<BoardEntry>>& all) {
  return {{silent.rank},
          fmt::format("{} has given no sign of life for {:.1f} s (stopped, or its host cannot be reached); "
                      "it was {}{}",
                      name_of(silent), seconds, where(silent), table_of(all, silent.rank, seconds))};
}

Verdict judge_end(const BoardEntry& gone) {
  return {{gone.rank}, fmt::format("{} is gone {}: {}", name_of(gone), where(gone), words_for_end(gone.end))};
}

}  // namespace ropeway
