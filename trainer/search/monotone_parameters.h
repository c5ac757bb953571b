// Factors that are non-decreasing whatever the parameters are: log lambda_i = offset + sum over j <= i of
// softplus(u_j).
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

class MonotoneParameters {
 public:
  // The parameters of (close to) these factors. An increment of zero would have no gradient, and around the
  // critical dim, where the gains are, increments should be ready to grow: within four dims of it they are
  // raised to 0.01 .. 0.03 for a stretch of 8x (in proportion for others), then all are rescaled so that the
  // last factor stays. More than that and the descent spends its first tens of steps undoing it.
  MonotoneParameters(const std::vector<double>& factors, int64_t critical_dim);

  std::vector<double>& u() { return u_; }
  std::vector<double> log_factors() const;
  // From the gradient with respect to log lambda to the one with respect to u.
  std::vector<double> chain(const std::vector<double>& log_factor_gradient) const;

 private:
  double offset_ = 0;
  std::vector<double> u_;
};

}  // namespace ropeway
