#include "trainer/config/recipe_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "trainer/config/lengths.h"
#include "trainer/config/mesh_ranks.h"
#include "trainer/config/recipe.h"
#include "trainer/config/stage_chain.h"

namespace ropeway {

std::string stage_path(size_t index, const std::string& key) {
  return key.empty() ? fmt::format("stages[{}]", index) : fmt::format("stages[{}].{}", index, key);
}

std::string length_path(size_t index, const StageRecipe& stage) {
  return stage_path(index, stage.kind() == StageKind::kEvaluate ? "lengths" : "length");
}

bool kind_is_known(size_t index, const RecipeProblems& problems) {
  return !problems.has(stage_path(index, "kind"));
}

namespace {

void check_model(const Recipe& recipe, RecipeProblems& problems) {
  const auto& shape = recipe.model.architecture;
  const bool has_path = recipe.places.count("model.path") > 0;
  if (has_path && recipe.model.has_architecture) {
    problems.add("model.architecture", "found next to model.path, wanted one of the two");
  } else if (!has_path && !recipe.model.has_architecture) {
    problems.add("model", "found neither path nor architecture, wanted one of the two");
  }
  if (recipe.model.has_architecture) {
    if (!recipe.model.sets.empty())
      problems.add("model.sets", "found with a new model, wanted only next to model.path");
    if (recipe.model.original_window > 0)
      problems.add("model.original_window",
                   "found with a new model, wanted only next to model.path; architecture.window is its own");
    if (shape.num_kv_heads > 0 && shape.num_heads % shape.num_kv_heads != 0) {
      problems.add(
          "model.architecture.num_kv_heads",
          fmt::format("found {}, wanted a divisor of num_heads = {}", shape.num_kv_heads, shape.num_heads));
    }
    if (shape.head_dim % 2 != 0) {
      problems.add("model.architecture.head_dim",
                   fmt::format("found {}, wanted an even number: rotary pairs", shape.head_dim));
    }
  }
  bool has_pretrain = false, all_known = true;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const bool known = kind_is_known(i, problems);
    all_known = all_known && known;
    if (!known || recipe.stages[i].kind() != StageKind::kPretrain) continue;
    has_pretrain = true;
    if (i > 0)
      problems.add(stage_path(i, "kind"), fmt::format("found pretrain as stage {}, wanted it first", i + 1));
    if (!recipe.model.has_architecture) {
      problems.add(stage_path(i, "kind"),
                   "found pretrain without model.architecture, wanted the shape of the new model");
    }
  }
  if (recipe.model.has_architecture && !has_pretrain && all_known && !recipe.stages.empty()) {
    problems.add("model.architecture",
                 "found a new model and no pretrain stage, wanted one first (or model.path)");
  }
}

void check_data(const Recipe& recipe, RecipeProblems& problems) {
  struct Need {
    const char* key;
    bool has_files;
    std::vector<std::string> stages;
  };
  Need train{"data.train", !recipe.data.train.empty(), {}},
      validation{"data.validation", !recipe.data.validation.empty(), {}},
      test{"data.test", !recipe.data.test.empty(), {}};
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (!kind_is_known(i, problems)) continue;
    const StageRecipe& stage = recipe.stages[i];
    const bool needs_gradient =
        is_searching(stage.kind()) && stage.search().refine == SearchRefine::kGradient;
    if (is_training(stage.kind()) || needs_gradient) train.stages.push_back(stage.name);
    if (is_searching(stage.kind())) validation.stages.push_back(stage.name);
    if (stage.kind() == StageKind::kEvaluate) test.stages.push_back(stage.name);
  }
  for (const Need& need : {train, validation, test}) {
    if (need.stages.empty() || need.has_files || problems.has(need.key)) continue;
    if (problems.has_element_of(need.key)) continue;
    problems.add(need.key, fmt::format("found nothing, wanted files for the stage{} {}",
                                       need.stages.size() == 1 ? "" : "s", join_words(need.stages, "and")));
  }
}

// Ring and heads against the ranks that share a sequence.
void check_ring_and_heads(const MeshRecipe& given, int sequence, RecipeProblems& problems) {
  const int64_t product = int64_t{given.ring} * given.heads;
  if (product > 0 && product != sequence) {
    problems.add("mesh.heads",
                 fmt::format("found ring {} x heads {} = {} ranks, wanted the {} that share a sequence",
                             given.ring, given.heads, product, sequence));
  }
  if (product > 0) return;
  const auto check_divides = [&](const char* key, int value) {
    if (value == 0 || sequence % value == 0) return;
    problems.add(key, fmt::format("found {}, wanted a divisor of the {} rank{} that share{} a sequence",
                                  value, sequence, sequence == 1 ? "" : "s", sequence == 1 ? "s" : ""));
  };
  check_divides("mesh.ring", given.ring);
  check_divides("mesh.heads", given.heads);
}

