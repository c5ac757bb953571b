#include "launch/measured_run.h"

#include "trainer/files/strict_json.h"

namespace ropeway {

MeasuredRun measured_run(const std::filesystem::path& run_dir) {
  const JsonValue report = read_strict_json(run_dir / "report.json");
  MeasuredRun run;
  const JsonValue stages = report.at("stages");
  for (int64_t i = 0; i < stages.size(); ++i) {
    const JsonValue stage = stages.at(i);
    MeasuredStage measured{.seconds = stage.at("seconds").number()};
    for (const std::string& key : stage.keys()) {
      if (key.starts_with("memory_bytes_")) measured.memory += static_cast<int64_t>(stage.at(key).number());
    }
    if (const auto ranks = stage.find("ranks")) run.ranks = static_cast<int>(ranks->integer(1, 1 << 20));
    run.stages[stage.at("name").string()] = measured;
  }
  return run;
}

}  // namespace ropeway
