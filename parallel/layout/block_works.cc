#include "parallel/layout/block_works.h"

#include <algorithm>

namespace ropeway {
namespace {

BlockWork work_of(BlockWork::Mask mask, const PositionRun& queries, const PositionRun& keys) {
  return {.mask = mask,
          .query_begin = queries.row,
          .query_count = queries.count,
          .key_begin = keys.row,
          .key_count = keys.count};
}

// Adds a work; full ones that touch the last one grow it instead, along the keys or along the queries.
void add(std::vector<BlockWork>& works, const BlockWork& work) {
  const auto full = [](const BlockWork& w) { return w.mask == BlockWork::Mask::kFull; };
  if (!works.empty() && full(works.back()) && full(work)) {
    BlockWork& last = works.back();
    const bool same_queries = last.query_begin == work.query_begin && last.query_count == work.query_count;
    if (same_queries && last.key_begin + last.key_count == work.key_begin) {
      last.key_count += work.key_count;
      return;
    }
    const bool same_keys = last.key_begin == work.key_begin && last.key_count == work.key_count;
    if (same_keys && last.query_begin + last.query_count == work.query_begin) {
      last.query_count += work.query_count;
      return;
    }
  }
  works.push_back(work);
}

// A rank's rows ascend in position, so the rows of a document lie side by side, and of two of them the later
// row is the later position: causal in rows is causal in positions.
std::vector<BlockWork> own_documents(const std::vector<DocumentPiece>& pieces) {
  std::vector<BlockWork> works;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0 && pieces[i].document == pieces[i - 1].document) {
      works.back().query_count += pieces[i].run.count;
      works.back().key_count += pieces[i].run.count;
    } else {
      works.push_back(work_of(BlockWork::Mask::kCausal, pieces[i].run, pieces[i].run));
    }
  }
  return works;
}

// The part of one query run and one key run of the same document, the keys not later than the queries.
// Returns a work without keys where the window hides them all.
BlockWork within_window(const PositionRun& q, const PositionRun& k, int64_t window) {
  const int64_t nearest = q.position - (k.position + k.count - 1);
  const int64_t farthest = q.position + q.count - 1 - k.position;
  if (nearest >= window) return {};
  const bool itself = q.position == k.position;
  if (farthest < window) return work_of(itself ? BlockWork::Mask::kCausal : BlockWork::Mask::kFull, q, k);
  // Keys before the first query's window and queries whose window begins behind the last key are left out.
  PositionRun queries = q, keys = k;
  const int64_t unseen = std::max<int64_t>(0, q.position - k.position - window + 1);
  keys.position += unseen;
  keys.row += unseen;
  keys.count -= unseen;
  queries.count = std::min(queries.count, keys.position + keys.count - 1 + window - queries.position);
  BlockWork work = work_of(BlockWork::Mask::kBand, queries, keys);
  work.offset = queries.position - keys.position;
  work.window = window;
  return work;
}

// Runs of which one goes on where the other ends, as one.
std::vector<PositionRun> joined(const std::vector<PositionRun>& runs) {
  std::vector<PositionRun> result;
  for (const PositionRun& run : runs) {
    const bool goes_on = !result.empty() && result.back().position + result.back().count == run.position &&
                         result.back().row + result.back().count == run.row;
    if (goes_on) {
      result.back().count += run.count;
    } else {
      result.push_back(run);
    }
  }
  return result;
}

}  // namespace

std::vector<DocumentPiece> cut_at_borders(const std::vector<PositionRun>& runs,
                                          const std::vector<int64_t>& documents) {
  std::vector<DocumentPiece> pieces;
  for (const PositionRun& run : runs) {
    const int64_t end = run.position + run.count;
    for (int64_t at = run.position; at < end;) {
      const auto next = std::upper_bound(documents.begin(), documents.end(), at);
      const int64_t stop = next == documents.end() ? end : std::min(end, *next);
      pieces.push_back({{at, run.row + (at - run.position), stop - at},
                        static_cast<size_t>(next - documents.begin() - 1)});
      at = stop;
    }
  }
  return pieces;
}

std::span<const DocumentPiece> pieces_of(std::span<const DocumentPiece> pieces, size_t document) {
  const auto found = std::ranges::equal_range(pieces, document, {}, &DocumentPiece::document);
  return {found.begin(), found.end()};
}

std::vector<BlockWork> block_works(const std::vector<PositionRun>& queries,
                                   const std::vector<PositionRun>& keys, bool own,
                                   const std::vector<int64_t>& documents, int64_t window) {
  if (own && window == 0) return own_documents(cut_at_borders(queries, documents));
  const std::vector<DocumentPiece> query_pieces =
      cut_at_borders(window > 0 ? joined(queries) : queries, documents);
  const std::vector<DocumentPiece> key_pieces = cut_at_borders(window > 0 ? joined(keys) : keys, documents);
  std::vector<BlockWork> works;
  for (const DocumentPiece& q : query_pieces) {
    std::vector<BlockWork> row;  // of these queries: keys that touch are joined before queries are
    for (const DocumentPiece& k : pieces_of(key_pieces, q.document)) {
      if (k.run.position > q.run.position) continue;
      const BlockWork work =
          window == 0 ? work_of(BlockWork::Mask::kFull, q.run, k.run) : within_window(q.run, k.run, window);
      if (work.key_count > 0) add(row, work);
    }
    for (const BlockWork& work : row) add(works, work);
  }
  return works;
}

}  // namespace ropeway
