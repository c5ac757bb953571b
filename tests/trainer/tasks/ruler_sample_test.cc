// RULER's samples against its specification (NVIDIA/RULER c3f5e3b): counts, places, formats, frequencies and
// the words of the task.
#include "trainer/tasks/ruler_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"
#include "trainer/tasks/ruler_niah.h"
#include "trainer/tasks/word_lists.h"

namespace ropeway {
namespace {

using ::testing::ElementsAreArray;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Sentences of five words: "w0 w1 w2 w3 w4. w5 ..."
RulerSources prose() {
  RulerSources sources;
  for (int i = 0; i < 4000; ++i) sources.prose.push_back(fmt::format("w{}{}", i, i % 5 == 4 ? "." : ""));
  return sources;
}

struct Needle {
  std::string kind, key, value;
  size_t at;
};
std::vector<Needle> needles_in(const std::string& text) {
  static const std::regex kNeedle(R"(One of the special magic (\w+) for ([^ ]+) is: ([^ ]+)\.)");
  std::vector<Needle> found;
  for (std::sregex_iterator it(text.begin(), text.end(), kNeedle), end; it != end; ++it) {
    found.push_back({(*it)[1], (*it)[2], (*it)[3], static_cast<size_t>(it->position())});
  }
  return found;
}
int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

const char* const kNumber = R"([1-9]\d{6})";
const char* const kWords = R"([a-z]+-[a-z]+)";
const char* const kUuid = R"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})";

TEST(RulerNiah, DepthsAreFortyRoundedSteps) {
  // numpy.round(numpy.linspace(0, 100, 40)).astype(int)
  EXPECT_THAT(needle_depths(), ElementsAreArray({0,  3,  5,  8,  10, 13, 15, 18, 21, 23, 26, 28, 31, 33,
                                                 36, 38, 41, 44, 46, 49, 51, 54, 56, 59, 62, 64, 67, 69,
                                                 72, 74, 77, 79, 82, 85, 87, 90, 92, 95, 97, 100}));
}

struct NiahCase {
  RulerTask task;
  size_t needles, answers;
  const char *kind, *key, *value;
};

TEST(RulerNiah, CountsAndFormatsOfEveryTask) {
  const RulerSources sources = prose();
  const NiahCase cases[] = {{RulerTask::kNiahSingle1, 1, 1, "numbers", kWords, kNumber},
                            {RulerTask::kNiahSingle2, 1, 1, "numbers", kWords, kNumber},
                            {RulerTask::kNiahSingle3, 1, 1, "uuids", kWords, kUuid},
                            {RulerTask::kNiahMultikey1, 4, 1, "numbers", kWords, kNumber},
                            {RulerTask::kNiahMultikey2, 41, 1, "numbers", kWords, kNumber},
                            {RulerTask::kNiahMultikey3, 41, 1, "uuids", kUuid, kUuid},
                            {RulerTask::kNiahMultivalue, 4, 4, "numbers", kWords, kNumber},
                            {RulerTask::kNiahMultiquery, 4, 4, "numbers", kWords, kNumber}};
  for (const NiahCase& wanted : cases) {
    SCOPED_TRACE(word_of(wanted.task));
    for (uint64_t index = 0; index < 5; ++index) {
      const RulerSample sample = make_ruler_sample(wanted.task, sources, 40, {7, index, 4096});
      const std::vector<Needle> found = needles_in(sample.input);
      EXPECT_EQ(found.size(), wanted.needles);
      ASSERT_EQ(sample.answers.size(), wanted.answers);
      std::map<std::string, std::set<std::string>> by_key;
      for (const Needle& needle : found) {
        EXPECT_EQ(needle.kind, wanted.kind);
        EXPECT_TRUE(std::regex_match(needle.key, std::regex(wanted.key))) << needle.key;
        EXPECT_TRUE(std::regex_match(needle.value, std::regex(wanted.value))) << needle.value;
        by_key[needle.key].insert(needle.value);
      }
      // What is asked for is there, under a key that the question names.
      for (const std::string& answer : sample.answers) {
        const auto of = std::ranges::find(found, answer, &Needle::value);
        ASSERT_NE(of, found.end()) << answer;
        EXPECT_THAT(sample.prefix, HasSubstr(of->key));
      }
      if (wanted.task == RulerTask::kNiahMultivalue) {
        EXPECT_EQ(by_key.size(), 1u);
      }
      if (wanted.task == RulerTask::kNiahMultiquery) {
        EXPECT_EQ(by_key.size(), 4u);
      }
    }
  }
}

TEST(RulerNiah, WordsOfTheTaskInSingularAndPlural) {
  const RulerSample one = make_ruler_sample(RulerTask::kNiahSingle1, {}, 6, {1, 0, 4096});
  EXPECT_THAT(one.input,
              StartsWith("A special magic number is hidden within the following text. Make sure to memorize "
                         "it. I will quiz you about the number afterwards.\nThe grass is green."));
  const std::string key = needles_in(one.input)[0].key;
  EXPECT_THAT(one.input,
              EndsWith("\nWhat is the special magic number for " + key + " mentioned in the provided text?"));
  EXPECT_EQ(one.prefix, " The special magic number for " + key + " mentioned in the provided text is");
  EXPECT_EQ(one.target, " " + one.answers[0]);
  EXPECT_EQ(count(one.input, kNoise), 6);
  EXPECT_EQ(count(one.input, "\n"), 6 + 1 + 1);  // a line each, the task's first and the question

  const RulerSample all = make_ruler_sample(RulerTask::kNiahMultiquery, prose(), 60, {1, 0, 4096});
  EXPECT_THAT(all.input,
              StartsWith("Some special magic numbers are hidden within the following text. Make sure to "
                         "memorize it. I will quiz you about the numbers afterwards.\n"));
  EXPECT_TRUE(
      std::regex_search(all.input, std::regex(R"(What are all the special magic numbers for [\w-]+, [\w-]+, )"
                                              R"([\w-]+, and [\w-]+ mentioned in the provided text\?$)")));
  EXPECT_THAT(all.prefix, EndsWith("mentioned in the provided text are"));
}

// 200 sentences: a needle at depth d stands behind floor(200 d / 100) of them.
TEST(RulerNiah, NeedlesStandAtTheDepthsOfTheGrid) {
  const RulerSources sources = prose();
  std::set<int64_t> seen;
  for (uint64_t index = 0; index < 200; ++index) {
    const RulerSample sample = make_ruler_sample(RulerTask::kNiahSingle2, sources, 1000, {3, index, 4096});
    const size_t begin = sample.input.find('\n') + 1;
    const std::string before = sample.input.substr(begin, needles_in(sample.input)[0].at - begin);
    const int sentences = count(before, ".");
    EXPECT_EQ(sentences % 2, 0);
    seen.insert(sentences / 2);
  }
  const std::set<int64_t> depths(needle_depths().begin(), needle_depths().end());
  for (const int64_t depth : seen) EXPECT_TRUE(depths.contains(depth)) << depth;
  EXPECT_GT(seen.size(), 35u);
}

TEST(RulerNiah, ProseIsRepeatedWhenItIsUsedUp) {
  RulerSources sources;
  sources.prose = {"One", "two.", "Three", "four."};
  const RulerSample sample = make_ruler_sample(RulerTask::kNiahSingle2, sources, 20, {3, 1, 4096});
  EXPECT_EQ(count(sample.input, "One two."), 5);
}

TEST(RulerVt, OneChainOfFourHops) {
  for (uint64_t index = 0; index < 20; ++index) {
    const RulerSample sample = make_ruler_sample(RulerTask::kVariableTracking, {}, 30, {5, index, 4096});
    ASSERT_EQ(sample.answers.size(), 5u);
    std::smatch first;
    ASSERT_TRUE(std::regex_search(sample.input, first, std::regex(R"(VAR ([A-Z]{5}) = (\d{5}))")));
    EXPECT_EQ(first[1], sample.answers[0]);
    size_t at = static_cast<size_t>(first.position());
    for (size_t i = 1; i < 5; ++i) {
      const size_t next =
          sample.input.find(fmt::format("VAR {} = VAR {} ", sample.answers[i], sample.answers[i - 1]));
      ASSERT_NE(next, std::string::npos);
      EXPECT_GT(next, at);
      at = next;
    }
    EXPECT_EQ(count(sample.input, kNoise), 30);
    EXPECT_THAT(sample.input,
                StartsWith("Memorize and track the chain(s) of variable assignment hidden in the "
                           "following text.\n\n"));
    EXPECT_THAT(sample.input, EndsWith("Question: Find all variables that are assigned the value " +
                                       first[2].str() + " in the text above."));
    EXPECT_EQ(sample.prefix,
              " Answer: According to the chain(s) of variable assignment in the text above, 5 "
              "variables are assigned the value " +
                  first[2].str() + ", they are: ");
    EXPECT_EQ(std::set<std::string>(sample.answers.begin(), sample.answers.end()).size(), 5u);
  }
  const RulerSample example = make_tracking_example(5, {5, 0, 4096});
  for (const std::string& name : example.answers) EXPECT_EQ(name.size(), 3u);
}

std::map<std::string, int> listed(const std::string& text) {
  static const std::regex kItem(R"((\d+)\. ([a-z-]+))");
  std::map<std::string, int> counts;
  int number = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), kItem), end; it != end; ++it) {
    EXPECT_EQ((*it)[1], std::to_string(++number));
    ++counts[(*it)[2]];
  }
  return counts;
}

