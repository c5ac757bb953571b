#include "trainer/search/gradient_refine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "trainer/search/race.h"
#include "trainer/search/scorer.h"

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

constexpr double kLargestUnit = 0.3;  // of log lambda: dims that turn less than this allows move no faster

// units[i]: the change of log lambda_i that is one radian of phase at the target's end.
std::vector<double> units_of(const std::vector<double>& factors, const std::vector<double>& frequencies,
                             int64_t target_length) {
  std::vector<double> units(factors.size());
  for (size_t i = 0; i < units.size(); ++i) {
    units[i] = std::min(kLargestUnit, factors[i] / (frequencies[i] * static_cast<double>(target_length)));
  }
  return units;
}

// The point the descent is at.
class Iterate {
 public:
  Iterate(const FactorSpace& bounds, const std::vector<double>& units, const Candidate& seed,
          const GradientOptions& options)
      : bounds_(bounds),
        free_(bounds.critical ? bounds.first_free(bounds.coordinates(seed.factors)) : 0),
        units_(with_followers(units)),
        options_(options),
        candidate_(seed),
        adam_(seed.factors.size() + 1) {
    for (const double unit : units_) weights_.push_back(1 / (unit * unit));
  }

  const Candidate& candidate() const { return candidate_; }

  void descend(const Objective::Gradient& gradient, int64_t step) {
    const size_t pairs = units_.size();
    std::vector<double> parameters, direction;  // log lambda in units, then log temperature
    for (size_t i = 0; i < pairs; ++i) {
      const double stretch = std::isinf(bounds_.base[i]) ? 1 : candidate_.factors[i] / bounds_.base[i];
      parameters.push_back(std::log(stretch) / units_[i]);
      const double slope = slope_of(gradient, i);
      const bool outwards =
          (stretch <= bounds_.low[i] && slope > 0) || (stretch >= bounds_.high[i] && slope < 0);
      direction.push_back(outwards ? 0 : slope * units_[i]);
    }
    parameters.push_back(std::log(candidate_.temperature));
    direction.push_back(options_.free_temperature ? gradient.log_temperature : 0);
    const double progress =
        options_.steps > 1 ? static_cast<double>(step) / static_cast<double>(options_.steps - 1) : 0;
    std::vector<double> rates(pairs + 1, options_.factor_learning_rate * (1 - 0.9 * progress));
    rates.back() = options_.temperature_learning_rate * (1 - 0.9 * progress);
    adam_.step(parameters, direction, rates);

    for (size_t i = 0; i < pairs; ++i) candidate_.factors[i] = std::exp(parameters[i] * units_[i]);
    follow_critical();
    candidate_.factors = bounds_.factors(bounds_.coordinates(bounds_.factors(candidate_.factors), weights_));
    if (options_.free_temperature) {
      candidate_.temperature =
          std::clamp(std::exp(parameters.back()), options_.low_temperature, options_.high_temperature);
    }
    candidate_.origin = fmt::format("gradient step {}", step + 1);
  }

 private:
  // Of log x_i, with the pairs that follow it; 0 for one that follows.
  double slope_of(const Objective::Gradient& gradient, size_t i) const {
    const auto free = static_cast<size_t>(free_);
    if (i < free) return 0;
    double slope = gradient.log_factors[i];
    for (size_t j = 0; i == free && j < free; ++j) {
      slope += static_cast<double>(j) / static_cast<double>(free) * gradient.log_factors[j];
    }
    return slope;
  }
  std::vector<double> with_followers(std::vector<double> units) const {
    for (int64_t j = 1; j < free_; ++j) {
      const double share = static_cast<double>(j) / static_cast<double>(free_);
      units[free_] = std::min(units[free_], units[j] / share);
    }
    return units;
  }
  // Before the bounds are looked at: which pair is the critical one is read from the factors.
  void follow_critical() {
    if (bounds_.critical) candidate_.factors = ntk_left(std::move(candidate_.factors), free_);
  }

  const FactorSpace& bounds_;
  const int64_t free_;
  const std::vector<double> units_;
  const GradientOptions& options_;
  Candidate candidate_;
  std::vector<double> weights_;
  Adam adam_;
};

// Over the fresh documents of one look, summed in the order of their draws.
Objective::Gradient mean_gradient(Scorer& scorer, const Candidate& candidate, int64_t step) {
  const int64_t look = scorer.documents_per_look();
  std::vector<int64_t> draws(static_cast<size_t>(look));
  std::iota(draws.begin(), draws.end(), step * look);
  const std::vector<Objective::Gradient> gradients = scorer.gradients(candidate, draws);
  Objective::Gradient mean = gradients.front();
  for (size_t k = 1; k < gradients.size(); ++k) {
    const Objective::Gradient& one = gradients[k];
    mean.nll += one.nll;
    mean.log_temperature += one.log_temperature;
    for (size_t i = 0; i < mean.log_factors.size(); ++i) mean.log_factors[i] += one.log_factors[i];
  }
  const auto count = static_cast<double>(look);
  mean.nll /= count;
  mean.log_temperature /= count;
  for (double& g : mean.log_factors) g /= count;
  return mean;
}

}  // namespace

GradientResult refine_by_gradient(Scorer& scorer, const FactorSpace& bounds,
                                  const std::vector<double>& frequencies, const Candidate& seed,
                                  const GradientOptions& options) {
  GradientResult result{seed, seed};
  const std::vector<double> units = units_of(seed.factors, frequencies, scorer.target_length());
  Iterate iterate(bounds, units, seed, options);
  int poor_checks = 0;
  for (int64_t step = 0; step < options.steps && poor_checks < 2; ++step) {
    const Objective::Gradient gradient = mean_gradient(scorer, iterate.candidate(), step);
    if (all_finite(gradient)) iterate.descend(gradient, step);
    result.last = iterate.candidate();
    if ((step + 1) % options.check_every != 0 && step + 1 != options.steps) continue;

    const RaceResult check = race(scorer, iterate.candidate(), result.best, scorer.num_documents());
    const double gain = check.challenger_wins ? -check.difference : 0;
    poor_checks = gain < options.least_gain ? poor_checks + 1 : 0;
    if (check.challenger_wins) result.best = iterate.candidate();
  }
  return result;
}

}  // namespace ropeway
