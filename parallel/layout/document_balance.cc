#include "parallel/layout/document_balance.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

// Even enough: cutting more documents would cost more than it saves.
constexpr double kEven = 1.02;

struct Document {
  int64_t position = 0, length = 0;
};

// Sum of min(p + 1, window) for p in [first, first + count): what queries at these places of a document see.
int64_t seen_by(int64_t first, int64_t count, int64_t window) {
  const auto triangle = [](int64_t n) { return n * (n + 1) / 2; };
  if (window == 0) return triangle(first + count) - triangle(first);
  const int64_t growing = std::clamp<int64_t>(window - first, 0, count);
  return triangle(first + growing) - triangle(first) + (count - growing) * window;
}

std::vector<Document> longest_first(int64_t length, const std::vector<int64_t>& starts) {
  std::vector<Document> documents;
  for (size_t i = 0; i < starts.size(); ++i) {
    documents.push_back({starts[i], (i + 1 < starts.size() ? starts[i + 1] : length) - starts[i]});
  }
  std::ranges::stable_sort(documents,
                           [](const Document& a, const Document& b) { return a.length > b.length; });
  return documents;
}

// A schedule in the making.
class Shares {
 public:
  Shares(int64_t length, int ranks) : ranks_(ranks), shares_(static_cast<size_t>(ranks)) {
    for (Share& share : shares_) share.room = length / ranks;
  }

  // In zigzag over all ranks. What the division leaves over goes to those with most room, a token at a time,
  // so rooms stay within one token of each other.
  void cut(const Document& document) {
    const int64_t chunk = document.length / (2 * ranks_), rest = document.length % (2 * ranks_);
    std::vector<int64_t> extra(shares_.size(), 0);
    const std::vector<size_t> order = by_room();
    for (int64_t i = 0; i < rest; ++i) ++extra[order[static_cast<size_t>(i % ranks_)]];
    int64_t at = 0;
    const auto give = [&](size_t rank, int64_t count) {
      put(rank, document, at, count);
      at += count;
    };
    for (size_t r = 0; r < shares_.size(); ++r) give(r, chunk + (extra[r] > 0 ? 1 : 0));
    for (size_t r = shares_.size(); r-- > 0;) give(r, chunk + (extra[r] > 1 ? 1 : 0));
  }

  // To the rank with least work that has room for all of it; false where none has.
  bool put_whole(const Document& document) {
    Share* best = nullptr;
    for (Share& share : shares_) {
      if (share.room >= document.length && (best == nullptr || share.area < best->area)) best = &share;
    }
    if (best == nullptr) return false;
    put(static_cast<size_t>(best - shares_.data()), document, 0, document.length);
    return true;
  }

  // In as few pieces as fill up rooms: the first pieces, which see little, to the ranks with most work.
  void fill(const Document& document) {
    std::vector<size_t> order(shares_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, [&](size_t a, size_t b) { return shares_[a].area > shares_[b].area; });
    int64_t at = 0;
    for (const size_t rank : order) {
      const int64_t count = std::min(shares_[rank].room, document.length - at);
      put(rank, document, at, count);
      at += count;
    }
    ROPEWAY_CHECK(at == document.length, "{} of {} tokens of a document found room", at, document.length);
  }

  double balance() const {
    double most = 0, sum = 0;
    for (const Share& share : shares_) {
      most = std::max(most, static_cast<double>(share.area));
      sum += static_cast<double>(share.area);
    }
    return most * static_cast<double>(shares_.size()) / sum;
  }

  RankRuns runs() const {
    RankRuns runs;
    for (const Share& share : shares_) {
      std::vector<PositionRun> sorted = share.runs, joined;
      std::ranges::sort(sorted, {}, &PositionRun::position);
      int64_t row = 0;
      for (const PositionRun& run : sorted) {
        if (!joined.empty() && joined.back().position + joined.back().count == run.position) {
          joined.back().count += run.count;
        } else {
          joined.push_back({run.position, row, run.count});
        }
        row += run.count;
      }
      runs.push_back(std::move(joined));
    }
    return runs;
  }

 private:
  struct Share {
    int64_t room = 0, area = 0;
    std::vector<PositionRun> runs;
  };

  // The ranks with most room first, of equal ones that with least work.
  std::vector<size_t> by_room() const {
    std::vector<size_t> order(shares_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, [&](size_t a, size_t b) {
      const Share &x = shares_[a], &y = shares_[b];
      return x.room != y.room ? x.room > y.room : x.area < y.area;
    });
    return order;
  }

  void put(size_t rank, const Document& document, int64_t first, int64_t count) {
    if (count == 0) return;
    Share& share = shares_[rank];
    share.room -= count;
    share.area += seen_by(first, count, 0);
    share.runs.push_back({document.position + first, 0, count});
  }

  int ranks_;
  std::vector<Share> shares_;
};

// The `cuts` longest are cut, the others stay whole where there is room.
Shares shared_with(int64_t length, int ranks, const std::vector<Document>& documents, size_t cuts) {
  Shares shares(length, ranks);
  for (size_t i = 0; i < cuts; ++i) shares.cut(documents[i]);
  std::vector<Document> left;
  for (size_t i = cuts; i < documents.size(); ++i) {
    if (!shares.put_whole(documents[i])) left.push_back(documents[i]);
  }
  for (const Document& document : left) shares.fill(document);
  return shares;
}

RankRuns zigzag_runs(int64_t length, int ranks) {
  RankRuns runs;
  for (int rank = 0; rank < ranks; ++rank)
    runs.push_back(local_runs(length, ranks, rank, Placement::kZigzag));
  return runs;
}

}  // namespace

int64_t causal_area(const std::vector<PositionRun>& runs, const std::vector<int64_t>& documents,
                    int64_t window) {
  int64_t area = 0;
  for (const PositionRun& run : runs) {
    const int64_t end = run.position + run.count;
    for (int64_t at = run.position; at < end;) {
      const auto next = std::ranges::upper_bound(documents, at);
      const int64_t stop = next == documents.end() ? end : std::min(end, *next);
      area += seen_by(at - *std::prev(next), stop - at, window);
      at = stop;
    }
  }
  return area;
}

double area_balance(const RankRuns& runs, const std::vector<int64_t>& documents, int64_t window) {
  double most = 0, sum = 0;
  for (const std::vector<PositionRun>& own : runs) {
    const auto area = static_cast<double>(causal_area(own, documents, window));
    most = std::max(most, area);
    sum += area;
  }
  return most * static_cast<double>(runs.size()) / sum;
}

RankRuns balanced_runs(int64_t length, const std::vector<int64_t>& starts, int ranks) {
  RankRuns zigzag = zigzag_runs(length, ranks);
  if (starts.size() == 1 || ranks == 1) return zigzag;
  const std::vector<Document> documents = longest_first(length, starts);
  RankRuns best = std::move(zigzag);
  double least = area_balance(best, starts);
  for (size_t cuts = 0;; cuts = std::min(std::max(cuts + 1, cuts + cuts / 4), documents.size())) {
    const Shares shares = shared_with(length, ranks, documents, cuts);
    if (const double balance = shares.balance(); balance < least) {
      least = balance;
      best = shares.runs();
    }
    if (least <= kEven || cuts == documents.size()) return best;
  }
}

}  // namespace ropeway
