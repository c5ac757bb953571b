// Windows of one length, each a stretch of one document: documents are drawn by their tokens, so that every
// token is as likely as any other in a document of the same weight, however long its document is. Documents
// shorter than a window are left out, and so are examples of instruction data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

class MarkedDocuments;
enum class Stream : uint32_t;

class TextWindows {
 public:
  // Keeps a reference. length: tokens of a window. Throws kBadData naming `purpose` unless some document has
  // that many.
  TextWindows(const MarkedDocuments& documents, int64_t length, const std::string& purpose);

  // Number `index` of the random stream: a document in proportion to its tokens times its weight, then a
  // uniform start. A pure function of its arguments.
  std::vector<int32_t> draw(uint64_t seed, Stream stream, uint64_t index) const;

  int64_t num_documents() const { return num_documents_; }  // that are long enough
  int64_t num_tokens() const { return num_tokens_; }        // of these

 private:
  const MarkedDocuments& documents_;
  int64_t length_;
  int64_t num_documents_ = 0, num_tokens_ = 0;
  std::vector<double> cumulative_;  // weighted tokens of all documents up to and including this one
};

}  // namespace ropeway
