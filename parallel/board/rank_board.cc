#include "parallel/board/rank_board.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "kernels/base/log.h"

namespace ropeway {
namespace {

constexpr size_t kEntryBytes = 768, kEndBytes = 64;
constexpr const char* kHostKey = "host";

std::filesystem::path file_of(const std::filesystem::path& folder, int rank) {
  return folder / fmt::format("rank-{}", rank);
}

Phase phase_from(const std::string& word) {
  for (const Phase phase : {Phase::kStart, Phase::kLoading, Phase::kSearch, Phase::kTraining,
                            Phase::kEvaluation, Phase::kSaving}) {
    if (word == word_of(phase)) return phase;
  }
  return Phase::kStart;
}

void read_line(const std::string& key, std::istream& line, BoardEntry& entry) {
  if (key == "rank") line >> entry.rank;
  if (key == kHostKey) line >> entry.host;
  if (key == "process") line >> entry.process >> entry.process_start;
  if (key == "beat") line >> entry.beat;
  if (key == "stage") line >> entry.stage;
  if (key == "step") line >> entry.place.step;
  if (key == "first_step") line >> entry.place.first_step;
  if (key == "waits_in") line >> entry.waits_in;
  if (key == "here") line >> entry.place.seconds_here;
  if (key == "waiting") line >> entry.place.seconds_waiting;
  std::string word;
  if (key == "phase" && line >> word) entry.place.phase = phase_from(word);
  if (int phase = 0; key == "pass" && line >> phase) {
    PassPlace& pass = entry.place.pass;
    pass.phase = static_cast<PassPhase>(std::clamp(phase, 0, static_cast<int>(PassPhase::kBackward)));
    line >> pass.block >> pass.blocks >> pass.step >> pass.steps;
  }
  if (key == "end") {
    std::getline(line >> std::ws, entry.end);
    entry.end.erase(entry.end.find_last_not_of(' ') + 1);
  }
}

}  // namespace

std::string to_text(const BoardEntry& entry) {
  const Place& place = entry.place;
  std::string text = fmt::format(
      "rank {}\nhost {}\nprocess {} {}\nbeat {}\nphase {}\nstage {}\nstep {}\nfirst_step {}\npass {} {} {} "
      "{} {}\nwaits_in {}\nhere {:.3f}\nwaiting {:.3f}\n.\n",
      entry.rank, entry.host.substr(0, 256), entry.process, entry.process_start, entry.beat,
      word_of(place.phase), entry.stage.substr(0, 128), place.step, place.first_step ? 1 : 0,
      static_cast<int>(place.pass.phase), place.pass.block, place.pass.blocks, place.pass.step,
      place.pass.steps, entry.waits_in, place.seconds_here, place.seconds_waiting);
  text.resize(kEntryBytes, ' ');
  text.back() = '\n';
  return text;
}

std::optional<BoardEntry> board_entry_from(const std::string& text) {
  BoardEntry entry;
  bool whole = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    if (!(words >> key)) continue;
    if (key == ".") whole = true;
    read_line(key, words, entry);
  }
  if (!whole) return std::nullopt;
  entry.place.stage = entry.place.waits_in = nullptr;  // they stand in the strings
  return entry;
}

int64_t start_of_process(pid_t process) {
  std::ifstream stream(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(stream, line)) return 0;
  // The program's name, in brackets, may hold anything; the start is the 20th field behind it.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 0; i < 20; ++i) fields >> field;
  return std::atoll(field.c_str());
}

RankBoard::RankBoard(std::filesystem::path folder, int rank)
    : folder_(std::move(folder)), file_(file_of(folder_, rank)) {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
  fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    log_warning("{}: {}; whether this rank hangs is not watched", file_.string(), std::strerror(errno));
}

RankBoard::~RankBoard() {
  if (fd_ >= 0) ::close(fd_);
}

void RankBoard::write(const BoardEntry& entry) {
  if (fd_ < 0) return;
  const std::string text = to_text(entry);
  if (::pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) return;
  log_warning("{}: {}; whether this rank hangs is not watched", file_.string(), std::strerror(errno));
  take_away();
}

// Nobody shall take the silence of a disk for that of the rank.
void RankBoard::take_away() {
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
  ::close(fd_);
  fd_ = -1;
}

std::optional<BoardEntry> RankBoard::read(int rank) const {
  const int fd = ::open(file_of(folder_, rank).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text(kEntryBytes + kEndBytes, '\0');
  const ssize_t bytes = ::pread(fd, text.data(), text.size(), 0);
  ::close(fd);
  if (bytes < static_cast<ssize_t>(kEntryBytes)) return std::nullopt;
  text.resize(static_cast<size_t>(bytes));
  return board_entry_from(text);
}

void RankBoard::write_end(const char* text) const {
  if (fd_ < 0) return;
  char line[kEndBytes];
  std::memset(line, ' ', sizeof line);
  std::memcpy(line, "end ", 4);
  std::memcpy(line + 4, text, std::min(std::strlen(text), sizeof line - 5));
  line[sizeof line - 1] = '\n';
  const ssize_t written = ::pwrite(fd_, line, sizeof line, kEntryBytes);
  static_cast<void>(written);
}

}  // namespace ropeway
