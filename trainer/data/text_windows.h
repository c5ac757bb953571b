// All windows of one length over a set of documents, each as likely as any other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ropeway {

class Documents;
enum class Stream : uint32_t;

class TextWindows {
 public:
  // Keeps a reference. length: tokens of a window. Throws kBadData naming `purpose` unless some document has
  // that many.
  TextWindows(const Documents& documents, int64_t length, const std::string& purpose);

  // Number `index` of the random stream: a document in proportion to its number of windows, then a uniform
  // start. A pure function of its arguments. The tokens are the documents' own.
  std::span<const int32_t> draw(uint64_t seed, Stream stream, uint64_t index) const;

 private:
  const Documents& documents_;
  int64_t length_;
  std::vector<int64_t> cumulative_starts_;  // windows of all documents up to and including this one
};

}  // namespace ropeway
