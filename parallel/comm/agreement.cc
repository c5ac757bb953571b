#include "parallel/comm/agreement.h"

#include <algorithm>
#include <map>
#include <optional>

#include "parallel/comm/exchange_values.h"

namespace ropeway {
namespace {

// Names and values may hold anything but these.
constexpr char kEndOfField = '\x1f', kEndOfFact = '\x1e';
constexpr size_t kMostLines = 12, kMostRanks = 8;

std::string packed(const std::vector<Fact>& facts) {
  std::string text;
  for (const Fact& fact : facts) text += fact.name + kEndOfField + fact.value + kEndOfFact;
  return text;
}

std::map<std::string, std::string> unpacked(const std::string& text) {
  std::map<std::string, std::string> facts;
  for (size_t at = 0; at < text.size();) {
    const size_t field = text.find(kEndOfField, at), end = text.find(kEndOfFact, at);
    facts[text.substr(at, field - at)] = text.substr(field + 1, end - field - 1);
    at = end + 1;
  }
  return facts;
}

std::string words_for(const std::vector<size_t>& ranks) {
  const bool all_named = ranks.size() <= kMostRanks;
  const std::vector<size_t> named(ranks.begin(), all_named ? ranks.end() : ranks.begin() + kMostRanks);
  std::string text = fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(named, ", "));
  if (!all_named) text += fmt::format(" and {} more", ranks.size() - kMostRanks);
  return text;
}

// In the order of the first rank that has each value; "" where there is one value.
std::string line_of(const std::string& name, const std::vector<std::map<std::string, std::string>>& of_ranks,
                    const std::string& missing) {
  std::vector<std::pair<std::string, std::vector<size_t>>> values;
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    const auto fact = of_ranks[rank].find(name);
    const std::string& value = fact == of_ranks[rank].end() ? missing : fact->second;
    if (fact == of_ranks[rank].end() && missing.empty()) continue;
    const auto known = std::ranges::find(values, value, [](const auto& entry) { return entry.first; });
    if (known == values.end()) {
      values.emplace_back(value, std::vector<size_t>{rank});
    } else {
      known->second.push_back(rank);
    }
  }
  if (values.size() < 2) return "";
  std::vector<std::string> groups;
  for (const auto& [value, ranks] : values) groups.push_back(fmt::format("{}: {}", words_for(ranks), value));
  return fmt::format("{}: {}", name, fmt::join(groups, "; "));
}

}  // namespace

std::string differences(Communicator& world, const std::vector<Fact>& facts, const std::string& missing) {
  std::vector<std::map<std::string, std::string>> of_ranks;
  std::map<std::string, bool> names;
  for (const std::string& text : all_gather_strings(world, packed(facts))) {
    of_ranks.push_back(unpacked(text));
    for (const auto& fact : of_ranks.back()) names[fact.first] = true;
  }
  std::vector<std::string> lines;
  for (const auto& [name, there] : names) {
    if (const std::string line = line_of(name, of_ranks, missing); !line.empty()) lines.push_back(line);
  }
  if (lines.size() > kMostLines) {
    const size_t more = lines.size() - kMostLines;
    lines.resize(kMostLines);
    lines.push_back(fmt::format("and {} more", more));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

void require_agreement(Communicator& world, ErrorKind kind, const std::string& what,
                       const std::vector<Fact>& facts) {
  const std::string found = differences(world, facts, "nothing");
  if (!found.empty()) fail(kind, "the ranks of this job {}:\n{}", what, found);
}

}  // namespace ropeway