TEST(RulerCwe, TenWordsAreThereTenTimesAsOften) {
  struct Wanted {
    int64_t length;
    int common, others, shown_words, shown_common, shown_others;
  };
  for (const Wanted& wanted : {Wanted{4096, 30, 3, 40, 10, 3}, Wanted{2048, 6, 1, 20, 3, 1}}) {
    const RulerSample sample = make_ruler_sample(RulerTask::kCommonWords, {}, 60, {9, 4, wanted.length});
    ASSERT_EQ(sample.answers.size(), 10u);
    const std::set<std::string> common(sample.answers.begin(), sample.answers.end());
    EXPECT_EQ(common.size(), 10u);
    const auto counts = listed(sample.input);
    EXPECT_EQ(counts.size(), 60u);
    for (const auto& [word, times] : counts) {
      EXPECT_EQ(times, common.contains(word) ? wanted.common : wanted.others) << word;
    }
    const size_t question = sample.example.find("\nQuestion: ");
    const auto shown = listed(sample.example.substr(0, question));
    EXPECT_EQ(shown.size(), static_cast<size_t>(wanted.shown_words));
    int frequent = 0;
    for (const auto& [word, times] : shown) {
      frequent += times == wanted.shown_common;
      EXPECT_TRUE(times == wanted.shown_common || times == wanted.shown_others) << word << " " << times;
    }
    EXPECT_EQ(frequent, 10);
    EXPECT_THAT(sample.example,
                HasSubstr("Answer: The top 10 words that appear most often in the list are: 1. "));
    EXPECT_EQ(sample.prefix, " Answer: The top 10 words that appear most often in the list are:");
    // The answer does not depend on how much else is in the list.
    EXPECT_EQ(make_ruler_sample(RulerTask::kCommonWords, {}, 90, {9, 4, wanted.length}).answers,
              sample.answers);
  }
}