void check_mesh(const Recipe& recipe, int ranks, RecipeProblems& problems) {
  const int data = recipe.mesh.data;
  const MeshRecipe mesh = with_ranks(recipe.mesh, ranks);
  if (ranks > 0 && mesh.sequence == 0) {
    problems.add("mesh.data", fmt::format("found {}, wanted a divisor of the job's {} rank{}", data, ranks,
                                          ranks == 1 ? "" : "s"));
  }
  const int sequence = mesh.sequence > 0 ? mesh.sequence : std::max({mesh.ring, mesh.heads, 1});
  const int64_t product = int64_t{data} * sequence;
  if (ranks > 0 && mesh.sequence != 0 && product != ranks) {
    problems.add("mesh.sequence", fmt::format("found data {} x sequence {} = {} ranks, wanted the job's {}",
                                              data, sequence, product, ranks));
  }
  if (mesh.sequence > 0) check_ring_and_heads(recipe.mesh, mesh.sequence, problems);
  const bool zigzag = recipe.mesh.placement != Placement::kContiguous;
  const int64_t pieces = chunks_per_rank(recipe.mesh.placement) * int64_t{sequence};
  const auto check_length = [&](const std::string& path, int64_t length) {
    if (length % pieces == 0) return;
    problems.add(path, fmt::format("found {}, wanted a multiple of {} ({}{} sequence rank{})", length, pieces,
                                   zigzag ? "zigzag: 2 x " : "", sequence, sequence == 1 ? "" : "s"));
  };
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (!kind_is_known(i, problems)) continue;
    const StageRecipe& stage = recipe.stages[i];
    for (const int64_t length : lengths_of(stage)) check_length(length_path(i, stage), length);
    if (!is_training(stage.kind())) continue;
    const int64_t sequences = stage.train().batch_sequences;
    if (sequences % data != 0) {
      problems.add(stage_path(i, "batch_sequences"),
                   fmt::format("found {}, wanted a multiple of mesh.data = {}", sequences, data));
    }
  }
}

void check_moments(const Recipe& recipe, size_t stage, RecipeProblems& problems) {
  const TrainRecipe& train = recipe.stages[stage].train();
  if (train.moments != DType::kBF16) return;
  if (recipe.dtype == DType::kF64) {
    problems.add(stage_path(stage, "moments"), "found bf16 with dtype: fp64, wanted fp32");
  }
  if (train.beta2 > kLargestBeta2OfNarrowMoments) {
    problems.add(stage_path(stage, "moments"),
                 fmt::format("found bf16 with beta2: {}, wanted fp32, or a beta2 of at most {}: what changes "
                             "in a step would be lost in rounding",
                             train.beta2, kLargestBeta2OfNarrowMoments));
  }
}

// Of a stage's windows, so many that both kinds are among them.
void check_mix(const Recipe& recipe, size_t i, RecipeProblems& problems) {
  const TrainRecipe& train = recipe.stages[i].train();
  if (train.short_share == 0 || train.steps == 0) return;
  const auto windows = static_cast<double>(train.steps * train.batch_sequences);
  const double short_ones = std::floor(windows * train.short_share);
  if (short_ones >= 1 && short_ones < windows) return;
  problems.add(
      stage_path(i, "mix.short"),
      fmt::format("found {}, which makes {:.0f} of the stage's {:.0f} sequences short, wanted some of "
                  "both kinds",
                  train.short_share, short_ones, windows));
}

void check_skip(const Recipe& recipe, size_t i, RecipeProblems& problems) {
  const TrainRecipe& train = recipe.stages[i].train();
  if (train.skip_target == 0) return;
  if (train.length > 0 && train.skip_target <= train.length) {
    problems.add(stage_path(i, "positions.skip"),
                 fmt::format("found {}, wanted more than length = {}", format_length(train.skip_target),
                             format_length(train.length)));
  } else if (recipe.data.document_mask == DocumentMask::kDocuments) {
    problems.add(
        stage_path(i, "positions.skip"),
        "found with data.document_mask: documents, where positions start anew, wanted one of the two");
  } else if (train.skip_chunks > train.length) {
    problems.add(stage_path(i, "positions.chunks"),
                 fmt::format("found {}, wanted at most length = {}", train.skip_chunks, train.length));
  }
}

void check_training_numbers(const Recipe& recipe, size_t i, RecipeProblems& problems) {
  const TrainRecipe& train = recipe.stages[i].train();
  check_moments(recipe, i, problems);
  check_mix(recipe, i, problems);
  check_skip(recipe, i, problems);
  if (train.on_spike == OnSpike::kRollback && train.checkpoint_every.is_never()) {
    problems.add(stage_path(i, "on_spike"),
                 "found rollback with checkpoint_every: 0, wanted steps or a time there: what to go back to");
  }
  if (train.steps > 0 && train.warmup_steps > train.steps) {
    problems.add(stage_path(i, "warmup_steps"),
                 fmt::format("found {}, wanted at most steps = {}", train.warmup_steps, train.steps));
  }
  if (train.min_learning_rate > train.learning_rate) {
    problems.add(stage_path(i, "min_learning_rate"),
                 fmt::format("found {}, wanted at most learning_rate = {}", train.min_learning_rate,
                             train.learning_rate));
  }
}

