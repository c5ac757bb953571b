// A factor set: the non-uniform rescale factors lambda of LongRoPE (Ding et al., ICML 2024, Eq. 3) for one
// length, with what it takes to apply them, the weights they are for and how they were found. A model's list
// is saved with its weights.
//
// Rotary pair i of d/2 turns by
//   phi_i(n) = n / (lambda_i * theta^(2i/d))   at positions n >= start_tokens
//   phi_i(n) = n / theta^(2i/d)                before
// and from start_tokens on cos and sin are multiplied by the attention temperature ("mscale"). A pair whose
// lambda is infinite does not turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

// What the original RoPE is called where a factor set is named; no set of a model is called so.
inline constexpr const char* kOriginalRope = "none";
// FactorHistory::method of a set that weights were tuned under.
inline constexpr const char* kTunedMethod = "finetune";
// How the methods of sets begin that a model's own config.json describes.
inline constexpr const char* kDescribedMethod = "config.json:";

// How a set came to be; strings are empty and numbers 0 where they do not apply.
struct FactorHistory {
  std::string method;         // "identity", "yarn", "search:families+gradient", "search:paper+evolution", ...
  std::string stage;          // the recipe's stage that made it
  std::string parent;         // the set it was derived from; lambda is already the product with it
  std::string recipe_sha256;  // of the resolved recipe
  std::string search_sha256;  // of the search log
  std::string data_fingerprint;  // of the documents it was scored on
  // Of a fine-tune: the share of its tokens in windows within the original one, under the original RoPE.
  double short_share = 0;
  double fitness = 0;              // mean negative log-likelihood on them, nats per token
  double forward_equivalents = 0;  // what the search cost
};

struct FactorSet {
  std::string name;
  int64_t max_length = 0;       // the longest sequence it is meant for, tokens
  int64_t original_length = 0;  // the window of the original training, L0, tokens
  double rope_theta = 0;        // base
  std::vector<double> factors;  // lambda: rotary_dim/2 values, or layers * rotary_dim/2, layer by layer
  double attention_temperature = 1;
  int64_t start_tokens = 0;  // n-hat: positions below it keep the original angles
  // Only for sequences of more tokens than this: the second of two lists, whatever its max_length says.
  int64_t above = 0;
  // The weights it is for, by their name (formats/hf/weights_name.h). Empty: those it lies with.
  std::string weights;
  FactorHistory history;

  double scale() const { return static_cast<double>(max_length) / static_cast<double>(original_length); }
};

// Throws kBadData naming `where`, the field and the value unless: a name; original_length and max_length > 0
// (a set may be for less than the original window: "readjust"); a base > 1; num_pairs (or num_layers *
// num_pairs) factors > 0, which may be infinite; a finite temperature > 0; start_tokens and above >= 0.
void check_factor_set(const FactorSet& set, int64_t num_pairs, int64_t num_layers, const std::string& where);

// Weights were trained under the set: by a fine-tune, or by whoever made the model and described it in its
// config.json (methods "config.json:...").
bool is_trained(const FactorSet& set);

// A fine-tune made the weights that the set is for, and none of its windows was under the original RoPE: they
// no longer know it, however short a sequence is.
bool has_left_original(const FactorSet& set);

// The set is for the weights of this name. Fine-tuning makes other weights: what was found for the old ones
// stays in the list as history.
bool is_for_weights(const FactorSet& set, const std::string& weights);

const FactorSet* find_factor_set(const std::vector<FactorSet>& sets, const std::string& name);  // null: none

// Of the sets for one model's weights, the smallest that covers `length`; the largest one if none does; of
// several for the same length the last in the list, which is the newest. The original RoPE (identity) when
// sets is empty, or when length <= original window and no set made for lengths up to that window covers it,
// unless the weights have left the original RoPE behind.
FactorSet select_factor_set(const std::vector<FactorSet>& sets, int64_t length, const FactorSet& identity);

}  // namespace ropeway