TEST(RulerCwe, ListsAreLongerThanTheDictionary) {
  const int64_t words = std::ssize(nouns()) + std::ssize(adjectives()) + std::ssize(verbs());
  const RulerSample sample = make_ruler_sample(RulerTask::kCommonWords, {}, words + 500, {9, 4, 1 << 20});
  EXPECT_EQ(listed(sample.input).size(), static_cast<size_t>(words + 500));
}

TEST(RulerFwe, WordsAreAsFrequentAsZetaSays) {
  const int64_t units = 2000;
  const RulerSample sample = make_ruler_sample(RulerTask::kFrequentWords, {}, units, {2, 3, 4096});
  const size_t begin = sample.input.find("coded words. ") + 13, end = sample.input.find("\nQuestion: ");
  std::map<std::string, int64_t> counts;
  std::istringstream text(sample.input.substr(begin, end - begin));
  for (std::string word; text >> word;) ++counts[word];
  std::vector<std::pair<int64_t, std::string>> ranks;
  for (const auto& [word, times] : counts) ranks.emplace_back(times, word);
  std::ranges::sort(ranks, std::greater<>());
  const double zeta2 = std::pow(std::acos(-1.0), 2) / 6;
  ASSERT_GT(ranks.size(), 10u);
  for (size_t k = 1; k <= ranks.size(); ++k) {
    const double wanted = std::floor(static_cast<double>(units) / (static_cast<double>(k * k) * zeta2));
    EXPECT_EQ(static_cast<double>(ranks[k - 1].first), wanted) << "rank " << k;
  }
  EXPECT_EQ(ranks[0].second, "...");
  ASSERT_EQ(sample.answers.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ranks[i + 1].second, sample.answers[i]);
    EXPECT_TRUE(std::regex_match(sample.answers[i], std::regex("[a-z]{6}")));
  }
  EXPECT_LE(ranks.size(), 4096u / 50);
  EXPECT_THAT(sample.input,
              HasSubstr("Please ignore the dots '....'. What are the three most frequently appeared words"));
  EXPECT_EQ(sample.prefix,
            " Answer: According to the coded text above, the three most frequently appeared words are:");
}

const char* const kSquad = R"({"version": "v2.0", "data": [{"title": "A", "paragraphs": [
  {"context": "Ada wrote notes.", "qas": [
    {"question": "Who wrote?", "id": "1", "answers": [{"text": "Ada", "answer_start": 0}, {"text": "Ada wrote", "answer_start": 0}], "is_impossible": false},
    {"question": "Who sang?", "id": "2", "answers": [], "is_impossible": true}]},
  {"context": "Bees make honey.", "qas": [{"question": "What do bees make?", "id": "3", "answers": [{"text": "honey", "answer_start": 10}], "is_impossible": false}]},
  {"context": "Cork floats.", "qas": []}]}]})";

