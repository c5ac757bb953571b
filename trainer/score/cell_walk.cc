#include "trainer/score/cell_walk.h"

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/fault_point.h"
#include "trainer/report/progress_line.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"
#include "trainer/score/kept_scores.h"

namespace ropeway {
namespace {

bool asked(const Mesh& mesh, const WalkControl& control) {
  return any_rank(mesh.world(), control.stop_requested && control.stop_requested());
}

}  // namespace

std::string CellTools::subject(const FactorSet& factors) const {
  return fmt::format("{}\n{}\n", control_.weights, factor_sets_to_json({factors}));
}

void CellTools::stop_if_asked() const {
  if (!asked(mesh_, control_)) return;
  if (control_.pieces != nullptr) control_.pieces->write_now();
  fail(ErrorKind::kStopped, "within a cell");
}

ScoreSequences CellTools::scores(const FactorSet& factors, bool told) const {
  ScoreSequences score = scores_of(model_, mesh_, factors);
  if (control_.pieces != nullptr) score = kept_scores(std::move(score), *control_.pieces, subject(factors));
  return told_scores(std::move(score), told ? tell_ : TellDone(), [*this] { stop_if_asked(); });
}

void walk_cells(CausalLM& model, const Mesh& mesh, const WalkControl& control, bool resumable,
                const CellSteps& steps) {
  ProgressLine progress(mesh.world().rank() == 0);
  int64_t kept = 0, done = 0;
  const auto stop = [&](const char* more) {
    progress.finish();
    fail(ErrorKind::kStopped, resumable ? WayOut::kRunAgain : WayOut::kNone,
         "{}: stopped on request after {} of {} {}{}", control.name, done, steps.count, control.cells, more);
  };
  for (int64_t cell = 0; cell < steps.count; ++cell) {
    const bool known = steps.take_kept(cell);
    if (known) {
      ++kept;
    } else {
      const auto show = [&](const std::string& details) {
        progress.update(control.name, done, steps.count, details);
      };
      show(steps.describe(cell));
      const CellTools tools(model, mesh, control, [&](const std::string& what, int64_t part, int64_t parts) {
        show(fmt::format("{}, {}: {} of {}", steps.describe(cell), what, part, parts));
      });
      try {
        steps.run(cell, tools);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::kStopped) throw;
        stop(control.pieces != nullptr ? "; what was done of the next one is kept" : "");
      }
      fault_point("evaluation.cell_kept", mesh.world().rank());
      if (control.pieces != nullptr) control.pieces->clear();
    }
    ++done;
    steps.finished(cell);
    progress.update(control.name, done, steps.count, steps.summary(cell));
    if (!known && done < steps.count && asked(mesh, control)) stop("");
  }
  progress.finish();
  if (kept > 0 && mesh.world().rank() == 0) {
    log_info("{}: {} of {} {} were finished earlier", control.name, kept, steps.count, control.cells);
  }
}

}  // namespace ropeway
