// One sample of a task of RULER (Hsieh et al., "RULER: What's the Real Context Size of Your Long-Context
// Language Models?", COLM 2024; https://github.com/NVIDIA/RULER, Apache-2.0): needles, chains, lists or
// documents in a haystack of any size, a question, and what answers it. Numbers and formats are those of its
// generators at c3f5e3b, the task sentences its own words; nothing else is taken from there.
//
//   niah_single_1     a noise sentence, repeated; key two words, value 7 digits
//   niah_single_2/_3  prose; value 7 digits / a UUID
//   niah_multikey_1   prose, 4 keys, one is asked for
//   niah_multikey_2/_3  needles all the way; words to numbers / UUIDs to UUIDs
//   niah_multivalue   prose, 4 values of one key; all are asked for
//   niah_multiquery   prose, 4 keys, all are asked for
//   vt                noise, 1 chain of 4 hops between variables; all 5 that have the value
//   cwe               a numbered list in which 10 words are there 30 times and all others 3 times (6 and 1 for
//                     lengths below 4096)
//   fwe               coded words, as often as Zipf's law with exponent 2 says; the three most frequent
//   qa_1, qa_2        paragraphs, one or two of which answer a question; from a file (ruler_questions.h)
//
// Differences: prose is the text at hand instead of Paul Graham's essays, its sentences end where a word ends
// in . ? or !; words are those of word_lists.h; draws are our own (Philox), so single samples are other ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/benchmark_recipe.h"
#include "trainer/tasks/ruler_questions.h"

namespace ropeway {

struct RulerSample {
  std::string example;  // a worked one that belongs to the task (vt, cwe), with what parts it; may be ""
  std::string input;    // the task, up to where the answer begins
  std::string prefix;   // what the answer begins with, given to the model
  std::vector<std::string> answers;  // what is looked for in it
  std::string target;                // a right answer as it follows the prefix
};

// What samples are made from. Prose and questions: empty where no task needs them.
struct RulerSources {
  std::vector<std::string> prose;  // words
  RulerQuestions questions[2];     // of qa_1 and qa_2
};

struct RulerDraw {
  uint64_t seed = 0, index = 0;  // what is drawn is a function of these, the task and the size alone
  int64_t length = 0;            // tokens that the sample is for: some counts depend on it
};

// units: sentences, words or documents of haystack, as the task counts them; at least the task's smallest.
RulerSample make_ruler_sample(RulerTask task, const RulerSources& sources, int64_t units,
                              const RulerDraw& draw);
// The example of vt in front of another sample, by itself: 3-letter variables among a few sentences of noise.
RulerSample make_tracking_example(int64_t units, const RulerDraw& draw);

struct RulerTraits {
  int64_t new_tokens = 0;      // that an answer may take: they count in the length
  int64_t smallest_units = 0;  // of haystack
  bool any_answer = false;     // string_match_part: one of the answers is enough; else the share of them
  bool needs_prose = false;
  int questions = 0;  // 1, 2: of which file; 0: none
};
const RulerTraits& traits_of(RulerTask task);

// RULER's scores. string_match_all: the share of the answers that occur in the prediction; string_match_part:
// 1 where one of them does. Case is ignored (ASCII).
double ruler_score(RulerTask task, const std::string& prediction, const std::vector<std::string>& answers);

}  // namespace ropeway
