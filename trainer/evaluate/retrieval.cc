#include "trainer/evaluate/retrieval.h"

#include "trainer/data/marked_documents.h"

namespace ropeway {

RetrievalTally::RetrievalTally(std::vector<double> depths, int64_t trials)
    : depths_(std::move(depths)), trials_(trials), by_depth_(depths_.size()) {}

void RetrievalTally::add(size_t depth, const AnswerScore& answer) {
  by_depth_[depth].add(answer);
  all_.add(answer);
}

RetrievalResult RetrievalTally::result(int64_t length, int64_t passes) const {
  RetrievalResult result{.length = length,
                         .passes = passes,
                         .trials = std::ssize(depths_) * trials_,
                         .right = all_.right,
                         .answer_nll = all_.mean_nll(),
                         .depths = depths_};
  result.accuracy = static_cast<double>(result.right) / static_cast<double>(result.trials);
  result.interval = interval_of_share(static_cast<double>(result.right), result.trials);
  for (const AnswerTally& depth : by_depth_) {
    result.depth_accuracy.push_back(static_cast<double>(depth.right) / static_cast<double>(trials_));
  }
  return result;
}

std::vector<double> spread_depths(int64_t count) {
  if (count == 1) return {0.5};
  std::vector<double> depths;
  for (int64_t i = 0; i < count; ++i) {
    depths.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return depths;
}

std::vector<std::span<const int32_t>> stretches_of(const MarkedDocuments& documents, int64_t text,
                                                   int64_t wanted) {
  std::vector<std::span<const int32_t>> stretches;
  for (size_t d = 0; d < documents.count(); ++d) {
    const auto tokens = documents.text(d);
    for (int64_t begin = 0; begin + text <= std::ssize(tokens); begin += text) {
      if (std::ssize(stretches) == wanted) return stretches;
      stretches.push_back(tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(text)));
    }
  }
  return stretches;
}

}  // namespace ropeway
