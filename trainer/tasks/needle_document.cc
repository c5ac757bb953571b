#include "trainer/tasks/needle_document.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "kernels/base/error.h"
#include "trainer/tasks/ruler_draws.h"
#include "trainer/tasks/ruler_niah.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

// Draws that RULER's own samples do not take (ruler_niah.cc).
enum Part : uint64_t { kKeys = 16, kOrder = 17 };

RulerDice dice(const NeedleDocumentOptions& options, Part part) {
  return {RulerTask::kNiahMultiquery, {options.seed, options.index, options.length}, part};
}

struct Needle {
  std::string key, number;
};
std::vector<Needle> draw_needles(const NeedleDocumentOptions& options) {
  RulerDice draws = dice(options, kKeys);
  std::vector<Needle> needles;
  std::set<std::string> keys;
  while (std::ssize(needles) < options.needles) {
    Needle needle{draws.key_words(), draws.number()};
    // Two needles of one key would both be right.
    if (keys.insert(needle.key).second) needles.push_back(std::move(needle));
  }
  return needles;
}

std::vector<int32_t> announcement(const Tokenizer& tokenizer, bool one) {
  return tokenizer.encode(needle_announcement(one, one ? "number" : "numbers"));
}

LocatedText sentence(const Tokenizer& tokenizer, const Needle& needle) {
  return encode_further_text(tokenizer,
                             fmt::format("\n{}\n", needle_sentence("numbers", needle.key, needle.number)));
}

// The first question begins a line; a later one ends the answer before it.
LocatedText question(const Tokenizer& tokenizer, const Needle& needle, bool first) {
  return encode_further_text(
      tokenizer, fmt::format("{}{}{} {}", first ? "\n" : ".\n", needle_question(true, "number", needle.key),
                             needle_answer_begin(true, "number", needle.key), needle.number));
}

// Needles that fit, in the order of their depth, and the tokens of all that is no haystack.
struct Parts {
  std::vector<Needle> needles;
  std::vector<LocatedText> sentences, questions;  // a question in the order in which it is asked
  std::vector<TokenRange> digits;                 // of each question
  std::vector<int32_t> announcement;
  int64_t fixed = 0;
};

int64_t count_tokens(const Parts& parts, int64_t start) {
  int64_t tokens = start + std::ssize(parts.announcement);
  for (const LocatedText& text : parts.sentences) tokens += std::ssize(text.tokens);
  for (const LocatedText& text : parts.questions) tokens += std::ssize(text.tokens);
  return tokens;
}

Parts parts_of(const Tokenizer& tokenizer, std::vector<Needle> needles,
               const NeedleDocumentOptions& options) {
  Parts parts;
  parts.announcement = announcement(tokenizer, needles.size() == 1);
  for (const Needle& needle : needles) parts.sentences.push_back(sentence(tokenizer, needle));
  parts.needles = std::move(needles);
  std::vector<size_t> order(parts.needles.size());
  std::iota(order.begin(), order.end(), size_t{0});
  dice(options, kOrder).shuffle(order);
  for (const size_t i : order) {
    parts.questions.push_back(question(tokenizer, parts.needles[i], parts.questions.empty()));
    parts.digits.push_back(parts.questions.back().find(parts.needles[i].number));
  }
  parts.fixed = count_tokens(parts, std::ssize(options.start));
  return parts;
}

Parts fit_parts(const Tokenizer& tokenizer, const NeedleDocumentOptions& options) {
  ROPEWAY_CHECK(options.needles > 0, "{} needles", options.needles);
  std::vector<Needle> needles = draw_needles(options);
  while (needles.size() > 1) {
    Parts parts = parts_of(tokenizer, needles, options);
    if (2 * parts.fixed <= options.length) return parts;
    // What one needle takes tells how many are too many.
    const auto share = static_cast<double>(options.length) / static_cast<double>(2 * parts.fixed);
    const auto fewer = static_cast<size_t>(share * static_cast<double>(needles.size()));
    needles.resize(std::clamp<size_t>(fewer, 1, needles.size() - 1));
  }
  return parts_of(tokenizer, needles, options);
}

// The answer is about something only where there is text between.
bool has_room(const Parts& parts, const NeedleDocumentOptions& options) {
  return parts.fixed < options.length;
}

void require_room(const Parts& parts, const NeedleDocumentOptions& options) {
  if (has_room(parts, options)) return;
  fail(ErrorKind::kConfig, "length {} is too short for a needle: it and its question take {} tokens",
       options.length, parts.fixed);
}

}  // namespace

NeedleDocument make_needle_document(const Tokenizer& tokenizer, std::span<const int32_t> haystack,
                                    const NeedleDocumentOptions& options) {
  const std::vector<int32_t>& start = options.start;
  if (haystack.size() >= start.size() && std::equal(start.begin(), start.end(), haystack.begin())) {
    haystack = haystack.subspan(start.size());
  }
  const Parts parts = fit_parts(tokenizer, options);
  require_room(parts, options);
  const int64_t filler = options.length - parts.fixed;
  ROPEWAY_CHECK(std::ssize(haystack) >= filler, "haystack of {} tokens for {}", haystack.size(), filler);

  NeedleDocument document;
  std::vector<int32_t>& tokens = document.tokens;
  const auto append = [&](std::span<const int32_t> ids) {
    tokens.insert(tokens.end(), ids.begin(), ids.end());
  };
  int64_t used = 0;
  const auto fill_until = [&](int64_t until) {
    if (until == used) return;
    document.text.push_back({std::ssize(tokens), until - used});
    append(haystack.subspan(static_cast<size_t>(used), static_cast<size_t>(until - used)));
    used = until;
  };
  append(start);
  append(parts.announcement);
  const auto count = static_cast<double>(parts.sentences.size());
  for (size_t i = 0; i < parts.sentences.size(); ++i) {
    const double depth = options.offset ? (static_cast<double>(i) + *options.offset) / count : 0;
    fill_until(std::llround(depth * static_cast<double>(filler)));
    append(parts.sentences[i].tokens);
  }
  fill_until(filler);
  for (size_t asked = 0; asked < parts.questions.size(); ++asked) {
    document.answers.push_back({std::ssize(tokens) + parts.digits[asked].begin, parts.digits[asked].count});
    append(parts.questions[asked].tokens);
  }
  const TokenRange& last = document.answers.back();
  ROPEWAY_CHECK(std::ssize(tokens) == options.length && last.begin + last.count == options.length,
                "a needle document of {} tokens for {}, whose answer ends at {}", tokens.size(),
                options.length, last.begin + last.count);
  return document;
}

int64_t needles_that_fit(const Tokenizer& tokenizer, const NeedleDocumentOptions& options) {
  const Parts parts = fit_parts(tokenizer, options);
  return has_room(parts, options) ? std::ssize(parts.needles) : 0;
}

void require_room_for_needle(const Tokenizer& tokenizer, const NeedleDocumentOptions& options) {
  require_room(fit_parts(tokenizer, options), options);
}

}  // namespace ropeway