TEST(RulerQa, ParagraphsAmongOthers) {
  const TempDir scratch;
  RulerSources sources;
  sources.questions[0] = read_ruler_questions(scratch.file("squad.json", kSquad));
  ASSERT_EQ(sources.questions[0].questions.size(), 2u);
  EXPECT_EQ(sources.questions[0].documents.size(), 3u);
  const RulerSample sample = make_ruler_sample(RulerTask::kQuestions1, sources, 2, {1, 0, 4096});
  EXPECT_EQ(sample.answers, (std::vector<std::string>{"Ada", "Ada wrote"}));
  EXPECT_THAT(
      sample.input,
      StartsWith("Answer the question based on the given documents. Only give me the answer and do "
                 "not output any other words.\n\nThe following are given documents.\n\nDocument 1:\n"));
  EXPECT_THAT(sample.input, HasSubstr("Ada wrote notes."));
  EXPECT_EQ(count(sample.input, "Document "), 2);
  EXPECT_THAT(sample.input, EndsWith("\n\nQuestion: Who wrote?"));
  EXPECT_EQ(sample.prefix, " Answer:");
  // All there are, however many are asked for; the question after the last is the first again.
  EXPECT_EQ(count(make_ruler_sample(RulerTask::kQuestions1, sources, 50, {1, 2, 4096}).input, "Document "),
            3);
  EXPECT_EQ(make_ruler_sample(RulerTask::kQuestions1, sources, 50, {1, 2, 4096}).answers[0], "Ada");
}

TEST(RulerQa, OtherFormsOfQuestions) {
  const TempDir scratch;
  const RulerQuestions hotpot = read_ruler_questions(scratch.file(
      "hotpot.json",
      R"([{"question": "Q?", "answer": "yes", "context": [["T", ["One.", " Two."]], ["U", ["Three."]]]}])"));
  EXPECT_EQ(hotpot.documents, (std::vector<std::string>{"T\nOne. Two.", "U\nThree."}));
  EXPECT_EQ(hotpot.questions[0].documents.size(), 2u);
  const RulerQuestions plain = read_ruler_questions(
      scratch.file("plain.jsonl", R"({"question": "Q?", "answers": ["a", "b"], "documents": ["D"]})"
                                  "\n"));
  EXPECT_EQ(plain.questions[0].answers.size(), 2u);
  expect_error(ErrorKind::kBadData, {"none.json", "no question"},
               [&] { read_ruler_questions(scratch.file("none.json", R"({"data": []})")); });
  expect_error(ErrorKind::kBadData, {"other.json", "data"},
               [&] { read_ruler_questions(scratch.file("other.json", R"({"text": "a"})")); });
}

TEST(RulerScore, MatchesAllOrAnyIgnoringCase) {
  EXPECT_EQ(ruler_score(RulerTask::kNiahMultivalue, "They are 12 and 34.", {"12", "34", "56", "78"}), 0.5);
  EXPECT_EQ(ruler_score(RulerTask::kVariableTracking, " abcde FGHIJ", {"ABCDE", "FGHIJ"}), 1.0);
  EXPECT_EQ(ruler_score(RulerTask::kQuestions1, "It was ADA.", {"ada", "Bob"}), 1.0);
  EXPECT_EQ(ruler_score(RulerTask::kQuestions2, "nobody", {"ada", "Bob"}), 0.0);
}

TEST(RulerSample, IsAFunctionOfItsDraw) {
  const RulerSources sources = prose();
  for (const auto& choice : ChoiceTable<RulerTask>::choices) {
    if (traits_of(choice.value).questions > 0) continue;
    SCOPED_TRACE(choice.word);
    const auto input = [&](uint64_t seed, uint64_t index) {
      return make_ruler_sample(choice.value, sources, 40, {seed, index, 4096}).input;
    };
    EXPECT_EQ(input(1, 2), input(1, 2));
    EXPECT_NE(input(1, 2), input(1, 3));
    EXPECT_NE(input(1, 2), input(2, 2));
  }
}

TEST(RulerTraits, RoomForAnswersIsRulers) {
  EXPECT_EQ(traits_of(RulerTask::kNiahSingle1).new_tokens, 128);
  EXPECT_EQ(traits_of(RulerTask::kNiahMultiquery).new_tokens, 128);
  EXPECT_EQ(traits_of(RulerTask::kVariableTracking).new_tokens, 30);
  EXPECT_EQ(traits_of(RulerTask::kCommonWords).new_tokens, 120);
  EXPECT_EQ(traits_of(RulerTask::kFrequentWords).new_tokens, 50);
  EXPECT_EQ(traits_of(RulerTask::kQuestions1).new_tokens, 32);
}

TEST(WordLists, NoWordIsInTwo) {
  std::set<std::string> words;
  for (const auto* list : {&nouns(), &adjectives(), &verbs()}) words.insert(list->begin(), list->end());
  EXPECT_EQ(words.size(), 5000u);
}

}  // namespace
}  // namespace ropeway
