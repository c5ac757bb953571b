// Figures that are kept on disk while an evaluation is under way, by what they are of: JSON that names
// everything they depend on. They are used for exactly that and for nothing else.
//
//   {"format": "...", "version": 1, "evaluations": [{"of": {...}, "figures": {...}}, ...]}
//
// The file is written anew, atomically, after each entry; doubles are read back with the same bits.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "parallel/comm/communicator.h"

namespace ropeway {

class KeptEntries {
 public:
  struct Form {
    std::string format;
    int version = 1;
    // Reads an entry. What it cannot read, for which it throws a JSON exception, is a damaged file.
    std::function<void(const std::string& of, const std::string& figures)> check = {};
  };
  // Collective. Reads what is there; a file of another form or version counts as empty. One that cannot be
  // read is warned of, and replaced when the first entry is added.
  KeptEntries(std::filesystem::path file, Communicator& world, Form form);

  // of: the text of a JSON object with its keys sorted. The figures' JSON, the same on every rank; null:
  // none.
  const std::string* find(const std::string& of) const;
  // Rank 0 writes the file. A write that fails is warned of: the evaluation goes on, and cannot be resumed
  // here.
  void add(const std::string& of, const std::string& figures);

 private:
  void read(const std::string& text);
  void write() const;

  const std::filesystem::path file_;
  const bool writes_;
  const Form form_;
  std::vector<std::pair<std::string, std::string>> entries_;  // of, figures
};

}  // namespace ropeway
