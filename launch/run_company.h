// What goes along with a run beside its stages: the page that shows it, what it runs on, its description for
// TensorBoard, and how long its stages should take.
#pragma once

namespace ropeway {

class RunState;

// Collective. Writes environment.json; report.html is written now and again while the run works.
void accompany(RunState& run);

}  // namespace ropeway
