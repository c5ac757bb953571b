#include "trainer/benchmarks/generation.h"

#include <memory>

#include "trainer/generate/generator.h"
#include "trainer/generate/stop_tokens.h"

namespace ropeway {

std::function<Complete(const FactorSet& factors)> generation_under(const BenchmarkGeneration& with) {
  return [with](const FactorSet& factors) -> Complete {
    // One set for all lengths, that of the cell.
    const auto generator = std::make_shared<Generator>(
        with.model, with.mesh.group(Axis::kSequence),
        GeneratorOptions{.factors = [factors](int64_t) { return factors; }, .may_cross = false});
    GenerateOptions options;
    if (!with.folder.empty()) {
      options.stop = stop_tokens(with.folder, with.named, with.config.vocab_size);
    } else if (with.named.eos >= 0) {
      options.stop = {static_cast<int32_t>(with.named.eos)};
    }
    return [generator, complete = completion_by(*generator, options)](std::span<const int32_t> prompt,
                                                                      int64_t max_new_tokens) {
      return complete(prompt, max_new_tokens);
    };
  };
}

}  // namespace ropeway
