#include "trainer/stages/run_state.h"

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/io/factor_file.h"
#include "trainer/io/files.h"
#include "trainer/io/model_dir.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

Placement placement_of(const std::string& name) {
  return name == "contiguous" ? Placement::kContiguous : Placement::kZigzag;
}

}  // namespace

ModelConfig config_of(const ModelRecipe::Architecture& shape) {
  ModelConfig config;
  config.vocab_size = shape.vocab_size;
  config.hidden_size = shape.hidden_size;
  config.intermediate_size = shape.intermediate_size;
  config.num_layers = shape.num_layers;
  config.num_heads = shape.num_heads;
  config.num_kv_heads = shape.num_kv_heads;
  config.head_dim = shape.head_dim;
  config.original_window = shape.window;
  config.rope_theta = shape.rope_theta;
  config.rms_norm_eps = shape.rms_norm_eps;
  config.initializer_range = shape.initializer_range;
  config.tie_word_embeddings = shape.tie_word_embeddings;
  return config;
}

at::ScalarType scalar_type_of(const std::string& dtype) {
  if (dtype == "fp32") return at::kFloat;
  if (dtype == "bf16") return at::kBFloat16;
  if (dtype == "fp64") return at::kDouble;
  fail(ErrorKind::kConfig, "dtype: found \"{}\", wanted fp32, bf16 or fp64", dtype);
}

RunState::RunState(const Recipe& recipe_in, Communicator& world, const RunDirectory& directory_in,
                   std::function<bool()> stop_requested_in)
    : recipe(recipe_in),
      directory(directory_in),
      stop_requested(std::move(stop_requested_in)),
      mesh(make_mesh(world, {recipe_in.mesh.data, recipe_in.mesh.sequence})),
      reporter(std::make_unique<Reporter>(directory_in.path(), world.rank() == 0)) {
  if (recipe.model.has_architecture) {
    config = config_of(recipe.model.architecture);
    tokenizer = make_byte_tokenizer();
  } else {
    base_model = recipe.model.path;
    const ModelDir dir = open_model_dir(base_model);
    config = dir.config;
    sets = dir.sets;
    tokenizer = load_tokenizer(base_model);
  }
  current_model = base_model;
  std::vector<std::string> names;
  for (const FactorSet& set : sets) names.push_back(set.name);
  const auto errors =
      check_recipe_against_model(recipe, config.original_window, config.rotary_pairs(), names);
  if (!errors.empty()) fail(ErrorKind::kConfig, "{}", fmt::join(errors, "\n"));
  if (tokenizer->vocab_size() > config.vocab_size) {
    fail(ErrorKind::kBadData, "{}: the tokenizer has {} tokens, the embedding {}", base_model.string(),
         tokenizer->vocab_size(), config.vocab_size);
  }
}

CausalLM& RunState::model(const fs::path& folder) {
  if (!model_) {
    parameters_ = std::make_unique<ResidentParameters>(config, scalar_type_of(recipe.dtype));
    ring_ = std::make_unique<RingAttention>(*mesh.sequence, placement_of(recipe.mesh.placement));
    const EngineOptions options{.save_attention = recipe.engine.save_attention,
                                .tile_tokens = recipe.engine.tile_tokens,
                                .loss_tile_tokens = recipe.engine.loss_tile_tokens};
    model_ = std::make_unique<CausalLM>(config, *parameters_, *ring_, options);
  }
  if (!loaded_ || *loaded_ != folder) {
    if (folder.empty()) {
      parameters_->initialize(recipe.seed);
    } else {
      parameters_->load(open_model_dir(folder));
    }
    loaded_ = folder;
  }
  return *model_;
}

const Documents& RunState::documents(const std::string& split) {
  auto& slot = split == "train" ? train_ : split == "validation" ? validation_ : test_;
  if (!slot) {
    const auto& patterns = split == "train"        ? recipe.data.train
                           : split == "validation" ? recipe.data.validation
                                                   : recipe.data.test;
    slot = load_documents(*mesh.world, patterns, *tokenizer, recipe.data.cache);
  }
  return *slot;
}

const FactorSet& RunState::set_named(const std::string& name) const {
  if (const FactorSet* set = find_factor_set(sets, name)) return *set;
  fail(ErrorKind::kConfig, "factor set \"{}\" does not exist yet: no finished stage made it", name);
}

FactorSet RunState::start_set(const std::string& from) const {
  if (from.empty() || from == "none") {
    return computed_factor_set("none", config.rope_geometry(), config.original_window);
  }
  return set_named(from);
}

void RunState::add_set(const FactorSet& set) {
  for (FactorSet& existing : sets) {
    if (existing.name == set.name) {
      existing = set;
      return;
    }
  }
  sets.push_back(set);
}

void RunState::publish_model() {
  const fs::path target = directory.path() / "model";
  if (current_model.empty()) return;
  CausalLM& current = model(current_model);
  (void)current;
  run_on_rank(*mesh.world, 0, [&] {
    save_model_dir(target, config, sets, parameters_->tensors_to_write(),
                   {.copy_small_files_from = current_model, .in_force = "", .replace = true});
  });
}

}  // namespace ropeway
