// Keys of the run, of its model and of a model that is made from nothing.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

template <auto Member>
Field top(Recipe& r) {
  return field_at(r.*Member);
}
template <auto Member>
Field model(Recipe& r) {
  return field_at(r.model.*Member);
}
template <auto Member>
Field shape(Recipe& r) {
  return field_at(r.model.architecture.*Member);
}

}  // namespace

std::vector<RecipeKey> run_keys() {
  using enum ValueType;
  using Shape = ModelRecipe::Architecture;
  return {
      key("", "version", kInteger, top<&Recipe::version>, {.low = 1, .also = "config_version schema_version"},
          "of the keys and what they mean: a program that reads another version says so"),
      key("", "name", kName, top<&Recipe::name>, {.required = true}, "names the run and its folder"),
      key("", "seed", kInteger, top<&Recipe::seed>, {.high = 9.2e18}, "of everything random"),
      key("", "device", kChoice, top<&Recipe::device>, {}, "where tensors live"),
      key("", "dtype", kChoice, top<&Recipe::dtype>,
          {.choices = "fp32 bf16 fp64", .also = "precision torch_dtype bf16 fp16"},
          "of weights and activations; bf16 keeps fp32 masters, fp64 is for tests"),
      key("", "run_dir", kText, top<&Recipe::run_dir>, {.also = "output_dir out_dir output save_dir"},
          "where the run is kept; default runs/<name>"),
      key("model", "path", kText, model<&ModelRecipe::path>,
          {.also = "base_model model_name_or_path checkpoint model_path hf_path"},
          "folder in Hugging Face layout"),
      key("model", "sets", kNameList, model<&ModelRecipe::sets>, {},
          "factor sets that folder already holds and stages may start from"),
      key("model", "sliding_window", kChoice, model<&ModelRecipe::sliding_window>, {},
          "lengths beyond the model's sliding window: refuse them, honour the window in attention, or attend "
          "to them in full and save the model so"),
      key("model", "original_window", kLength, model<&ModelRecipe::original_window>,
          {.low = 2, .high = kMaxLength, .also = "original_max_position_embeddings pretrained_length"},
          "length the model was trained at, where its config.json states another (Qwen2: 32K, not 128K)"),
      key("model.architecture", "vocab_size", kInteger, shape<&Shape::vocab_size>,
          {.low = 2, .high = kMaxSize}, "tokens"),
      key("model.architecture", "hidden_size", kInteger, shape<&Shape::hidden_size>,
          {.low = 1, .high = kMaxSize, .required = true, .also = "d_model dim"}, "channels of a token"),
      key("model.architecture", "intermediate_size", kInteger, shape<&Shape::intermediate_size>,
          {.low = 1, .high = kMaxSize, .required = true, .also = "ffn_dim mlp_size d_ff"},
          "channels inside the MLP"),
      key("model.architecture", "num_layers", kInteger, shape<&Shape::num_layers>,
          {.low = 1, .high = 10000, .required = true, .also = "num_hidden_layers n_layers layers"},
          "decoder blocks"),
      key("model.architecture", "num_heads", kInteger, shape<&Shape::num_heads>,
          {.low = 1, .high = 10000, .required = true, .also = "num_attention_heads n_heads heads"},
          "query heads"),
      key("model.architecture", "num_kv_heads", kInteger, shape<&Shape::num_kv_heads>,
          {.low = 1, .high = 10000, .required = true, .also = "num_key_value_heads n_kv_heads kv_heads"},
          "key and value heads; divides num_heads"),
      key("model.architecture", "head_dim", kInteger, shape<&Shape::head_dim>,
          {.low = 2, .high = 4096, .required = true}, "channels of a head; even"),
      key("model.architecture", "window", kLength, shape<&Shape::window>,
          {.low = 2, .high = kMaxLength, .required = true, .also = "max_position_embeddings context_length"},
          "original window L0: the length it is pretrained at"),
      key("model.architecture", "rope_theta", kNumber, shape<&Shape::rope_theta>,
          {.low = 1, .high = 1e12, .above = true}, "base of the rotary frequencies"),
      key("model.architecture", "rms_norm_eps", kNumber, shape<&Shape::rms_norm_eps>,
          {.high = 1, .above = true}, "added to the mean square in RMSNorm"),
      key("model.architecture", "initializer_range", kNumber, shape<&Shape::initializer_range>,
          {.high = 10, .above = true}, "standard deviation of the first weights"),
      key("model.architecture", "tie_word_embeddings", kFlag, shape<&Shape::tie_word_embeddings>, {},
          "the head is the embedding"),
  };
}

}  // namespace ropeway
