#include "trainer/benchmarks/benchmark_set.h"

#include <algorithm>
#include <set>

#include "kernels/base/error.h"

namespace ropeway {

BenchmarkSet::BenchmarkSet(const BenchmarkRecipe& recipe, std::optional<int64_t> longppl)
    : recipe_(recipe), longppl_(longppl) {
  std::set<std::string> names;
  for (const std::string& file : recipe_.requests) {
    choices_.push_back(read_choice_task(file, recipe_.request_limit));
    if (!names.insert(choices_.back().name).second) {
      fail(ErrorKind::kBadData,
           "{}: found a second file of the name {}, wanted names that tell the figures apart", file,
           choices_.back().name);
    }
  }
  const std::string* const files[] = {&recipe_.ruler_questions, &recipe_.ruler_questions_2};
  for (size_t i = 0; i < 2; ++i) {
    if (!files[i]->empty()) sources_.questions[i] = read_ruler_questions(*files[i]);
  }
}

bool BenchmarkSet::needs_prose() const {
  return std::ranges::any_of(recipe_.ruler, [](RulerTask task) { return traits_of(task).needs_prose; });
}

std::vector<BenchmarkCell> BenchmarkSet::cells(const BenchmarkInputs& inputs,
                                               const std::vector<EvaluationCell>& at_window,
                                               const std::vector<EvaluationCell>& at) {
  std::vector<BenchmarkCell> cells = choice_cells(inputs, choices_, at_window);
  if (needs_prose() && inputs.documents != nullptr) {
    int64_t longest = 0;
    for (const EvaluationCell& cell : at) longest = std::max(longest, cell.length);
    sources_.prose = prose_of(*inputs.documents, inputs.tokenizer, longest);
  }
  const RulerSettings settings = {recipe_.ruler, recipe_.ruler_samples, recipe_.ruler_prompt};
  for (BenchmarkCell& cell : ruler_cells(inputs, sources_, settings, at)) cells.push_back(std::move(cell));
  if (longppl_) {
    const LongPplOptions options = {.max_windows = *longppl_,
                                    .short_tokens = recipe_.longppl_short,
                                    .stride = recipe_.longppl_stride,
                                    .gain = recipe_.longppl_gain,
                                    .floor = recipe_.longppl_floor};
    for (BenchmarkCell& cell : longppl_cells(inputs, options, at)) cells.push_back(std::move(cell));
  }
  return cells;
}

int32_t prefix_of(const NamedTokens& named) {
  return static_cast<int32_t>(named.bos >= 0 ? named.bos : named.eos);
}

}  // namespace ropeway
