#include "trainer/score/kept_pieces.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/files/files.h"
#include "trainer/score/kept_scores.h"

namespace ropeway {
namespace {

std::string key(const std::string& name) { return sha256_of(name); }

void add(KeptPieces& pieces, const std::string& name, const std::string& bytes) {
  pieces.add([&] { return key(name); }, [&] { return bytes; });
}
std::string found(const KeptPieces& pieces, const std::string& name) {
  return pieces.find([&] { return key(name); }).value_or("nothing");
}

TEST(KeptPieces, AreFoundByWhoComesLaterOnEveryRank) {
  const TempDir folder;
  const auto file = folder / "cell.part";
  run_thread_world(2, [&](Communicator& world) {
    KeptPieces pieces(file, world);
    EXPECT_EQ(found(pieces, "a"), "nothing");
    add(pieces, "a", std::string("1\0\n2", 4));
    add(pieces, "b", "");
    pieces.write_now();
    world.barrier();
    const KeptPieces again(file, world);
    EXPECT_EQ(found(again, "a"), std::string("1\0\n2", 4));
    EXPECT_EQ(found(again, "b"), "");
    EXPECT_EQ(found(again, "c"), "nothing");
    world.barrier();
    pieces.clear();
    world.barrier();
    EXPECT_FALSE(std::filesystem::exists(file));
  });
}

TEST(KeptPieces, ARecordThatIsCutOffIsPassedOverAndTheNextOnesAreFound) {
  const TempDir folder;
  const auto file = folder / "cell.part";
  const auto world = make_world_of_one();
  {
    KeptPieces pieces(file, *world);
    add(pieces, "a", "first");
    add(pieces, "b", "second");
    pieces.write_now();
  }
  for (const size_t cut : {1u, 70u, 100u}) {
    const std::string whole = read_bytes(file);
    write_bytes(file, whole.substr(0, whole.size() - cut));
    KeptPieces pieces(file, *world);
    EXPECT_EQ(found(pieces, "a"), "first") << cut;
    EXPECT_EQ(found(pieces, "b"), "nothing") << cut;
    add(pieces, "b", "second");
    pieces.write_now();
    const KeptPieces again(file, *world);
    EXPECT_EQ(found(again, "b"), "second") << cut;
  }
}

TEST(KeptPieces, AFileThatCannotBeWrittenIsWarnedOfOnce) {
  const auto world = make_world_of_one();
  const TempDir folder;
  KeptPieces pieces(folder / "not/there", *world);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) {
    add(pieces, "a", "1");
    pieces.write_now();
  }
  const std::string told = testing::internal::GetCapturedStderr();
  const size_t first = told.find("cannot be written");
  EXPECT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("cannot be written", first + 1), std::string::npos) << told;
}

// Scores by the tokens themselves, in rounds of two; the counter says how many were scored.
ScoreSequences by_tokens(int& scored, int& rounds_left) {
  return [&](const SequenceSet& sequences, const std::string&, const UseScore& use) {
    for (int64_t i = 0; i < sequences.count; ++i) {
      const SequenceToScore sequence = sequences.of(i);
      std::vector<double> nll(static_cast<size_t>(sequences.length - 1), 0.0);
      std::vector<uint8_t> correct(nll.size(), 0);
      for (auto t = static_cast<size_t>(sequence.score_from); t < nll.size(); ++t) {
        nll[t] = 1.0 / (1 + sequence.tokens[t + 1]);
        correct[t] = sequence.tokens[t + 1] % 2 == 0;
      }
      ++scored;
      use(i, {nll, correct});
      if ((i % 2 == 1 || i + 1 == sequences.count) && sequences.round_done) sequences.round_done();
      if (i % 2 == 1 && --rounds_left == 0) fail(ErrorKind::kStopped, "here");
    }
  };
}

TEST(KeptScores, OnlyWhatIsNotKeptIsScoredAgainAndAllScoresAreTheSame) {
  const TempDir folder;
  const auto world = make_world_of_one();
  const SequenceSet sequences = {7, 5, [](int64_t index) {
                                   const auto i = static_cast<int32_t>(index);
                                   return SequenceToScore{{1, 2, i, 3 + i, 4}, 2};
                                 }};
  using Scores = std::vector<std::pair<std::vector<double>, std::vector<uint8_t>>>;
  const auto run = [&](const ScoreSequences& score) {
    Scores all;
    error_of([&] {
      score(sequences, "test", [&](int64_t index, const SequenceScore& s) {
        EXPECT_EQ(index, std::ssize(all));
        all.push_back({{s.nll.begin(), s.nll.end()}, {s.correct.begin(), s.correct.end()}});
      });
    });
    return all;
  };
  int scored = 0, rounds = -1;
  const Scores wanted = run(by_tokens(scored, rounds));
  EXPECT_EQ(scored, 7);

  scored = 0, rounds = 2;
  {
    KeptPieces pieces(folder / "cell.part", *world);
    EXPECT_EQ(run(kept_scores(by_tokens(scored, rounds), pieces, "w")).size(), 4u);
    pieces.write_now();
  }
  scored = 0, rounds = -1;
  KeptPieces pieces(folder / "cell.part", *world);
  EXPECT_EQ(run(kept_scores(by_tokens(scored, rounds), pieces, "w")), wanted);
  EXPECT_EQ(scored, 3);
  // Other weights are another matter.
  scored = 0;
  EXPECT_EQ(run(kept_scores(by_tokens(scored, rounds), pieces, "other")), wanted);
  EXPECT_EQ(scored, 7);
}

}  // namespace
}  // namespace ropeway
