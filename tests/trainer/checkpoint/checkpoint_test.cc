#include <gmock/gmock.h>

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

class Checkpoint : public CheckpointTest {};

TEST_F(Checkpoint, NoneIsNotAnError) {
  EXPECT_EQ(load().first, -1);
  auto world = make_world_of_one();
  EXPECT_FALSE(load_newest_checkpoint(*world, folder_ / "absent").has_value());
  EXPECT_TRUE(list_checkpoints(folder_ / "absent").empty());
}

TEST_F(Checkpoint, RoundTripTakesTheNewest) {
  save(1);
  save(12);
  save(3);
  const auto [step, said] = load();
  EXPECT_EQ(step, 12);
  EXPECT_EQ(said, "");
  EXPECT_EQ(list_checkpoints(folder_), (std::vector<int64_t>{1, 3, 12}));
  EXPECT_EQ(names_in(of_step(12)),
            (std::vector<std::string>{"SHA256SUMS", "manifest.json", "optimizer-00001-of-00002.safetensors",
                                      "optimizer-00002-of-00002.safetensors", "state.json",
                                      "weights.safetensors"}));
}

TEST_F(Checkpoint, NewestIsByStepAndNotByTime) {
  save(2);
  save(1);
  std::filesystem::last_write_time(of_step(1),
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(load().first, 2);
}

TEST_F(Checkpoint, SavedByFourRanksLoadsOnAnyNumber) {
  save(7, 10, 4);
  for (const int ranks : {1, 2, 3, 4, 5}) {
    run_thread_world(ranks, [&](Communicator& world) {
      auto loaded = load_newest_checkpoint(world, folder_);
      ASSERT_TRUE(loaded.has_value());
      const auto [begin, end] = flat_range(world.size(), world.rank());
      expect_content(*loaded, 7, begin, end);
    });
  }
}

TEST_F(Checkpoint, EmptyShardsAreAllowed) {
  run_thread_world(3, [&](Communicator& world) {
    const float value = 5;
    CheckpointContent content;
    content.step = 1;
    content.state_json = "{}";
    const bool owner = world.rank() == 1;  // the ranges are [0,0], [0,1], [1,1]
    content.optimizer = {{"master", DType::kF32, {owner ? 1 : 0}, owner ? &value : nullptr}};
    content.optimizer_parts = {{world.rank() == 2 ? 1 : 0, world.rank() == 0 ? 0 : 1}};
    content.optimizer_total = 1;
    save_checkpoint(world, folder_, content, {.newest = 1});
  });
  auto world = make_world_of_one();
  auto loaded = load_newest_checkpoint(*world, folder_);
  float value = 0;
  loaded->read_optimizer({"master"}, 0, 1, &value);
  EXPECT_EQ(value, 5.0f);
}

TEST_F(Checkpoint, CompanionsAreKeptListedAndVerified) {
  run_thread_world(2, [&](Communicator& world) {
    CheckpointContent content;
    content.step = 1;
    content.state_json = "{}";
    if (world.rank() == 0) {
      content.companions = {{"config.json", "{\"a\": 1}"}, {"vocab.txt", std::string("one\0two", 7)},
                            {"state.json", "another's"},   {"manifest.json", "another's"},
                            {"../outside", "no"},          {"x.safetensors", "no"}};
    }
    save_checkpoint(world, folder_, content, {.newest = 1});
  });
  EXPECT_EQ(names_in(of_step(1)),
            (std::vector<std::string>{
                "SHA256SUMS", "config.json", "manifest.json", "optimizer-00001-of-00002.safetensors",
                "optimizer-00002-of-00002.safetensors", "state.json", "vocab.txt", "weights.safetensors"}));
  EXPECT_EQ(read_text_file(of_step(1) / "vocab.txt"), std::string("one\0two", 7));
  EXPECT_EQ(read_text_file(of_step(1) / "state.json"), "{}");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "outside"));
  EXPECT_NO_THROW(read_verified_manifest(of_step(1), true));
  write_bytes(of_step(1) / "config.json", "{\"a\": 2}");
  EXPECT_THROW(read_verified_manifest(of_step(1), true), Error);
}

TEST_F(Checkpoint, AFolderOfAnotherNameMayHoldAnyStep) {
  save(2);
  std::filesystem::rename(of_step(2), folder_ / "mine");
  EXPECT_EQ(read_verified_manifest(folder_ / "mine", true).step, 2);
}

