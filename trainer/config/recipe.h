// The recipe: one YAML file describes model, data, mesh and an ordered list of stages. Plain structs; parsing
// is strict and collects every error before giving up (recipe_parser.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

enum class StageKind { kPretrain, kSearch, kFinetune, kReadjust, kEvaluate };

// model: either an existing directory, or the shape of a new one (only for a recipe that starts with
// pretrain).
struct ModelRecipe {
  std::string path;
  std::vector<std::string> sets;          // factor sets the directory already holds and stages may start from
  std::string sliding_window = "refuse";  // "full": attend fully beyond the sliding window config.json gives
  struct Architecture {
    int64_t vocab_size = 258, hidden_size = 0, intermediate_size = 0, num_layers = 0;
    int64_t num_heads = 0, num_kv_heads = 0, head_dim = 0, window = 0;
    double rope_theta = 10000, rms_norm_eps = 1e-5, initializer_range = 0.02;
    bool tie_word_embeddings = true;
  } architecture;
  bool has_architecture = false;
};

struct DataRecipe {
  std::vector<std::string> train, validation, test;  // paths; * in the file name
  int64_t max_document = int64_t{1} << 30;           // bytes, unpacked
  std::string cache = ".cache/tokens";
};

struct MeshRecipe {
  int data = 1;
  int sequence = 0;  // 0: all ranks / data
  std::string placement = "zigzag";
};

struct EngineRecipe {
  bool save_attention = true;
  int tile_tokens = 0, loss_tile_tokens = 0;  // 0: by the memory there is
  int64_t keep_bytes = -1;      // of token-wise results kept for backward; -1: by the memory there is
  int64_t hang_seconds = 1800;  // until a transfer between GPUs that its neighbours keep waiting is given up
  std::string activations = "auto";  // device, host: where blocks' records wait for backward
};

// BF16 keeps a change of a number by its 2^-8th part and more. Second moments of a larger beta2 than this,
// which lose less than that in a step, would hardly decay.
inline constexpr double kLargestBeta2OfNarrowMoments = 0.99;

// pretrain and finetune.
struct TrainRecipe {
  int64_t length = 0;           // tokens per sequence
  int64_t batch_sequences = 1;  // sequences a step, over all ranks
  int64_t micro_batch_tokens =
      16384;  // tokens a rank holds at once; a step is cut into micro-batches of whole sequences
  int64_t steps = 0;
  double learning_rate = 2e-5, min_learning_rate = 0;
  int64_t warmup_steps = 0;
  std::string schedule = "linear";  // linear, cosine, constant
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.0, clip_norm = 1.0;
  std::string moments = "fp32";  // bf16: AdamW's two moments in half the memory
  double passkey_fraction = 0, passkey_answer_weight = 1;
  int64_t checkpoint_every = 0;  // 0: only at the end and on request
  int64_t keep_checkpoints = 2;
  int64_t max_skipped_steps = 5;  // consecutive steps with non-finite gradients before giving up
};

// search and readjust.
struct SearchRecipe {
  int64_t length = 0;
  std::string seeds = "families";      // paper, families
  std::string seed_grid = "auto";      // auto, full, short: how many of the families' members
  std::string refine = "gradient";     // evolution, gradient, none
  std::string temperature = "search";  // search, su, yarn, or a number
  int64_t documents = 5;               // fixed documents that rank candidates
  int64_t finalist_documents = 2;      // held out from them; tail and needle loss decide there
  double max_scale_margin = 1.25;      // lambda at most margin * scale (LongRoPE Table 4)
  bool start_tokens = false;           // search n-hat as well
  // evolution (LongRoPE section 3.3 and its code's defaults)
  int64_t population = 64, mutations = 16, crossovers = 16, parents = 32, iterations = 40,
          max_crossover_tries = 20;
  double mutation_probability = 0.3, step = 0.01;
  // gradient
  int64_t gradient_steps = 60, check_every = 5;
  double factor_learning_rate = 0.1, temperature_learning_rate = 0.005;
};

struct EvaluateRecipe {
  std::vector<int64_t> lengths;
  std::vector<std::string> tasks = {"perplexity", "passkey"};
  std::vector<std::string> factors = {"auto"};
  int64_t windows = 0;  // 0: all that fit
  int64_t tokens =
      0;  // at most tokens / length windows, so that every length scores the same text; 0: no limit
  int64_t passkey_depths = 10, passkey_samples = 2;
};

struct StageRecipe {
  std::string name;
  StageKind kind = StageKind::kEvaluate;
  std::string from;   // the factor set it starts from; "none" is the original RoPE
  std::string makes;  // the set it adds
  // "base" evaluates the model the recipe began with, "" the current one.
  std::string model;
  TrainRecipe train;
  SearchRecipe search;
  EvaluateRecipe evaluate;
  int line = 0;  // in the recipe file, for messages
};

// Where a value was written: line and column from 1, or the number of the override that set it.
struct RecipePlace {
  int line = 0, column = 0;
  int override_index = -1;
};

struct Recipe {
  std::string name, device = "cpu", dtype = "fp32", run_dir;
  uint64_t seed = 0;
  ModelRecipe model;
  DataRecipe data;
  MeshRecipe mesh;
  EngineRecipe engine;
  std::vector<StageRecipe> stages;
  std::string source_file;
  // For messages only: "stages[1].length" -> place; the overrides as they were given.
  std::map<std::string, RecipePlace> places;
  std::vector<std::string> overrides;
};

std::string_view name_of(StageKind kind);

}  // namespace ropeway
