#include "trainer/search/verdict.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "trainer/search/scorer.h"

namespace ropeway {
namespace {

// The weight of each stretch of a document in the figure; together 1. Stretches without a target have none.
std::vector<double> block_weights(int64_t targets, double tail_weight) {
  std::vector<double> weights;
  const auto bound = [targets](int64_t b) { return b * targets / kScoreBlocks; };
  const int64_t first_of_tail = kScoreBlocks * 3 / 4;
  const auto tail = static_cast<double>(targets - bound(first_of_tail));
  for (int64_t b = 0; b < kScoreBlocks; ++b) {
    const auto count = static_cast<double>(bound(b + 1) - bound(b));
    weights.push_back((1 - tail_weight) * count / static_cast<double>(targets) +
                      (b < first_of_tail ? 0 : tail_weight * count / tail));
  }
  return weights;
}

double gain_of_needles(const SearchVerdict& verdict) { return verdict.needle_rival - verdict.needle_found; }

// What speaks for the search is the answers, and the text only stands beside them.
bool is_of_needles(const SearchVerdict& verdict) {
  return verdict.fitness == SearchFitness::kNeedle && verdict.held_out;
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? fmt::format(" (95% {:.4f} to {:.4f})", interval->low, interval->high)
                  : std::string(" (too few figures for an interval)");
}

std::string difference_text(double gain) {
  return fmt::format("{:.4f} nats per token {}", std::abs(gain), gain < 0 ? "worse" : "better");
}

// What `gain` is of, where it is not of the text alone.
std::string of_what(const SearchVerdict& verdict) {
  if (verdict.held_out || verdict.fitness == SearchFitness::kText) return "";
  return verdict.fitness == SearchFitness::kNeedle ? " in its answers" : " in text and answers";
}

void take_mean(const std::vector<LossBlock>& gains, SearchVerdict& verdict) {
  double sum = 0, weight = 0;
  for (const LossBlock& gain : gains) {
    sum += gain.loss;
    weight += gain.weight;
  }
  verdict.gain = sum / weight;
  verdict.interval = interval_of_mean(gains);
}

SearchVerdict of_pair(const Candidate& found, const Candidate& rival) {
  SearchVerdict verdict;
  verdict.same = candidate_key(found) == candidate_key(rival);
  verdict.found = found.origin == rival.origin && !verdict.same
                      ? fmt::format("{} at temperature {:.4g}", found.origin, found.temperature)
                      : found.origin;
  verdict.rival = rival.origin;
  return verdict;
}

std::string documents_text(const SearchVerdict& verdict) {
  const char* kind = verdict.held_out ? "held-out" : "ranking";
  return fmt::format("{} {} document{}", verdict.documents, kind, verdict.documents == 1 ? "" : "s");
}

}  // namespace

SearchVerdict weigh_on_held_out(Scorer& scorer, const Candidate& found, const Candidate& rival,
                                const FinalistRule& rule) {
  SearchVerdict verdict = of_pair(found, rival);
  verdict.fitness = rule.fitness;
  const auto scores = scorer.finalists({found, rival});
  verdict.documents = scorer.num_finalist_documents();
  const std::vector<double> weights = block_weights(scorer.num_targets(), rule.tail);
  std::vector<LossBlock> gains, needle_gains;
  for (int64_t j = 0; j < verdict.documents; ++j) {
    const DocumentScore &own = scores[0][j], &other = scores[1][j];
    for (int64_t b = 0; b < kScoreBlocks; ++b) {
      if (weights[b] > 0) gains.push_back({(other.blocks[b] - own.blocks[b]) * weights[b], weights[b]});
    }
    for (size_t n = 0; n < own.needles.size(); ++n) {
      needle_gains.push_back({other.needles[n] - own.needles[n], 1});
    }
    verdict.needle_found += own.needle_nll / static_cast<double>(verdict.documents);
    verdict.needle_rival += other.needle_nll / static_cast<double>(verdict.documents);
  }
  take_mean(gains, verdict);
  verdict.needles = std::ssize(needle_gains);
  verdict.needle_interval = interval_of_mean(needle_gains);
  return verdict;
}

SearchVerdict weigh_on_ranking(Scorer& scorer, const Candidate& found, const Candidate& rival,
                               const FinalistRule& rule) {
  SearchVerdict verdict = of_pair(found, rival);
  verdict.fitness = rule.fitness;
  verdict.held_out = false;
  verdict.documents = scorer.num_documents();
  std::vector<int64_t> documents(verdict.documents);
  std::iota(documents.begin(), documents.end(), 0);
  const auto scores = scorer.scores({found, rival}, documents);
  std::vector<LossBlock> gains;
  for (int64_t j = 0; j < verdict.documents; ++j) gains.push_back({scores[1][j] - scores[0][j], 1});
  take_mean(gains, verdict);
  return verdict;
}

bool search_pays(const SearchVerdict& verdict) {
  if (verdict.rival.empty() || verdict.same) return false;
  if (is_of_needles(verdict)) {
    if (!std::isfinite(gain_of_needles(verdict))) return gain_of_needles(verdict) > 0;
    return verdict.needle_interval && verdict.needle_interval->low > 0;
  }
  if (!std::isfinite(verdict.gain)) return verdict.gain > 0;  // the rival's loss is infinite
  if (!verdict.interval) return false;
  const bool finds_more = gain_of_needles(verdict) >= kNeedleGain;
  return verdict.interval->low > 0 || (finds_more && verdict.interval->high > 0);
}

std::string verdict_text(const SearchVerdict& verdict, double passes) {
  const std::string cost = fmt::format("; {:.0f} passes", passes);
  if (verdict.rival.empty()) return "no formula was scored beside it" + cost;
  if (verdict.same) return fmt::format("the search found {}, which needs no search", verdict.rival) + cost;
  std::string text =
      search_pays(verdict) ? "use the search: " : fmt::format("{} is as good: ", verdict.rival);
  const std::string of_text = difference_text(verdict.gain) + of_what(verdict);
  if (is_of_needles(verdict)) {
    const double gain = gain_of_needles(verdict);
    text +=
        fmt::format("{} answers {} than {}{}, {:.2f} nats against {:.2f} over {} needles; its text is {}{}",
                    verdict.found, difference_text(gain), verdict.rival,
                    interval_text(verdict.needle_interval), verdict.needle_found, verdict.needle_rival,
                    verdict.needles, of_text, interval_text(verdict.interval));
    return text + " on " + documents_text(verdict) + cost;
  }
  text += fmt::format("{} is {} than {}{} on {}", verdict.found, of_text, verdict.rival,
                      interval_text(verdict.interval), documents_text(verdict));
  if (verdict.needles > 0) {
    text += fmt::format(", answers {:.2f} nats against {:.2f} over {} needles", verdict.needle_found,
                        verdict.needle_rival, verdict.needles);
  } else if (verdict.needle_found != 0 || verdict.needle_rival != 0) {
    text += fmt::format(", passkey digits {:.2f} nats against {:.2f}", verdict.needle_found,
                        verdict.needle_rival);
  }
  return text + cost;
}

}  // namespace ropeway
