// A landscape whose minimum is known: documents are quadratic bowls in log lambda and log temperature around
// slightly different monotone targets. Counts what is asked of it, and can fail at a chosen call like a
// killed process.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "trainer/search/objective.h"

namespace ropeway {

struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

class SyntheticObjective : public Objective {
 public:
  struct Options {
    std::vector<double> target;  // lambda at the minimum
    double temperature = 1.1;    // at the minimum
    int64_t documents = 5, finalists = 2;
    double curvature = 0.02, temperature_curvature = 1.0;
    std::vector<double> dim_curvature = {};  // of each dim instead of the one above
    double document_noise = 0.02;            // of log target, document by document
    int64_t needles = 0;                     // of a held-out document
  };
  explicit SyntheticObjective(Options options) : options_(std::move(options)) {}

  int64_t num_documents() const override { return options_.documents; }
  int64_t num_finalist_documents() const override { return options_.finalists; }
  const std::string& data_fingerprint() const override { return fingerprint_; }
  int64_t num_targets() const override { return 1600; }
  int64_t num_needles() const override { return options_.needles; }

  DocumentScore score(const Candidate& c, int64_t index, int64_t) override {
    count(evaluations);
    return {loss(c, index), loss(c, index), 0};
  }
  DocumentScore score_finalist(const Candidate& c, int64_t index) override {
    count(finalist_evaluations);
    const double nll = loss(c, 1000 + index), tail = nll + tail_penalty(c);
    // Four of sixteen stretches are the tail; the others make up for it in the mean.
    std::vector<double> blocks(kScoreBlocks, (16 * nll - 4 * tail) / 12);
    std::fill(blocks.end() - 4, blocks.end(), tail);
    DocumentScore score{nll, tail, needle_penalty(c), blocks};
    for (int64_t n = 0; n < options_.needles; ++n) {
      const double away = static_cast<double>(n) - static_cast<double>(options_.needles - 1) / 2;
      score.needles.push_back(score.needle_nll + 0.1 * away);
    }
    return score;
  }
  Gradient gradient(const Candidate& c, int64_t draw) override {
    count(gradients);
    const int64_t document = 100000 + draw;
    Gradient g;
    g.nll = loss(c, document);
    for (size_t i = 0; i < c.factors.size(); ++i) {
      g.log_factors.push_back(2 * curvature(i) * distance(c, document, i));
    }
    g.log_temperature =
        2 * options_.temperature_curvature * (std::log(c.temperature) - std::log(options_.temperature));
    if (poison_gradient && poison_gradient(draw)) g.log_factors[0] = std::nan("");
    return g;
  }
  // Mean over the fixed documents, computed apart from any search.
  double exact_mean(const Candidate& c) const {
    double sum = 0;
    for (int64_t j = 0; j < options_.documents; ++j) sum += loss(c, j);
    return sum / static_cast<double>(options_.documents);
  }
  double exact_finalist_mean(const Candidate& c) const {
    double sum = 0;
    for (int64_t j = 0; j < options_.finalists; ++j) sum += loss(c, 1000 + j);
    return sum / static_cast<double>(options_.finalists);
  }
  double least() const { return exact_mean({options_.target, options_.temperature, 0, ""}); }

  int64_t evaluations = 0, finalist_evaluations = 0, gradients = 0;
  int64_t calls = 0, kill_at = -1;                  // throws Killed at this call
  std::function<bool(const Candidate&)> is_broken;  // candidates whose loss is NaN
  std::function<double(const Candidate&)> needle;   // needle loss; 0 by default
  std::function<double(const Candidate&)> tail;     // added to the tail loss
  std::function<bool(int64_t)> poison_gradient;

 private:
  void count(int64_t& counter) {
    ++counter;
    if (calls++ == kill_at) throw Killed();
  }
  double needle_penalty(const Candidate& c) const { return needle ? needle(c) : 0; }
  double tail_penalty(const Candidate& c) const { return tail ? tail(c) : 0; }
  double distance(const Candidate& c, int64_t document, size_t i) const {
    Philox random(7, Stream::kEvaluation, static_cast<uint64_t>(document), static_cast<uint32_t>(i));
    if (std::isinf(c.factors[i]) && std::isinf(options_.target[i])) return 0;
    return std::log(c.factors[i]) - std::log(options_.target[i]) - options_.document_noise * random.normal();
  }
  double curvature(size_t i) const {
    return options_.dim_curvature.empty() ? options_.curvature : options_.dim_curvature[i];
  }
  double loss(const Candidate& c, int64_t document) const {
    if (is_broken && is_broken(c)) return std::nan("");
    Philox random(11, Stream::kEvaluation, static_cast<uint64_t>(document));
    double sum = 1.2 + 0.1 * random.normal();  // documents differ more than candidates do
    for (size_t i = 0; i < c.factors.size(); ++i) {
      const double d = distance(c, document, i);
      sum += curvature(i) * d * d;
    }
    const double t = std::log(c.temperature) - std::log(options_.temperature);
    return sum + options_.temperature_curvature * t * t;
  }

  Options options_;
  std::string fingerprint_ = "synthetic";
};

}  // namespace ropeway
