#include "trainer/search/candidate.h"

#include <cstring>
#include <set>

namespace ropeway {

std::string candidate_key(const Candidate& candidate) {
  std::string key(sizeof(double) * (candidate.factors.size() + 2), '\0');
  char* out = key.data();
  const auto put = [&out](const void* value) {
    std::memcpy(out, value, sizeof(double));
    out += sizeof(double);
  };
  for (const double factor : candidate.factors) put(&factor);
  put(&candidate.temperature);
  put(&candidate.start_tokens);
  return key;
}

std::vector<Candidate> without_repetitions(const std::vector<Candidate>& candidates) {
  std::vector<Candidate> result;
  std::set<std::string> seen;
  for (const Candidate& candidate : candidates) {
    if (seen.insert(candidate_key(candidate)).second) result.push_back(candidate);
  }
  return result;
}

}  // namespace ropeway
