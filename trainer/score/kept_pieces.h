// Results of pieces of work that are smaller than a cell of an evaluation, such as the losses of one window: on
// disk while the cell is under way, so that one that was interrupted goes on behind the last piece. A piece is
// found by everything it depends on: its key is a hash of that.
//
// The file is only ever added to: records of a key, a size, the bytes and the key again. A record that is cut
// off at the end, as by a kill, is passed over.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "parallel/comm/communicator.h"

namespace ropeway {

class KeptPieces {
 public:
  // Collective. Reads what is there. A file that cannot be read is warned of, and counts as empty.
  KeptPieces(std::filesystem::path file, Communicator& world);

  // Collective. The bytes that were kept under the key, the same on every rank; nullopt: none. `key` is called
  // on rank 0 alone, and not at all where nothing is kept.
  std::optional<std::string> find(const std::function<std::string()>& key) const;
  // Of rank 0; nothing on others. Kept in memory until the next write.
  void add(const std::function<std::string()>& key, const std::function<std::string()>& bytes);
  // What was added goes to the file: at once, or when the last write is some seconds ago. A write that fails is
  // warned of, once: the evaluation goes on, and cannot be resumed within a cell.
  void write_now();
  void write_when_due();
  // The cell is finished: its own figures are kept, and the file is removed.
  void clear();

 private:
  void read();

  const std::filesystem::path file_;
  Communicator& world_;
  bool any_ = false;  // from before, on any rank's account; the same on all
  bool broken_ = false;
  std::map<std::string, std::string> found_;  // on rank 0
  std::string pending_;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

}  // namespace ropeway
