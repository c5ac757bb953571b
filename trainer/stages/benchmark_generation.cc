#include "trainer/stages/benchmark_generation.h"

#include <memory>

#include "trainer/generate/generator.h"
#include "trainer/generate/stop_tokens.h"

namespace ropeway {

std::function<GenerateTokens(const FactorSet& factors)> generation_under(const BenchmarkGeneration& with) {
  return [with](const FactorSet& factors) -> GenerateTokens {
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
    const GenerateTokens generate = completion_by(*generator, options);
    return [generator, generate](std::span<const int64_t> prompt, int max_new_tokens) {
      return generate(prompt, max_new_tokens);
    };
  };
}

}  // namespace ropeway
