#include "trainer/search/ranking_text.h"

#include <fmt/format.h>

namespace ropeway {
namespace {

bool is_of_parts(const Ranking& ranking) {
  return ranking.held_out_documents > 0 &&
         (!ranking.readjust || ranking.rule.fitness != SearchFitness::kText);
}

const char* needle_word(const Ranking& ranking) {
  return ranking.rule.fitness == SearchFitness::kText ? "a passkey's digits" : "the needles' answers";
}
const char* short_needle_word(const Ranking& ranking) {
  return ranking.rule.fitness == SearchFitness::kText ? "digits" : "answers";
}

// Where a passkey does not fit into the length, no needle was scored.
bool has_needles(const Ranking& ranking) {
  for (const Finalist& one : ranking.finalists) {
    if (one.needle != 0) return true;
  }
  return false;
}

std::string documents(int64_t count, const char* kind) {
  return fmt::format("{} {} document{}", count, kind, count == 1 ? "" : "s");
}

std::string rule_text(const Ranking& ranking) {
  if (ranking.held_out_documents == 0) {
    const char* fitness = ranking.rule.fitness == SearchFitness::kText ? "mean loss" : "mean fitness";
    return fmt::format("{} on {}", fitness, documents(ranking.ranking_documents, "ranking"));
  }
  const FinalistRule& rule = ranking.rule;
  const std::string held = documents(ranking.held_out_documents, "held-out");
  if (ranking.readjust) {
    const char* fitness = rule.fitness == SearchFitness::kText ? "mean loss" : "fitness";
    return fmt::format("{} on {} and {}; what loses to the kept factors on either may not win", fitness,
                       documents(ranking.ranking_documents, "ranking"), held);
  }
  if (rule.text == 0) return fmt::format("the loss of {}, on {}", needle_word(ranking), held);
  return fmt::format(
      "{} x mean loss + {} x that of the last quarter{}, on {}{}", 1 - rule.tail, rule.tail,
      has_needles(ranking) ? fmt::format(" + {} x that of {}", rule.needle, needle_word(ranking)) : "", held,
      ranking.ranking_documents > 0
          ? fmt::format(" (the mean on {} as well)", documents(ranking.ranking_documents, "ranking"))
          : "");
}

std::string figures_text(const Finalist& one, const Ranking& ranking) {
  std::string text = fmt::format("{:.4f}  {}", one.figure, one.candidate.origin);
  if (is_of_parts(ranking)) {
    text += fmt::format(" (mean {:.4f}, last quarter {:.4f}", one.whole, one.tail);
    if (has_needles(ranking)) text += fmt::format(", {} {:.4f}", short_needle_word(ranking), one.needle);
    text += ")";
  }
  if (!one.may_win) text += ", worse than the kept factors";
  return text;
}

// By how much each part of the rule speaks for the first against the second.
std::string reason_text(const Ranking& ranking) {
  const Finalist &first = ranking.finalists[0], &second = ranking.finalists[1];
  if (!second.may_win) return fmt::format("{} is all that may win", first.candidate.origin);
  std::string text = fmt::format("{} is {:.4f} ahead of {}", first.candidate.origin,
                                 second.figure - first.figure, second.candidate.origin);
  const FinalistRule& rule = ranking.rule;
  if (!is_of_parts(ranking) || ranking.readjust || rule.text == 0) return text;
  text += fmt::format(": {:+.4f} by the mean, {:+.4f} by the last quarter",
                      (1 - rule.tail) * (second.whole - first.whole), rule.tail * (second.tail - first.tail));
  if (has_needles(ranking)) {
    text += fmt::format(", {:+.4f} by the {}", rule.needle * (second.needle - first.needle),
                        short_needle_word(ranking));
  }
  return text;
}

}  // namespace

std::vector<std::string> ranking_text(const Ranking& ranking) {
  std::vector<std::string> lines;
  if (ranking.finalists.empty()) return lines;
  lines.push_back(fmt::format("{} finalists by {}:", ranking.finalists.size(), rule_text(ranking)));
  for (const Finalist& one : ranking.finalists) lines.push_back("  " + figures_text(one, ranking));
  if (ranking.finalists.size() > 1) lines.push_back("  " + reason_text(ranking));
  return lines;
}

}  // namespace ropeway
