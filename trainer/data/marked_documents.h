// Documents with their marks (document_marks.h) in place and their shares in training. A document that brings
// its own BOS or EOS, as one of ready-made ids may, gets no second one; an example that is whole as it is
// gets none at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/data/document_marks.h"

namespace ropeway {

class Documents;

class MarkedDocuments {
 public:
  // Keeps a reference. weights: how many times a pass uses the tokens of each pattern that the documents were
  // loaded by; empty: once each.
  explicit MarkedDocuments(const Documents& documents, DocumentMarks marks = {},
                           std::vector<double> weights = {});

  size_t count() const;
  std::span<const int32_t> text(size_t document) const;  // without marks; memory-mapped
  int64_t size(size_t document) const;                   // tokens with marks
  double weight(size_t document) const;
  // Tokens [begin, begin + to.size()) of a document with its marks.
  void copy(size_t document, int64_t begin, std::span<int32_t> to) const;
  // An example of instruction data, used whole or not at all: no stretch is cut from it.
  bool is_example(size_t document) const;
  // Whether a token is scored, for each of the document with its marks: 1 or 0. Of an example: what it says,
  // with an EOS behind a scored end. Never its first token, which another document's last one would predict.
  std::vector<float> scored(size_t document) const;
  // The marks before a text, then its tokens from `begin` on: `length` in all.
  std::vector<int32_t> window(size_t document, int64_t begin, int64_t length) const;
  // Tokens of text in a window of `length` tokens as above: disjoint windows begin so far apart. Throws
  // kConfig where there is no room for any.
  int64_t text_tokens(int64_t length) const;

  const Documents& documents() const { return documents_; }
  const DocumentMarks& marks() const { return marks_; }

 private:
  struct Parts {
    std::span<const int32_t> before, text, after;
    int64_t cut = 0;  // of the document's tokens, in front of the text
  };
  Parts parts_of(size_t document) const;

  const Documents& documents_;
  DocumentMarks marks_;
  std::vector<double> weights_;
};

// "a.txt: 512, b.txt: 9 and 3 more": names and sizes of the first documents.
std::string sizes_of(const MarkedDocuments& documents);

// Throws kBadData naming documents and sizes unless some document has, marks included, at least `length`
// tokens.
void require_document_of(const MarkedDocuments& documents, int64_t length, const std::string& purpose);

// Throws kBadData naming the file for examples of instruction data: `purpose` takes whole texts.
void require_texts(const Documents& documents, const std::string& purpose);

// Whether all files hold examples of instruction data. Throws kBadData naming two files where some hold
// texts.
bool holds_examples(const Documents& documents);

// Throws kBadData naming `purpose` unless an evaluation has something to score in windows of `length` tokens:
// a document that is as long, or of examples one that fits.
void require_scored(const MarkedDocuments& documents, int64_t length, const std::string& purpose);

// "used 501 documents, 812M tokens; 499 shorter than 128K were left out": where windows do not reach from one
// document into the next.
std::string used_documents(const MarkedDocuments& documents, int64_t length);
// "used 501 examples, 812K tokens, 91K of them scored; 3 longer than 4K were left out"
std::string used_examples(const MarkedDocuments& documents, int64_t length);

// Windows of `length` tokens, each the marks before a text and a stretch of it, that fit side by side into
// the documents.
int64_t disjoint_windows(const MarkedDocuments& documents, int64_t length);

// Windows of `length` tokens of up to `limit` documents that have them, in order, each the marks before a
// text and a stretch of it; disjoint further windows of the same documents follow when there are fewer
// documents than `limit`. For search and readjust fitness.
std::vector<std::vector<int32_t>> whole_document_windows(const MarkedDocuments& documents, int64_t length,
                                                         int64_t limit);

}  // namespace ropeway
