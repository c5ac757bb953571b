// A model that generates, behind `ropeway generate` and `ropeway chat`: their common options, the model opened
// and at work, and what is told at the end.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "launch/command_page.h"
#include "trainer/config/data_choices.h"
#include "trainer/config/recipe.h"
#include "trainer/data/document_marks.h"
#include "trainer/generate/generator.h"
#include "trainer/generate/text_stream.h"

namespace ropeway {

class Communicator;
class MpiSession;
struct ModelConfig;

struct GenerationRequest {
  std::string model;  // model folder, run folder or checkpoint
  std::string factors = "auto";
  OnCrossing on_crossing = OnCrossing::kReread;
  DeviceKind device = DeviceKind::kCpu;
  DType dtype = DType::kF32;
  SlidingWindowPolicy sliding_window = SlidingWindowPolicy::kRefuse;
  int64_t max_new_tokens = 256;
  Sampling sampling;
};

// The rows of options that both verbs have; what the two say of an answer's tokens and of the seed.
std::vector<OptionRow> generation_options(const std::string& of_tokens, const std::string& of_seed);
// Throws kUsage.
GenerationRequest read_generation_request(const boost::program_options::variables_map& values);

class GeneratingModel {
 public:
  // Collective. who: the verb, in messages.
  GeneratingModel(const GenerationRequest& request, const std::string& who, MpiSession& job);
  ~GeneratingModel();

  const ModelConfig& config() const;
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const std::filesystem::path& folder() const;  // of the tokenizer's files
  const NamedTokens& named() const { return named_; }
  const std::vector<int32_t>& stop() const { return stop_; }
  // The longest sequence that a set of these weights, or the original training, is for.
  int64_t longest_known() const;

  // Collective. Loads the weights, for sequences of up to so many tokens; computed factors are made for that
  // length.
  void begin(int64_t length);
  // Collective, after begin(). Goes on from the prompt; rank 0 writes the text to standard output as it comes.
  // stop: tokens that end it besides the model's own. before: what the text's first space depends on
  // (TextStream). Returns the text, on rank 0. Throws kStopped when a stop was requested, kIo when the output
  // is closed.
  std::string write(const std::vector<int32_t>& prompt, int64_t max_new_tokens,
                    const std::vector<int32_t>& stop, const std::vector<int32_t>& before);
  // Collective. Rank 0 says what was done, on standard error.
  void tell_figures();

 private:
  struct Parts;
  FactorSet factors_at(int64_t length) const;
  bool may_cross() const;  // from one factor set to another
  void make_generator(int64_t length);

  const GenerationRequest request_;
  const std::string who_;
  Communicator& world_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<Tokenizer> tokenizer_;
  NamedTokens named_;
  std::vector<int32_t> stop_;
};

}  // namespace ropeway
