#include "trainer/formats/gguf/score_merges.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <unordered_map>

namespace ropeway {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), starts_character);
}

}  // namespace

std::vector<ScoreMerge> merges_of_scores(const std::vector<std::string_view>& tokens,
                                         const std::vector<double>& scores) {
  std::unordered_map<std::string_view, int64_t> ids;
  for (size_t id = 0; id < tokens.size(); ++id) ids.emplace(tokens[id], static_cast<int64_t>(id));

  struct Candidate {
    ScoreMerge merge;
    double score;
    int64_t left_characters, right_characters;
  };
  std::vector<Candidate> candidates;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view token = tokens[id];
    std::vector<std::tuple<int64_t, int64_t, size_t>> cuts;  // by the ids of the parts
    for (size_t at = 1; at < token.size(); ++at) {
      if (!starts_character(token[at])) continue;
      const auto left = ids.find(token.substr(0, at)), right = ids.find(token.substr(at));
      if (left != ids.end() && right != ids.end()) cuts.emplace_back(left->second, right->second, at);
    }
    std::sort(cuts.begin(), cuts.end());
    for (const auto& [left, right, at] : cuts) {
      const ScoreMerge merge{token.substr(0, at), token.substr(at)};
      candidates.push_back({merge, scores[id], characters(merge.left), characters(merge.right)});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.score, a.left_characters, a.right_characters) >
           std::tie(b.score, b.left_characters, b.right_characters);
  });
  std::vector<ScoreMerge> merges;
  merges.reserve(candidates.size());
  for (const Candidate& candidate : candidates) merges.push_back(candidate.merge);
  return merges;
}

std::vector<double> scores_of_merges(const std::vector<std::string_view>& tokens,
                                     const std::vector<bool>& fixed, const std::vector<ScoreMerge>& merges) {
  std::unordered_map<std::string, int64_t> rank;
  for (const ScoreMerge& merge : merges) {
    rank.emplace(std::string(merge.left).append(merge.right), static_cast<int64_t>(rank.size()));
  }
  auto next = static_cast<int64_t>(rank.size());
  std::vector<double> scores(tokens.size(), 0);
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (fixed[id]) continue;
    const auto it = rank.find(std::string(tokens[id]));
    scores[id] = -static_cast<double>(it != rank.end() ? it->second : next++);
  }
  return scores;
}

}  // namespace ropeway