void check_search_numbers(const Recipe& recipe, size_t i, RecipeProblems& problems) {
  const SearchRecipe& search = recipe.stages[i].search();
  if (search.seeds == SearchSeeds::kLongRope2 && recipe.stages[i].kind() == StageKind::kReadjust) {
    problems.add(
        stage_path(i, "seeds"),
        "found longrope2 for a length within the tuned one, wanted families or paper: LongRoPE2 goes back to "
        "the original RoPE there");
  }
  const bool evolves =
      search.refine == SearchRefine::kEvolution || search.seeds == SearchSeeds::kPaper ||
      recipe.places.count(stage_path(i, "population")) + recipe.places.count(stage_path(i, "parents")) > 0;
  if (search.beta_fast <= search.beta_slow) {
    problems.add(stage_path(i, "beta_fast"), fmt::format("found {}, wanted more than beta_slow = {}",
                                                         search.beta_fast, search.beta_slow));
  }
  if (evolves && search.parents > search.population) {
    problems.add(stage_path(i, "parents"),
                 fmt::format("found {}, wanted at most population = {}", search.parents, search.population));
  }
  if (search.refine == SearchRefine::kEvolution && search.mutations + search.crossovers == 0) {
    problems.add(stage_path(i, "mutations"),
                 "found 0 and 0 crossovers, wanted one of them above 0 to evolve");
  }
}

void check_evaluation_numbers(const Recipe& recipe, size_t i, RecipeProblems& problems) {
  const EvaluateRecipe& evaluate = recipe.stages[i].evaluate();
  if (evaluate.stride > 0 && evaluate.align == WindowAlignment::kEnds) {
    problems.add(stage_path(i, "stride"),
                 fmt::format("found {} with align: ends, wanted one of the two", evaluate.stride));
  }
  const auto shortest = std::ranges::min_element(evaluate.lengths);
  if (shortest != evaluate.lengths.end() && evaluate.stride >= *shortest) {
    problems.add(stage_path(i, "stride"), fmt::format("found {}, wanted less than the shortest length, {}",
                                                      evaluate.stride, format_length(*shortest)));
  }
  if (!evaluate.aligned_with.empty() && (evaluate.align == WindowAlignment::kStarts || evaluate.stride > 0)) {
    problems.add(stage_path(i, "aligned_with"),
                 fmt::format("found lengths with {}, wanted them with align: ends",
                             evaluate.stride > 0 ? "a stride" : "align: starts"));
  }
}

void check_stage_numbers(const Recipe& recipe, RecipeProblems& problems) {
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (!kind_is_known(i, problems)) continue;
    if (is_training(recipe.stages[i].kind())) check_training_numbers(recipe, i, problems);
    if (is_searching(recipe.stages[i].kind())) check_search_numbers(recipe, i, problems);
    if (recipe.stages[i].kind() == StageKind::kEvaluate) check_evaluation_numbers(recipe, i, problems);
  }
}

void check_device(const Recipe& recipe, RecipeProblems& problems) {
  if (recipe.device != DeviceKind::kCuda || recipe.dtype == DType::kBF16) return;
  problems.add("dtype", fmt::format("found {}, wanted bf16 with device: cuda: attention on GPUs computes in "
                                    "nothing else",
                                    word_of(recipe.dtype)));
}

}  // namespace

void check_sliding_window(const Recipe& recipe, int64_t window, RecipeProblems& problems) {
  if (window <= 0) return;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    if (!kind_is_known(i, problems)) continue;
    const StageRecipe& stage = recipe.stages[i];
    int64_t longest = 0;
    for (const int64_t length : lengths_of(stage)) longest = std::max(longest, length);
    if (longest <= window) continue;
    problems.add(
        length_path(i, stage),
        fmt::format("found {}, wanted at most the model's sliding window of {}, or model.sliding_window: "
                    "full to attend fully beyond it, honour to attend through it",
                    format_length(longest), format_length(window)));
  }
}

void check_recipe(const Recipe& recipe, int ranks, RecipeProblems& problems) {
  if (recipe.places.count("stages") == 0) problems.add("stages", "found nothing, wanted a list of stages");
  check_model(recipe, problems);
  check_data(recipe, problems);
  check_device(recipe, problems);
  check_mesh(recipe, ranks, problems);
  check_stage_numbers(recipe, problems);
  check_stage_chain(recipe, {.original_window = recipe.model.architecture.window}, problems);
}

}  // namespace ropeway
