// Which of a model's factor sets a file of another tool holds. config.json of Hugging Face and GGUF have one
// list of factors for sequences up to the original window ("short"), one for longer ones ("long") and one
// declared window, where a model here has a set for every length. Each deployment below is one such choice:
//   long    the set made for the declared length, for every sequence beyond the original window
//   short   for scoring: what "auto" chooses at the original window: the set readjusted for it, else the one the
//           weights were tuned under, or the original RoPE where they were not tuned, or on mixed windows
//           for generation: the long set once more. A text that grows across the original window keeps the
//           keys in its cache as the short list turned them, and no long list fits those.
// Sets that are for earlier weights are taken only by name.
// A set with start tokens, or with factors of its own for each layer, has no place in these files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/family/model_config.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

// What sequences shorter than the original window will be: all there is, or the beginning of a longer one.
enum class ExportUse { kGeneration, kScoring };

struct ExportRequest {
  std::string factors{};        // name of the long set; "none": the original RoPE; "": chosen by length
  std::string short_factors{};  // name of the short set; "none": the original RoPE; "": as said above
  int64_t max_length = 0;       // the window to declare; 0: the long set's own
  std::string weights{};        // the name of the weights that the sets lie with
  // None: kScoring where the short list has a set made for it (a readjusted one, one named above, the original
  // RoPE of weights that were tuned on short windows under it, or the one that the model's own config.json
  // pairs with the long list), else kGeneration.
  std::optional<ExportUse> use{};
};

enum class ExportField { kFactors, kShortFactors, kMaxLength };

// What is asked for cannot be had.
class ExportRefusal : public Error {
 public:
  // kUsage, of a value that was given: what() is "VALUE: the reason".
  static ExportRefusal of(ExportField field, const std::string& value, const std::string& reason);
  // kBadData, of a set that these files cannot hold; `instead` names one that they can.
  static ExportRefusal with_another(ExportField field, const std::string& reason, const std::string& instead);

  ExportField field() const { return field_; }
  bool is_of_what_was_given() const { return instead_.empty(); }
  const std::string& instead() const { return instead_; }

 private:
  ExportRefusal(ErrorKind kind, const std::string& message, ExportField field, const std::string& instead)
      : Error(kind, message), field_(field), instead_(instead) {}
  ExportField field_;
  std::string instead_;
};

struct ExportFactors {
  FactorSet short_set;
  std::optional<FactorSet> long_set;  // for the declared window; none: the original RoPE everywhere
  int64_t max_length = 0;             // the declared window, never below the original one
  ExportUse use = ExportUse::kScoring;
  std::string short_for_scoring{};  // the name of the set that the short list has, or would have, for scoring
};

// One deployment for what was asked for; without a name and a length, one for every length beyond the
// original window for which there is a set, ascending (of several sets for one length the newest), or the
// original window alone when there is none. Throws
//   ExportRefusal of kUsage    for an unknown set (the known ones are listed), or a length below the original
//                              window
//   ExportRefusal of kBadData  for a set that these files cannot hold; the nearest one that they can hold is
//                              named
//   kUsage                     for a length that no set covers
std::vector<ExportFactors> choose_export_factors(const ModelConfig& config,
                                                 const std::vector<FactorSet>& sets,
                                                 const ExportRequest& request);

// Whether short_factor / long_factor can say what the set says.
bool is_exportable(const FactorSet& set, const ModelConfig& config);

}  // namespace ropeway
