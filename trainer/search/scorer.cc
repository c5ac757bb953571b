#include "trainer/search/scorer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "parallel/board/position.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mesh.h"
#include "trainer/search/cost.h"
#include "trainer/search/rows.h"

namespace ropeway {
namespace {

// Candidates are ranked by comparing, so anything that is not a number counts as infinitely bad.
double finite_or_infinity(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}

// How many figures one document of such a line gives.
int64_t num_figures(const SearchLine& line, int64_t needles) {
  if (line.kind == SearchLine::Kind::kScore) return 1;
  if (line.kind == SearchLine::Kind::kFinalist) return 3 + kScoreBlocks + needles;
  return static_cast<int64_t>(line.candidate.factors.size()) + 2;
}

double cost_per_document(SearchLine::Kind kind) {
  if (kind == SearchLine::Kind::kScore) return 1;
  return kind == SearchLine::Kind::kFinalist ? kFinalistCost : kGradientCost;
}

// Adds what Scorer::evaluate found on one document to its line.
void store(const std::vector<double>& figures, SearchLine& line) {
  if (line.kind == SearchLine::Kind::kGradient) {
    line.gradient.log_factors.assign(figures.begin(), figures.end() - 2);
    line.gradient.log_temperature = figures[figures.size() - 2];
    line.gradient.nll = finite_or_infinity(figures.back());
    line.scores.push_back(line.gradient.nll);
    return;
  }
  line.scores.push_back(finite_or_infinity(figures[0]));
  if (line.kind == SearchLine::Kind::kFinalist) {
    line.tail = finite_or_infinity(figures[1]);
    line.needle = finite_or_infinity(figures[2]);
    const auto blocks = figures.begin() + 3, needles = blocks + kScoreBlocks;
    std::transform(blocks, needles, std::back_inserter(line.blocks), finite_or_infinity);
    std::transform(needles, figures.end(), std::back_inserter(line.needles), finite_or_infinity);
  }
}

}  // namespace

Scorer::Scorer(Objective& objective, const Mesh& mesh, SearchLog& log, int64_t target_length,
               SearchHooks hooks)
    : objective_(objective),
      mesh_(mesh),
      log_(log),
      target_length_(target_length),
      hooks_(std::move(hooks)) {}

void Scorer::begin_phase(const std::string& name, double remaining_cost) {
  phase_ = name;
  expected_ = spent_ + remaining_cost;
  best_on_.clear();
  if (hooks_.progress)
    hooks_.progress({phase_, std::numeric_limits<double>::infinity(), spent_, expected_, best_on_});
}

SearchLine Scorer::make_line(SearchLine::Kind kind, const Candidate& candidate,
                             std::vector<int64_t> documents, int64_t length) const {
  SearchLine line;
  line.kind = kind;
  line.phase = phase_;
  line.candidate = candidate;
  line.documents = std::move(documents);
  line.length = length == 0 ? target_length_ : length;
  return line;
}

void Scorer::stop_if_asked() {
  const bool asked = hooks_.should_stop && hooks_.should_stop();
  if (any_rank(mesh_.world(), asked)) {
    fail(ErrorKind::kStopped,
         "the search was stopped on request after {:.0f} forward equivalents; it goes on from its log",
         spent_);
  }
}

void Scorer::account(const SearchLine& line) {
  spent_ += line.forward_equivalents;
  if (line.kind == SearchLine::Kind::kScore) {
    double sum = 0;
    const std::string key = candidate_key(line.candidate);
    for (size_t j = 0; j < line.documents.size(); ++j) {
      known_[{key, {line.documents[j], line.length}}] = line.scores[j];
      sum += line.scores[j];
    }
    const double fitness = sum / static_cast<double>(line.scores.size());
    if (std::isfinite(fitness)) {
      any_finite_ = true;
    } else {
      note_infinite(line);
    }
    // Figures of different documents do not compare.
    const std::string on = scored_on(line);
    best_ = on == best_on_ ? std::min(best_, fitness) : fitness;
    best_on_ = on;
  }
  if (!hooks_.progress) return;
  double sum = 0;
  for (const double score : line.scores) sum += score;
  hooks_.progress({line.phase, best_, spent_, std::max(expected_, spent_), best_on_, line.candidate.origin,
                   sum / static_cast<double>(line.scores.size())});
}

// "ranking document 1", "ranking documents 1 to 3", "the first 1024 tokens of ranking document 1".
std::string Scorer::scored_on(const SearchLine& line) const {
  const int64_t first = line.documents.front() + 1, last = line.documents.back() + 1;
  const std::string start =
      line.length < target_length_ ? fmt::format("the first {} tokens of ", line.length) : "";
  return start + (first == last ? fmt::format("ranking document {}", first)
                                : fmt::format("ranking documents {} to {}", first, last));
}

// Said once: of some candidates it is expected.
void Scorer::note_infinite(const SearchLine& line) {
  if (std::exchange(noted_infinite_, true) || mesh_.world().rank() != 0) return;
  for (size_t j = 0; j < line.scores.size(); ++j) {
    if (std::isfinite(line.scores[j])) continue;
    log_warning(
        "search, {}: the loss of candidate {} on document {} is not finite; it counts as infinite, and so do "
        "others",
        line.phase, line.candidate.origin, line.documents[j]);
    return;
  }
}

// What `line` asks about one of its documents: its score; NLL, tail, needle, blocks and needles; or the
// gradient and the NLL.
std::vector<double> Scorer::evaluate(const SearchLine& line, int64_t document) {
  switch (line.kind) {
    case SearchLine::Kind::kScore:
      return {objective_.score(line.candidate, document, line.length).nll};
    case SearchLine::Kind::kFinalist: {
      const DocumentScore score = objective_.score_finalist(line.candidate, document);
      std::vector<double> figures{score.nll, score.tail_nll, score.needle_nll};
      figures.insert(figures.end(), score.blocks.begin(), score.blocks.end());
      figures.insert(figures.end(), score.needles.begin(), score.needles.end());
      return figures;
    }
    case SearchLine::Kind::kGradient:
      break;
  }
  const Objective::Gradient gradient = objective_.gradient(line.candidate, document);
  std::vector<double> figures = gradient.log_factors;
  figures.push_back(gradient.log_temperature);
  figures.push_back(gradient.nll);
  return figures;
}

// Every document of every line is one piece of work for a row.
void Scorer::compute(std::span<SearchLine> lines) {
  Position::here().set_step(++computed_);
  stop_if_asked();
  const auto begin = std::chrono::steady_clock::now();
  struct Piece {
    SearchLine* line;
    int64_t document;
  };
  std::vector<Piece> pieces;
  for (SearchLine& line : lines) {
    for (const int64_t document : line.documents) pieces.push_back({&line, document});
  }
  const SearchLine& first = lines.front();
  const auto results =
      deal_to_rows(mesh_, static_cast<int64_t>(pieces.size()), num_figures(first, objective_.num_needles()),
                   [&](int64_t k) { return evaluate(*pieces[k].line, pieces[k].document); });
  for (size_t k = 0; k < pieces.size(); ++k) store(results[k], *pieces[k].line);
  const double share = static_cast<double>(first.length) / static_cast<double>(target_length_);
  const double seconds = seconds_since(begin) / static_cast<double>(lines.size());
  for (SearchLine& line : lines) {
    line.forward_equivalents =
        cost_per_document(line.kind) * share * static_cast<double>(line.documents.size());
    line.seconds = seconds;
  }
  log_.append({lines.begin(), lines.end()});
}

void Scorer::settle(std::vector<SearchLine>& lines) {
  const auto rows = static_cast<size_t>(mesh_.size(Axis::kData));
  for (size_t next = 0; next < lines.size();) {
    if (log_.can_replay()) {
      log_.replay(lines[next]);
      account(lines[next++]);
      continue;
    }
    // As many lines at once as the rows can share.
    size_t count = 1, pieces = lines[next].documents.size();
    while (next + count < lines.size() && pieces + lines[next + count].documents.size() <= rows) {
      pieces += lines[next + count++].documents.size();
    }
    const std::span<SearchLine> together = std::span(lines).subspan(next, count);
    compute(together);
    for (const SearchLine& line : together) account(line);
    next += count;
  }
}

std::vector<std::vector<double>> Scorer::scores(const std::vector<Candidate>& candidates,
                                                const std::vector<int64_t>& documents, int64_t length) {
  // What is missing is settled first: it may not depend on how many lines are computed at once.
  const int64_t tokens = length == 0 ? target_length_ : length;
  std::vector<SearchLine> missing;
  std::set<Key> planned;
  for (const Candidate& candidate : candidates) {
    const std::string key = candidate_key(candidate);
    std::vector<int64_t> unknown;
    for (const int64_t document : documents) {
      const Key one{key, {document, tokens}};
      if (!known_.contains(one) && planned.insert(one).second) unknown.push_back(document);
    }
    if (!unknown.empty()) missing.push_back(make_line(SearchLine::Kind::kScore, candidate, unknown, tokens));
  }

  settle(missing);

  std::vector<std::vector<double>> result;
  for (const Candidate& candidate : candidates) {
    const std::string key = candidate_key(candidate);
    auto& row = result.emplace_back();
    for (const int64_t document : documents) row.push_back(known_.at({key, {document, tokens}}));
  }
  return result;
}

double Scorer::score(const Candidate& candidate, int64_t document) {
  return scores({candidate}, {document})[0][0];
}

std::vector<double> Scorer::means(const std::vector<Candidate>& candidates, int64_t count) {
  std::vector<int64_t> documents(count);
  for (int64_t j = 0; j < count; ++j) documents[j] = j;
  std::vector<double> result;
  for (const auto& row : scores(candidates, documents)) {
    double sum = 0;
    for (const double nll : row) sum += nll;
    result.push_back(sum / static_cast<double>(count));
  }
  return result;
}

int64_t Scorer::documents_per_look() const {
  return ropeway::documents_per_look(num_documents(), target_length_);
}

double Scorer::mean(const Candidate& candidate, int64_t count) { return means({candidate}, count)[0]; }

bool Scorer::is_known(const Candidate& candidate, int64_t document, int64_t length) const {
  return known_.contains({candidate_key(candidate), {document, length == 0 ? target_length_ : length}});
}

std::vector<std::vector<DocumentScore>> Scorer::finalists(const std::vector<Candidate>& candidates) {
  const auto key_of = [this](const Candidate& candidate, int64_t document) {
    return Key{candidate_key(candidate), {document, target_length_}};
  };
  std::vector<SearchLine> missing;
  std::set<Key> planned;
  for (const Candidate& candidate : candidates) {
    for (int64_t j = 0; j < num_finalist_documents(); ++j) {
      const Key key = key_of(candidate, j);
      if (known_finalists_.contains(key) || !planned.insert(key).second) continue;
      missing.push_back(make_line(SearchLine::Kind::kFinalist, candidate, {j}, 0));
    }
  }
  settle(missing);
  for (const SearchLine& line : missing) {
    known_finalists_[key_of(line.candidate, line.documents[0])] = {line.scores[0], line.tail, line.needle,
                                                                   line.blocks, line.needles};
  }
  std::vector<std::vector<DocumentScore>> result;
  for (const Candidate& candidate : candidates) {
    auto& row = result.emplace_back();
    for (int64_t j = 0; j < num_finalist_documents(); ++j) {
      row.push_back(known_finalists_.at(key_of(candidate, j)));
    }
  }
  return result;
}

std::vector<Objective::Gradient> Scorer::gradients(const Candidate& candidate,
                                                   const std::vector<int64_t>& draws) {
  std::vector<SearchLine> lines;
  for (const int64_t draw : draws) {
    lines.push_back(make_line(SearchLine::Kind::kGradient, candidate, {draw}, 0));
  }
  settle(lines);
  std::vector<Objective::Gradient> result;
  for (const SearchLine& line : lines) result.push_back(line.gradient);
  return result;
}

}  // namespace ropeway