// A share of every block: the parts of two ranks take turns.
TEST_F(Checkpoint, PartsOfRanksThatTakeTurnsAreReadInOrder) {
  run_thread_world(2, [&](Communicator& world) {
    const bool first = world.rank() == 0;
    const std::vector<float> values = first ? std::vector<float>{0, 1, 5, 6} : std::vector<float>{2, 3, 4, 7};
    CheckpointContent content;
    content.step = 1;
    content.state_json = "{}";
    content.optimizer = {{"master", DType::kF32, {4}, values.data()}};
    content.optimizer_parts = first ? std::vector<CheckpointContent::Part>{{0, 2}, {5, 7}}
                                    : std::vector<CheckpointContent::Part>{{2, 5}, {7, 7}, {7, 8}};
    content.optimizer_total = 8;
    save_checkpoint(world, folder_, content, {.newest = 1});
  });
  auto world = make_world_of_one();
  const auto loaded = load_newest_checkpoint(*world, folder_);
  std::vector<float> all(8), some(3);
  loaded->read_optimizer({"master"}, 0, 8, all.data());
  EXPECT_EQ(all, (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  loaded->read_optimizer({"master"}, 4, 7, some.data());
  EXPECT_EQ(some, (std::vector<float>{4, 5, 6}));
}

// "w" of a number per rank, which each rank brings; the first exchange is made when rank 0 writes it.
class OneEach : public GatheredTensors {
 public:
  OneEach(Communicator& group, bool fails) : group_(group), fails_(fails) {}
  std::vector<TensorStream> streams() override {
    return {{"w", DType::kF32, {group_.size()}, [this](const PutBytes& put) {
               if (fails_) fail(ErrorKind::kIo, "the disk is gone");
               gather();
               put(all_.data(), group_.size() * 4);
             }}};
  }
  void finish() override {
    if (all_.empty()) gather();
  }

 private:
  void gather() {
    const auto own = static_cast<float>(10 + group_.rank());
    all_.resize(static_cast<size_t>(group_.size()));
    group_.all_gather(&own, all_.data(), 4);
  }
  Communicator& group_;
  const bool fails_;
  std::vector<float> all_;
};

void save_gathered(Communicator& world, const std::filesystem::path& folder, bool fails) {
  const std::vector<float> values(1, 1);
  CheckpointContent content;
  content.step = 1;
  content.state_json = "{}";
  content.optimizer = {{"master", DType::kF32, {1}, values.data()}};
  content.optimizer_parts = {{world.rank(), world.rank() + 1}};
  content.optimizer_total = world.size();
  content.gather_weights = [fails](Communicator& group) { return std::make_unique<OneEach>(group, fails); };
  content.gathered_bytes = world.size() * 4;
  save_checkpoint(world, folder, content, {.newest = 1});
}

TEST_F(Checkpoint, WeightsOfWhichEachRankHasAPartAreGatheredWhileTheyAreWritten) {
  run_thread_world(3, [&](Communicator& world) { save_gathered(world, folder_, false); });
  auto world = make_world_of_one();
  const auto loaded = load_newest_checkpoint(*world, folder_);
  ASSERT_TRUE(loaded);
  const auto bytes = loaded->weights.data("w");
  float found[3] = {};
  ASSERT_EQ(bytes.size(), sizeof found);
  std::memcpy(found, bytes.data(), sizeof found);
  EXPECT_THAT(found, ::testing::ElementsAre(10, 11, 12));
}

TEST_F(Checkpoint, AFailureWhileWeightsAreGatheredEndsAllRanks) {
  expect_error(ErrorKind::kIo, {"the disk is gone"}, [&] {
    run_thread_world(3, [&](Communicator& world) { save_gathered(world, folder_, true); });
  });
  EXPECT_TRUE(names_in(folder_).empty());
}

TEST_F(Checkpoint, RangesThatDoNotMeetAreADefect) {
  expect_error(ErrorKind::kInternal, {"rank 1", "begins at 2", "ends at 3"}, [&] {
    run_thread_world(2, [&](Communicator& world) {
      const std::vector<float> values(3, 1);
      CheckpointContent content;
      content.optimizer = {{"master", DType::kF32, {3}, values.data()}};
      const int64_t begin = world.rank() == 0 ? 0 : 2;
      content.optimizer_parts = {{begin, begin + 3}};
      content.optimizer_total = 5;
      save_checkpoint(world, folder_, content, {.newest = 1});
    });
  });
  EXPECT_TRUE(names_in(folder_).empty());
}

TEST_F(Checkpoint, Sha256sumReadsTheSums) {
  save(1);
  const std::string command = "cd '" + of_step(1).string() + "' && sha256sum -c SHA256SUMS > /dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0);
  write_bytes(of_step(1) / "state.json", "{\"step\": 2}");
  EXPECT_NE(std::system(command.c_str()), 0);
}

TEST_F(Checkpoint, OldOnesGoBeyondKeep) {
  for (int step = 1; step <= 5; ++step) save(step, 2);
  EXPECT_EQ(names_in(folder_), (std::vector<std::string>{"step-000004", "step-000005"}));
}

// A damaged checkpoint neither counts towards `keep` nor is it removed: it must not push the last good one
// out.
TEST_F(Checkpoint, DamagedOnesDoNotPushGoodOnesOut) {
  save(1);
  save(2);
  save(3);
  std::filesystem::remove(of_step(2) / "state.json");
  std::filesystem::resize_file(of_step(3) / "weights.safetensors", 10);
  save(4, 2);
  EXPECT_EQ(list_checkpoints(folder_), (std::vector<int64_t>{1, 4}));
  EXPECT_TRUE(std::filesystem::exists(of_step(2)));
}

TEST_F(Checkpoint, SavingAStepAgainReplacesIt) {
  save(1);
  save(2);
  write_bytes(of_step(2) / "state.json", "{\"step\": 9}");
  EXPECT_EQ(load().first, 1);
  save(2);
  EXPECT_EQ(load().first, 2);
  EXPECT_EQ(names_in(folder_), (std::vector<std::string>{"step-000001", "step-000002"}));
}

TEST_F(Checkpoint, FilesThatItsManifestDoesNotListAreSaidAndNotUsed) {
  save(1);
  save(2);
  write_bytes(of_step(2) / "optimizer-00003-of-00003.safetensors", "not ours");
  write_bytes(of_step(2) / "notes.txt", "mine");
  const auto [step, said] = load();
  EXPECT_EQ(step, 2);
  EXPECT_THAT(said,
              testing::HasSubstr("step-000002: 2 files are not in its manifest, and not used: notes.txt, "
                                 "optimizer-00003-of-00003.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(of_step(2) / "notes.txt"));
}

TEST_F(Checkpoint, ForeignAndTemporaryFoldersAreIgnored) {
  save(5);
  const std::vector<std::string> foreign = {"old-step-9",
                                            "step-9x",
                                            "step-",
                                            "step--9",
                                            "step-000009.tmp-mine",
                                            "step-99999999999999999999",
                                            "step-9.tmp-01234567-89ab-4def-8123-456789abcdeX"};
  for (const std::string& name : foreign) std::filesystem::create_directories(folder_ / name);
  write_bytes(folder_ / "step-000010", "a file");
  const auto [step, said] = load();
  EXPECT_EQ(step, 5);
  EXPECT_EQ(said, "");
  save(6, 1);
  for (const std::string& name : foreign) EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
}

TEST_F(Checkpoint, StaleTemporaryFoldersOfOursAreRemovedAtTheNextSave) {
  const std::string stale = "step-000009.tmp-01234567-89ab-4def-8123-456789abcdef";
  std::filesystem::create_directories(folder_ / stale);
  write_bytes(folder_ / stale / "weights.safetensors", "half");
  EXPECT_EQ(load().first, -1);
  save(1);
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"step-000001"});
}

TEST_F(Checkpoint, DamagedFilesAreNamedAndThePreviousIsUsed) {
  save(1, 10, 2);
  struct Damage {
    std::string file;
    std::function<void(const std::filesystem::path&)> apply;
  };
  const std::vector<Damage> damages = {
      {"weights.safetensors", [](const auto& p) { std::filesystem::remove(p); }},
      {"state.json", [](const auto& p) { write_bytes(p, ""); }},
      {"optimizer-00002-of-00002.safetensors", [](const auto& p) { std::filesystem::resize_file(p, 100); }},
      {"manifest.json", [](const auto& p) { std::filesystem::remove(p); }},
      {"SHA256SUMS", [](const auto& p) { std::filesystem::remove(p); }},
      {"manifest.json", [](const auto& p) { write_bytes(p, "{}"); }},
      {"SHA256SUMS", [](const auto& p) { write_bytes(p, read_bytes(p) + "x"); }},
      // Of the right size, with other bytes: only the hash tells.
      {"optimizer-00001-of-00002.safetensors",
       [](const auto& p) { write_bytes(p, std::string(std::filesystem::file_size(p), 's')); }},
  };
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.file);
    std::filesystem::remove_all(of_step(2));
    save(2, 10, 2);
    damage.apply(of_step(2) / damage.file);
    const auto [step, said] = load();
    EXPECT_EQ(step, 1);
    EXPECT_THAT(said, testing::HasSubstr("step-000002"));
    EXPECT_THAT(said, testing::HasSubstr(damage.file));
  }
}

