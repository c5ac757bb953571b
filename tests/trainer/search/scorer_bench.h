// A scorer for tests of what stands on it.
#pragma once

#include <memory>
#include <utility>

#include "parallel/comm/world_of_one.h"
#include "search_fixture.h"
#include "trainer/search/scorer.h"
#include "trainer/search/search_log.h"

namespace ropeway {

// A scorer over a synthetic landscape, alone in the world, with a log of its own.
struct Bench {
  explicit Bench(SyntheticObjective::Options options)
      : objective(std::move(options)),
        world(make_world_of_one()),
        mesh(*world, {}),
        log(*world, folder / "search.jsonl", "bench"),
        scorer(objective, mesh, log, 2048, {}) {
    scorer.begin_phase("bench", 0);
  }
  LogFolder folder;
  SyntheticObjective objective;
  std::unique_ptr<Communicator> world;
  Mesh mesh;
  SearchLog log;
  Scorer scorer;
};

}  // namespace ropeway
