// Every seed, and thousands of inputs made from the seeds by a fixed random generator, through every reader: what a
// fuzzer starts with, replayed where no fuzzer is. tests/fuzz.sh runs the real thing.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "kernels/base/error.h"
#include "tests/fuzz/targets.h"

namespace ropeway::fuzz {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

constexpr int kMutants = 4000;  // per target

std::vector<Bytes> seeds_of(const std::string& target) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(ROPEWAY_SOURCE_DIR) / "tests/fuzz/seeds" / target))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> seeds;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

// A seed with one to four changes of the kinds that libFuzzer makes.
Bytes mutant_of(const std::vector<Bytes>& seeds, std::mt19937_64& random) {
  const auto below = [&random](size_t n) { return n == 0 ? 0 : static_cast<size_t>(random() % n); };
  Bytes bytes = seeds[below(seeds.size())];
  for (size_t changes = 1 + below(4); changes > 0; --changes) {
    const auto at = static_cast<ptrdiff_t>(below(bytes.size()));
    switch (below(6)) {
      case 0:
        if (!bytes.empty()) bytes[static_cast<size_t>(at)] ^= static_cast<uint8_t>(1U << below(8));
        break;
      case 1:
        if (!bytes.empty()) bytes[static_cast<size_t>(at)] = static_cast<uint8_t>(below(256));
        break;
      case 2:
        bytes.resize(static_cast<size_t>(at));
        break;
      case 3: {
        const auto end = std::min<ptrdiff_t>(at + static_cast<ptrdiff_t>(below(16)), std::ssize(bytes));
        bytes.erase(bytes.begin() + at, bytes.begin() + end);
        break;
      }
      case 4: {
        static constexpr std::string_view kWords[] = {
            "\"",   "[[[[",    "{\"a\":", "1e999", "-1", "18446744073709551616",
            "null", "\\ud800", ",",       "\xff",  "\n", "9223372036854775807"};
        const std::string_view word = kWords[below(std::size(kWords))];
        bytes.insert(bytes.begin() + at, word.begin(), word.end());
        break;
      }
      default: {
        const Bytes& other = seeds[below(seeds.size())];
        const auto from = static_cast<ptrdiff_t>(below(other.size()));
        bytes.resize(static_cast<size_t>(at));
        bytes.insert(bytes.end(), other.begin() + from, other.end());
      }
    }
  }
  return bytes;
}

class Replay : public testing::TestWithParam<Target> {};

TEST_P(Replay, SeedsAndMutantsAreTakenOrRefused) {
  const Target& target = GetParam();
  const std::vector<Bytes> seeds = seeds_of(target.name);
  int taken = 0;
  for (const Bytes& seed : seeds) {
    try {
      target.run(seed);
      ++taken;
    } catch (const Error& error) {
      EXPECT_NE(error.kind(), ErrorKind::kInternal) << error.what();
    }
  }
  // Seeds that are refused at the door would let the mutants test nothing else.
  EXPECT_GE(taken, 1) << "no seed of " << target.name << " is good";
  std::mt19937_64 random(20260101);
  for (int i = 0; i < kMutants; ++i) {
    const Bytes bytes = mutant_of(seeds, random);
    try {
      run_target(target, bytes);
    } catch (const std::exception& error) {
      ADD_FAILURE() << target.name << ", mutant " << i << " of " << bytes.size()
                    << " bytes: " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Replay, testing::ValuesIn(targets()),
                         [](const auto& info) { return std::string(info.param.name); });

// A reader that answers with anything but an Error is found out.
TEST(RunTarget, LetsOtherExceptionsPass) {
  const Target broken{"broken", [](std::span<const uint8_t>) { throw std::out_of_range("map::at"); }};
  EXPECT_THROW(run_target(broken, {}), std::out_of_range);
  const Target wrong{"wrong", [](std::span<const uint8_t>) { fail(ErrorKind::kInternal, "cannot be"); }};
  EXPECT_THROW(run_target(wrong, {}), Error);
  const Target refusing{"refusing", [](std::span<const uint8_t>) { fail(ErrorKind::kBadData, "no"); }};
  EXPECT_NO_THROW(run_target(refusing, {}));
}

}  // namespace
}  // namespace ropeway::fuzz
