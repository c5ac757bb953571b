#include "trainer/search/scorer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/search/cost.h"

namespace ropeway {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Candidates are ranked by comparing, so anything that is not a number counts as infinitely bad.
double finite_or_infinity(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}

}  // namespace

Scorer::Scorer(Objective& objective, Communicator& world, SearchLog& log, int64_t target_length,
               SearchHooks hooks)
    : objective_(objective),
      world_(world),
      log_(log),
      target_length_(target_length),
      hooks_(std::move(hooks)) {}

void Scorer::begin_phase(const std::string& name, double remaining_cost) {
  phase_ = name;
  expected_ = spent_ + remaining_cost;
  best_is_of_phase_ = false;  // phases score different documents: their figures do not compare
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
  if (any_rank(world_, asked)) {
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
    best_ = best_is_of_phase_ ? std::min(best_, fitness) : fitness;
    best_is_of_phase_ = true;
  }
  if (hooks_.progress) hooks_.progress({line.phase, best_, spent_, std::max(expected_, spent_)});
}

// Lines that ask about the same documents and length, computed together.
void Scorer::compute(std::vector<SearchLine>& lines) {
  stop_if_asked();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Candidate> candidates;
  for (const SearchLine& line : lines) candidates.push_back(line.candidate);
  const auto all = objective_.score_all(candidates, lines.front().documents, lines.front().length);
  // Every rank computed them; one rank's figures are taken, so that no two ranks can ever decide differently.
  std::vector<double> flat;
  for (const auto& row : all) flat.insert(flat.end(), row.begin(), row.end());
  world_.broadcast(flat.data(), static_cast<int64_t>(flat.size() * sizeof(double)), 0);
  const double share = static_cast<double>(lines.front().length) / static_cast<double>(target_length_);
  const double seconds = seconds_since(begin) / static_cast<double>(lines.size());
  size_t next = 0;
  for (SearchLine& line : lines) {
    for (size_t j = 0; j < line.documents.size(); ++j)
      line.scores.push_back(finite_or_infinity(flat[next++]));
    line.forward_equivalents = share * static_cast<double>(line.documents.size());
    line.seconds = seconds;
  }
  log_.append(lines);
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

  for (size_t next = 0; next < missing.size();) {
    if (log_.can_replay()) {
      log_.replay(missing[next]);
      account(missing[next++]);
      continue;
    }
    const auto documents_each = static_cast<int64_t>(missing[next].documents.size());
    const int64_t at_once = std::max<int64_t>(1, objective_.parallel_scores() / documents_each);
    std::vector<SearchLine> chunk;
    while (next < missing.size() && static_cast<int64_t>(chunk.size()) < at_once &&
           missing[next].documents == missing[next - chunk.size()].documents) {
      chunk.push_back(missing[next++]);
    }
    compute(chunk);
    for (const SearchLine& line : chunk) account(line);
  }

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

bool Scorer::is_known(const Candidate& candidate, int64_t document) const {
  return known_.contains({candidate_key(candidate), {document, target_length_}});
}

DocumentScore Scorer::finalist(const Candidate& candidate, int64_t document) {
  const Key key{candidate_key(candidate), {document, target_length_}};
  if (const auto found = known_finalists_.find(key); found != known_finalists_.end()) return found->second;
  SearchLine line = make_line(SearchLine::Kind::kFinalist, candidate, {document}, 0);
  if (log_.can_replay()) {
    log_.replay(line);
  } else {
    stop_if_asked();
    const auto begin = std::chrono::steady_clock::now();
    DocumentScore score = objective_.score_finalist(candidate, document);
    world_.broadcast(&score, sizeof(score), 0);
    line.scores = {finite_or_infinity(score.nll)};
    line.tail = finite_or_infinity(score.tail_nll);
    line.needle = finite_or_infinity(score.needle_nll);
    line.forward_equivalents = kFinalistCost;
    line.seconds = seconds_since(begin);
    log_.append({line});
  }
  account(line);
  return known_finalists_[key] = {line.scores[0], line.tail, line.needle};
}

Objective::Gradient Scorer::gradient(const Candidate& candidate, int64_t draw) {
  SearchLine line = make_line(SearchLine::Kind::kGradient, candidate, {draw}, 0);
  if (log_.can_replay()) {
    log_.replay(line);
  } else {
    stop_if_asked();
    const auto begin = std::chrono::steady_clock::now();
    line.gradient = objective_.gradient(candidate, draw);
    std::vector<double> values = line.gradient.log_factors;
    values.push_back(line.gradient.log_temperature);
    values.push_back(line.gradient.nll);
    world_.broadcast(values.data(), static_cast<int64_t>(values.size() * sizeof(double)), 0);
    line.gradient.nll = finite_or_infinity(values.back());
    line.gradient.log_temperature = values[values.size() - 2];
    line.gradient.log_factors.assign(values.begin(), values.end() - 2);
    line.scores = {line.gradient.nll};
    line.forward_equivalents = kGradientCost;
    line.seconds = seconds_since(begin);
    log_.append({line});
  }
  account(line);
  return line.gradient;
}

}  // namespace ropeway
