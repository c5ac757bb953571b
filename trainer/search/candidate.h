// What a search compares: factors with the attention temperature and the start tokens they are used with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

namespace ropeway {

struct Candidate {
  std::vector<double> factors;  // lambda_i, one per rotary pair; on a tuned model already times its lambda_ft
  double temperature = 1;
  int64_t start_tokens = 0;
  std::string origin;  // "yarn(32,1)", "jump(9,13,0.6)", "mutation of 17", "gradient step 30", ...
};

// The bits of factors, temperature and start tokens: equal for candidates that are the same function.
std::string candidate_key(const Candidate& candidate);

// The first candidate of each key, in the given order.
std::vector<Candidate> without_repetitions(const std::vector<Candidate>& candidates);

// The `count` candidates of the lowest values, lowest first; equal values keep their order.
template <typename Value>
std::vector<Candidate> lowest(const std::vector<Candidate>& candidates, const std::vector<Value>& values,
                              size_t count) {
  std::vector<size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  order.resize(std::min(count, order.size()));
  std::vector<Candidate> result;
  for (const size_t i : order) result.push_back(candidates[i]);
  return result;
}

}  // namespace ropeway
