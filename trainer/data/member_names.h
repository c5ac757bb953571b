// The keys of an object, for a message about one that is missing.
#pragma once

#include <string>

#include "trainer/files/utf8.h"

namespace ropeway {

class MemberNames {
 public:
  void add(const std::string& key) {
    if (names_.size() < 4 * kShown) names_ += (names_.empty() ? "" : ", ") + shorten(key, kShown);
  }
  // "prompt, answer", cut to a length; "no keys".
  std::string words() const { return names_.empty() ? "no keys" : shorten(names_, 2 * kShown); }

 private:
  static constexpr size_t kShown = 40;  // characters
  std::string names_;
};

}  // namespace ropeway
