#include "trainer/search/gradient_refine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/search/monotone_parameters.h"
#include "trainer/search/race.h"

namespace ropeway {
namespace {

class Adam {
 public:
  explicit Adam(size_t size) : first_(size, 0.0), second_(size, 0.0) {}
  // rates[i]: the learning rate of parameter i.
  void step(std::vector<double>& parameters, const std::vector<double>& gradient,
            const std::vector<double>& rates) {
    ++steps_;
    const double first_correction = 1 - std::pow(kBeta1, steps_),
                 second_correction = 1 - std::pow(kBeta2, steps_);
    for (size_t i = 0; i < parameters.size(); ++i) {
      first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * gradient[i];
      second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * gradient[i] * gradient[i];
      parameters[i] -=
          rates[i] * (first_[i] / first_correction) / (std::sqrt(second_[i] / second_correction) + kEps);
    }
  }

 private:
  static constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEps = 1e-8;
  std::vector<double> first_, second_;
  int64_t steps_ = 0;
};

bool all_finite(const Objective::Gradient& g) {
  return std::isfinite(g.nll) && std::isfinite(g.log_temperature) &&
         std::all_of(g.log_factors.begin(), g.log_factors.end(), [](double x) { return std::isfinite(x); });
}

// The point the descent is at: parameters, and the candidate within bounds that they stand for.
class Iterate {
 public:
  Iterate(const FactorSpace& bounds, const Seed& seed, const GradientOptions& options)
      : bounds_(bounds),
        options_(options),
        candidate_(seed.candidate),
        factors_(bounds.coordinates(seed.candidate.factors), seed.critical_dim),
        log_temperature_(std::log(seed.candidate.temperature)),
        adam_(seed.candidate.factors.size() + 1) {
    update_candidate(0);
  }

  const Candidate& candidate() const { return candidate_; }

  void descend(const Objective::Gradient& gradient, int64_t step) {
    const std::vector<double> log_factors = factors_.log_factors();
    std::vector<double> inward = gradient.log_factors;
    for (size_t i = 0; i < inward.size(); ++i) {
      const bool below =
          log_factors[i]<std::log(bounds_.low[i]), above = log_factors[i]> std::log(bounds_.high[i]);
      if ((below && inward[i] > 0) || (above && inward[i] < 0)) inward[i] = 0;
    }
    std::vector<double> parameters = factors_.u(), direction = factors_.chain(inward);
    parameters.push_back(log_temperature_);
    direction.push_back(options_.free_temperature ? gradient.log_temperature : 0);
    const double progress =
        options_.steps > 1 ? static_cast<double>(step) / static_cast<double>(options_.steps - 1) : 0;
    std::vector<double> rates(parameters.size(), options_.factor_learning_rate * (1 - 0.9 * progress));
    rates.back() = options_.temperature_learning_rate * (1 - 0.9 * progress);
    adam_.step(parameters, direction, rates);
    log_temperature_ = parameters.back();
    if (options_.free_temperature) {
      log_temperature_ = std::clamp(log_temperature_, std::log(options_.low_temperature),
                                    std::log(options_.high_temperature));
    }
    parameters.pop_back();
    factors_.u() = parameters;
    update_candidate(step + 1);
  }

 private:
  void update_candidate(int64_t step) {
    const std::vector<double> log_factors = factors_.log_factors();
    for (size_t i = 0; i < log_factors.size(); ++i) {
      candidate_.factors[i] = std::clamp(std::exp(log_factors[i]), bounds_.low[i], bounds_.high[i]);
    }
    if (options_.free_temperature) candidate_.temperature = std::exp(log_temperature_);
    candidate_.origin = fmt::format("gradient step {}", step);
  }

  const FactorSpace& bounds_;
  const GradientOptions& options_;
  Candidate candidate_;
  MonotoneParameters factors_;
  double log_temperature_;
  Adam adam_;
};

// Mean of b - a over the documents both were scored on: what was gained from a to b is its negative.
double known_difference(Scorer& scorer, const Candidate& a, const Candidate& b) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t j = 0; j < scorer.num_documents(); ++j) {
    if (!scorer.is_known(a, j) || !scorer.is_known(b, j)) continue;
    sum += scorer.score(b, j) - scorer.score(a, j);
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace

GradientResult refine_by_gradient(Scorer& scorer, const FactorSpace& bounds, const Seed& seed,
                                  const GradientOptions& options) {
  GradientResult result{seed.candidate, seed.candidate};
  Iterate iterate(bounds, seed, options);
  Candidate previous_check = seed.candidate;
  int poor_checks = 0;
  // A gradient of one document is mostly noise: the averages of Adam need a while before a check can tell.
  const int64_t least_steps = options.steps / 3;
  for (int64_t step = 0; step < options.steps && (poor_checks < 2 || step < least_steps); ++step) {
    const Objective::Gradient gradient = scorer.gradient(iterate.candidate(), step);
    if (all_finite(gradient)) iterate.descend(gradient, step);
    result.last = iterate.candidate();
    if ((step + 1) % options.check_every != 0 && step + 1 != options.steps) continue;

    const RaceResult against_best = race(scorer, iterate.candidate(), result.best, scorer.num_documents());
    // The raised increments of the start cost something at first: catching up from one check to the next
    // counts as gain as well, or the descent would end before it began.
    const double gain = std::max(against_best.challenger_wins ? -against_best.difference : 0.0,
                                 -known_difference(scorer, previous_check, iterate.candidate()));
    poor_checks = gain < options.least_gain ? poor_checks + 1 : 0;
    if (against_best.challenger_wins) result.best = iterate.candidate();
    previous_check = iterate.candidate();
  }
  return result;
}

}  // namespace ropeway