TEST_F(Checkpoint, FilesOfAnotherStepAreFound) {
  save(1);
  save(2);
  save(3);
  // A whole folder under another number, and one shard of another step.
  std::filesystem::rename(of_step(2), of_step(9));
  auto [step, said] = load();
  EXPECT_EQ(step, 3);
  EXPECT_THAT(said, testing::HasSubstr("is of step 2"));
  std::filesystem::copy_file(of_step(1) / "optimizer-00001-of-00002.safetensors",
                             of_step(3) / "optimizer-00001-of-00002.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  std::tie(step, said) = load();
  EXPECT_EQ(step, 1);
  EXPECT_THAT(said, testing::HasSubstr("optimizer-00001-of-00002.safetensors"));
}

TEST_F(Checkpoint, NoneThatVerifiesIsAnErrorOnEveryRank) {
  save(1);
  save(2);
  std::filesystem::remove(of_step(1) / "state.json");
  std::filesystem::resize_file(of_step(2) / "weights.safetensors", 1);
  testing::internal::CaptureStderr();
  std::vector<int> failed(3, 0);
  run_thread_world(3, [&](Communicator& world) {
    try {
      load_newest_checkpoint(world, folder_);
    } catch (const Error& error) {
      failed[world.rank()] = error.exit_code();
      EXPECT_THAT(error.what(), testing::HasSubstr("2 checkpoints and none that verifies"));
      EXPECT_THAT(error.what(), testing::HasSubstr("state.json"));
      EXPECT_THAT(error.what(), testing::HasSubstr("weights.safetensors"));
    }
  });
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(failed, (std::vector<int>{65, 65, 65}));
}

TEST_F(Checkpoint, AnotherFormatVersionIsNamed) {
  save(1);
  const std::string old_manifest = read_bytes(of_step(1) / "manifest.json");
  std::string manifest = old_manifest;
  manifest.replace(manifest.find("\"version\": 1"), 12, "\"version\": 2");
  write_bytes(of_step(1) / "manifest.json", manifest);
  std::string sums = read_bytes(of_step(1) / "SHA256SUMS");
  const std::string old_hash = sha256_of(old_manifest);
  write_bytes(of_step(1) / "SHA256SUMS", sums.replace(sums.find(old_hash), 64, sha256_of(manifest)));
  testing::internal::CaptureStderr();
  expect_error(ErrorKind::kBadData, {"manifest.json: version: found 2, wanted format version 1"},
               [&] { load_newest_checkpoint(*make_world_of_one(), folder_); });
  testing::internal::GetCapturedStderr();
}

// A manifest made to point outside its folder, with hashes that fit, must not be followed.
TEST_F(Checkpoint, ManifestNamesStayInTheFolder) {
  save(1);
  const std::string old_manifest = read_bytes(of_step(1) / "manifest.json");
  std::string manifest = old_manifest;
  manifest.replace(manifest.find("\"state.json\""), 12, "\"../x.json\"");
  write_bytes(of_step(1) / "manifest.json", manifest);
  std::string sums = read_bytes(of_step(1) / "SHA256SUMS");
  write_bytes(of_step(1) / "SHA256SUMS",
              sums.replace(sums.find(sha256_of(old_manifest)), 64, sha256_of(manifest)));
  testing::internal::CaptureStderr();
  expect_error(ErrorKind::kBadData, {"found \"../x.json\", wanted a plain file name"},
               [&] { load_newest_checkpoint(*make_world_of_one(), folder_); });
  testing::internal::GetCapturedStderr();
}

TEST_F(Checkpoint, MissingFlatArrayIsNamed) {
  save(1);
  auto world = make_world_of_one();
  auto loaded = load_newest_checkpoint(*world, folder_);
  float value;
  expect_error(ErrorKind::kBadData, {"optimizer-00001-of-00002.safetensors", "'moment9'"},
               [&] { loaded->read_optimizer({"moment9"}, 0, 1, &value); });
}

TEST_F(Checkpoint, UnwritableFolderFailsOnEveryRank) {
  write_bytes(folder_ / "file", "");
  std::vector<int> failed(3, 0);
  run_thread_world(3, [&](Communicator& world) {
    try {
      save(world, folder_ / "file" / "sub", 1);
    } catch (const Error& error) {
      failed[world.rank()] = error.exit_code();
    }
  });
  EXPECT_EQ(failed, (std::vector<int>{73, 73, 73}));
}

}  // namespace
}  // namespace ropeway
