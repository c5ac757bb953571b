#include "trainer/config/recipe_keys.h"

#include <algorithm>
#include <type_traits>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

constexpr double kMaxLength = 1 << 30, kMaxCount = 1e9, kMaxSize = 1e7;
constexpr std::string_view kTrain = "pretrain finetune", kSearch = "search readjust",
                           kMakers = "search finetune readjust",
                           kAllKinds = "pretrain search finetune readjust evaluate";

template <typename Value>
Field field_at(Value& target) {
  if constexpr (std::is_constructible_v<ChoiceField, Value*>) {
    return ChoiceField(&target);
  } else {
    return &target;
  }
}

template <auto Member>
Field top(Recipe& r) {
  return field_at(r.*Member);
}
template <auto Section, auto Member>
Field in(Recipe& r) {
  return field_at(r.*Section.*Member);
}
template <auto Member>
Field shape(Recipe& r) {
  return field_at(r.model.architecture.*Member);
}
template <auto Member>
Field stage(StageRecipe& s) {
  return field_at(s.*Member);
}
template <typename Options, auto Member>
Field of(StageRecipe& s) {
  return field_at(s.options<Options>().*Member);
}
Field kind_field(StageRecipe& s) {
  return ChoiceField::through<&StageRecipe::kind, &StageRecipe::set_kind>(&s);
}
using Shape = ModelRecipe::Architecture;

// Bounds and the rest of a row, so that a row says only what it needs.
struct Row {
  double low = 0, high = kMaxCount;
  bool required = false, above = false;
  std::string_view choices = "";  // space-separated; "": all words of the enum
  std::string_view also = "";
};

std::vector<std::string> choices_of(const Field& field, const Row& row) {
  const auto* choice = std::get_if<ChoiceField>(&field);
  if (choice == nullptr || !row.choices.empty()) return split_words(row.choices);
  return choice->known_words();
}

StageKind first_kind_of(std::string_view kinds) {
  return value_of<StageKind>(split_words(kinds).front()).value();
}

RecipeKey key(std::string_view section, std::string_view name, ValueType type, Field (*field)(Recipe&),
              const Row& row, std::string_view meaning) {
  Recipe any;
  return {section,
          name,
          type,
          field,
          nullptr,
          "",
          row.required,
          row.low,
          row.high,
          row.above,
          choices_of(field(any), row),
          row.also,
          meaning};
}
RecipeKey key(std::string_view kinds, std::string_view name, ValueType type, Field (*field)(StageRecipe&),
              const Row& row, std::string_view meaning) {
  StageRecipe any(first_kind_of(kinds));
  return {"stages",
          name,
          type,
          nullptr,
          field,
          kinds,
          row.required,
          row.low,
          row.high,
          row.above,
          choices_of(field(any), row),
          row.also,
          meaning};
}

template <auto Member>
constexpr auto model = in<&Recipe::model, Member>;
template <auto Member>
constexpr auto data = in<&Recipe::data, Member>;
template <auto Member>
constexpr auto mesh = in<&Recipe::mesh, Member>;
template <auto Member>
constexpr auto engine = in<&Recipe::engine, Member>;
template <auto Member>
constexpr auto train = of<TrainRecipe, Member>;
template <auto Member>
constexpr auto search = of<SearchRecipe, Member>;
template <auto Member>
constexpr auto evaluate = of<EvaluateRecipe, Member>;
template <auto Member>
Field benchmark(StageRecipe& s) {
  return field_at(s.evaluate().benchmarks.*Member);
}

std::vector<RecipeKey> make_keys() {
  using enum ValueType;
  using T = TrainRecipe;
  using S = SearchRecipe;
  using E = EvaluateRecipe;
  using B = BenchmarkRecipe;
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

      key("data", "train", kSourceList, data<&DataRecipe::train>,
          {.high = 1000,
           .above = true,
           .also = "train_files train_data dataset datasets pretraining_dataset"},
          "text to learn from: paths, * in the file name; {path: P, weight: W} uses each token W times per "
          "pass"),
      key("data", "validation", kTextList, data<&DataRecipe::validation>,
          {.also = "valid val dev eval eval_dataset"}, "text that ranks candidates of a search"),
      key("data", "test", kTextList, data<&DataRecipe::test>, {.also = "heldout test_datasets"},
          "text that evaluate stages score"),
      key("data", "packing", kChoice, data<&DataRecipe::packing>,
          {.also = "pack packed sequence_packing sample_packing"},
          "concat: training documents joined in random order and cut at the length, every token once per "
          "pass; documents: each sequence a stretch of one document"),
      key("data", "document_mask", kChoice, data<&DataRecipe::document_mask>,
          {.also = "attention_mask reset_attention_mask reset_position_ids intra_document_mask neat_packing "
                   "pretrain_multipack_attn"},
          "what attention sees in a sequence of several documents: none: all of them; documents: each token "
          "its own, positions starting anew"),
      key("data", "bos", kChoice, data<&DataRecipe::bos>, {.also = "add_bos add_bos_token"},
          "a BOS before each document; auto: where the tokenizer puts one"),
      key("data", "eos", kChoice, data<&DataRecipe::eos>, {.also = "add_eos add_eos_token append_eod"},
          "an EOS after each document; auto: where the tokenizer names one"),
      key("data", "chat_template", kChoice, data<&DataRecipe::chat_template>,
          {.also = "chat_format prompt_template template"},
          "how conversations become text; auto: as the model's own template does, if it is a known one"),
      key("data", "cache", kText, data<&DataRecipe::cache>,
          {.also = "cache_dir dataset_prepared_path tokenized_path"}, "folder of encoded text"),
      key("data", "max_document", kInteger, data<&DataRecipe::max_document>,
          {.low = 1, .high = 1e15, .also = "max_document_bytes"},
          "bytes that one document may have, unpacked"),
      key("data", "special_tokens", kChoice, data<&DataRecipe::special_tokens>,
          {.also = "parse_special_tokens"},
          "what the spelling of a special token in a document is: text, or that token (parse), which is for "
          "texts that one trusts"),

      key("mesh", "data", kInteger, mesh<&MeshRecipe::data>,
          {.low = 1, .high = 1e6, .also = "dp data_parallel dp_size data_parallel_size"},
          "ranks with different sequences"),
      key("mesh", "sequence", kAutoInteger, mesh<&MeshRecipe::sequence>,
          {.low = 1,
           .high = 1e6,
           .also = "cp sp context_parallel sequence_parallel context_parallel_size sequence_parallel_size "
                   "cp_size sp_size"},
          "ranks that share each sequence; auto: all ranks / data"),
      key("mesh", "placement", kChoice, mesh<&MeshRecipe::placement>, {},
          "which tokens of a sequence a rank holds"),

      key("engine", "save_attention", kFlag, engine<&EngineRecipe::save_attention>, {},
          "keep attention's output between forward and backward"),
      key("engine", "activations", kChoice, engine<&EngineRecipe::activations>,
          {.also = "activation_offload offload_activations cpu_offload"},
          "where what backward needs of each block waits; auto: in host memory if only that fits"),
      key("engine", "keep_bytes", kAutoInteger, engine<&EngineRecipe::keep_bytes>,
          {.high = 1e15, .also = "gradient_checkpointing disable_gradient_checkpointing"},
          "bytes of projections kept for backward instead of computed again, where records are on the "
          "device; auto: 1 GiB, on a GPU what its memory has room for"),
      key("engine", "tile_tokens", kAutoInteger, engine<&EngineRecipe::tile_tokens>,
          {.low = 1, .high = kMaxSize},
          "tokens per tile of norms, projections and MLP; auto: by the memory there is"),
      key("engine", "loss_tile_tokens", kAutoInteger, engine<&EngineRecipe::loss_tile_tokens>,
          {.low = 1, .high = kMaxSize},
          "tokens per tile of head and cross-entropy; auto: by the memory there is"),
      key("engine", "hang_seconds", kInteger, engine<&EngineRecipe::hang_seconds>,
          {.low = 1, .high = 1e9, .also = "timeout nccl_timeout ddp_timeout"},
          "seconds that a GPU whose own work is done waits for what its neighbours send, before the job ends "
          "with code 76"),

      key(kAllKinds, "name", kName, stage<&StageRecipe::name>, {.required = true},
          "names the stage and its folder"),
      key(kAllKinds, "kind", kChoice, kind_field, {.required = true, .also = "type"}, "what the stage does"),
      key(kMakers, "from", kName, stage<&StageRecipe::from>, {.required = true, .also = "start_from base"},
          "factor set it starts from; none: the original RoPE; long, yarn, linear, llama3: what the model's "
          "config.json describes"),
      key(kMakers, "makes", kName, stage<&StageRecipe::makes>, {.required = true, .also = "output into"},
          "factor set it adds to the model"),
      key("evaluate", "model", kChoice, evaluate<&E::model>, {},
          "base: the model the recipe began with; leave the key out for the current one"),

      key(kTrain, "length", kLength, train<&T::length>,
          {.low = 2,
           .high = kMaxLength,
           .required = true,
           .also = "seq_len seqlen sequence_len sequence_length max_seq_len cutoff_len context_length"},
          "tokens per sequence"),
      key(kTrain, "batch_sequences", kInteger, train<&T::batch_sequences>,
          {.low = 1,
           .high = 1e6,
           .also = "batch_size batch global_batch_size train_batch_size gradient_accumulation_steps "
                   "per_device_train_batch_size"},
          "sequences per step, over all ranks"),
      key(kTrain, "steps", kInteger, train<&T::steps>,
          {.low = 1,
           .high = kMaxCount,
           .required = true,
           .also = "max_steps num_steps train_steps total_steps num_epochs num_train_epochs"},
          "optimizer steps"),
      key(kTrain, "learning_rate", kNumber, train<&T::learning_rate>,
          {.high = 1, .above = true, .also = "lr peak_lr max_lr"}, "peak"),
      key(kTrain, "min_learning_rate", kNumber, train<&T::min_learning_rate>,
          {.high = 1, .also = "min_lr end_lr"}, "where the schedule ends"),
      key(kTrain, "warmup_steps", kInteger, train<&T::warmup_steps>, {.also = "warmup num_warmup_steps"},
          "steps from 0 to the peak"),
      key(kTrain, "schedule", kChoice, train<&T::schedule>,
          {.also = "lr_scheduler lr_scheduler_type scheduler lr_schedule"}, "decay after the warm-up"),
      key(kTrain, "beta1", kNumber, train<&T::beta1>, {.high = 0.999999, .also = "adam_beta1"},
          "AdamW, first moment"),
      key(kTrain, "beta2", kNumber, train<&T::beta2>, {.high = 0.999999999, .also = "adam_beta2"},
          "AdamW, second moment"),
      key(kTrain, "eps", kNumber, train<&T::eps>,
          {.high = 1, .above = true, .also = "adam_epsilon adam_eps epsilon"},
          "AdamW, added to the root of the second moment"),
      key(kTrain, "weight_decay", kNumber, train<&T::weight_decay>, {.high = 10, .also = "wd"},
          "AdamW, of all weights but the norms"),
      key(kTrain, "moments", kChoice, train<&T::moments>,
          {.choices = "fp32 bf16", .also = "optimizer_dtype optim_dtype adam_dtype moments_dtype"},
          "AdamW, type of both moments; bf16 takes 4 bytes per parameter less, for beta2 up to 0.99"),
      key(kTrain, "clip_norm", kNumber, train<&T::clip_norm>,
          {.high = 1e9, .above = true, .also = "max_grad_norm grad_clip gradient_clipping clip"},
          "gradients are scaled down to this norm"),
      key(kTrain, "passkey_fraction", kNumber, train<&T::passkey_fraction>, {.high = 1},
          "share of windows with a passkey"),
      key(kTrain, "passkey_answer_weight", kNumber, train<&T::passkey_answer_weight>,
          {.high = 1e4, .above = true}, "loss weight of the passkey's digits"),
      key(kTrain, "checkpoint_every", kInteger, train<&T::checkpoint_every>,
          {.also = "save_every save_steps save_interval checkpoint_interval"},
          "steps; 0: only when stopped and at the end"),
      key(kTrain, "keep_checkpoints", kInteger, train<&T::keep_checkpoints>,
          {.low = 1, .high = 1e6, .also = "save_total_limit keep_latest_k keep"},
          "verified checkpoints kept"),
      key(kTrain, "max_skipped_steps", kInteger, train<&T::max_skipped_steps>, {},
          "steps in a row without an update, their numbers not finite or on_spike against them, before "
          "giving "
          "up"),
      key(kTrain, "on_spike", kChoice, train<&T::on_spike>, {.also = "spike_policy loss_spike"},
          "a loss or gradient norm beyond 6 robust standard deviations of the steps before: only said, its "
          "update skipped, or back to the last checkpoint and on with the data that follows"),

      key(kSearch, "length", kLength, search<&S::length>,
          {.low = 2, .high = kMaxLength, .required = true, .also = "target_length target context_length"},
          "tokens the set is for"),
      key(kSearch, "seeds", kChoice, search<&S::seeds>, {},
          "first candidates: families of closed forms, or LongRoPE's PI, NTK, YaRN and mutants"),
      key(kSearch, "seed_grid", kChoice, search<&S::seed_grid>, {},
          "members of the families: 39, or the 12 likeliest; auto: short where tuned factors or a shorter "
          "target tell most of it"),
      key(kSearch, "refine", kChoice, search<&S::refine>, {}, "how seeds are improved"),
      key(kSearch, "temperature", kTemperature, search<&S::temperature>,
          {.high = 100, .above = true, .also = "mscale attention_factor"},
          "attention temperature: search, su, yarn (formulas) or a number"),
      key(kSearch, "documents", kInteger, search<&S::documents>, {.low = 1, .high = 1e6, .also = "samples"},
          "documents that rank candidates"),
      key(kSearch, "finalist_documents", kInteger, search<&S::finalist_documents>, {.low = 0, .high = 1e6},
          "further ones that choose among finalists"),
      key(kSearch, "max_scale_margin", kNumber, search<&S::max_scale_margin>, {.low = 1, .high = 100},
          "factors reach at most this times the scale"),
      key("readjust", "max_factor", kNumber, search<&S::max_factor>, {.high = 1e9, .also = "cap"},
          "no factor above this; 0: max_scale_margin times the largest tuned factor, or times the length's "
          "own scale where that is more"),
      key(kSearch, "beta_fast", kNumber, search<&S::beta_fast>, {.high = 1e6, .above = true},
          "seeds: paper, the YaRN seed: pairs that turn more often than this in the trained length stay"),
      key(kSearch, "beta_slow", kNumber, search<&S::beta_slow>, {.high = 1e6, .above = true},
          "seeds: paper, the YaRN seed: pairs that turn less often than this are stretched in full"),
      key(kSearch, "start_tokens", kFlag, search<&S::start_tokens>, {},
          "search the number of unscaled first tokens too"),
      key(kSearch, "population", kInteger, search<&S::population>,
          {.low = 2, .high = 1e6, .also = "population_size"}, "evolution: candidates kept"),
      key(kSearch, "mutations", kInteger, search<&S::mutations>, {.high = 1e6, .also = "mutation_numbers"},
          "evolution: mutants per generation"),
      key(kSearch, "crossovers", kInteger, search<&S::crossovers>, {.high = 1e6, .also = "crossover_size"},
          "evolution: crossovers per generation"),
      key(kSearch, "parents", kInteger, search<&S::parents>,
          {.low = 1, .high = 1e6, .also = "parents_size topk"}, "evolution: best candidates that breed"),
      key(kSearch, "iterations", kInteger, search<&S::iterations>,
          {.high = 1e6, .also = "generations max_time_budget"}, "evolution: generations"),
      key(kSearch, "max_crossover_tries", kInteger, search<&S::max_crossover_tries>,
          {.low = 1, .high = 1e6, .also = "max_crossover_try"}, "evolution: tries for a new feasible child"),
      key(kSearch, "mutation_probability", kNumber, search<&S::mutation_probability>,
          {.high = 1, .above = true}, "evolution: chance that a factor is drawn anew"),
      key(kSearch, "step", kNumber, search<&S::step>, {.high = 1, .above = true, .also = "list_step grid"},
          "evolution: grid of the factors"),
      key(kSearch, "gradient_steps", kInteger, search<&S::gradient_steps>, {.high = 1e6},
          "gradient: Adam steps"),
      key(kSearch, "check_every", kInteger, search<&S::check_every>, {.low = 1, .high = 1e6},
          "gradient: steps between looks at the ranking documents"),
      key(kSearch, "factor_learning_rate", kNumber, search<&S::factor_learning_rate>,
          {.high = 10, .above = true}, "gradient: of the factors, in radians of phase at the target's end"),
      key(kSearch, "temperature_learning_rate", kNumber, search<&S::temperature_learning_rate>,
          {.high = 10, .above = true}, "gradient: on the logarithm of the temperature"),

      key("evaluate", "lengths", kLengthList, evaluate<&E::lengths>,
          {.low = 2, .high = kMaxLength, .required = true, .also = "length"}, "tokens per window"),
      key("evaluate", "tasks", kChoiceList, evaluate<&E::tasks>, {}, "what is measured"),
      key("evaluate", "factors", kFactorList, evaluate<&E::factors>, {.also = "sets"},
          "auto, none, pi, ntk, yarn, sets made before, or stretched:SET"),
      key("evaluate", "windows", kInteger, evaluate<&E::windows>, {},
          "windows scored per length; 0: all that fit"),
      key("evaluate", "tokens", kInteger, evaluate<&E::tokens>, {},
          "tokens read per length (align: ends: at the longest one); 0: no limit"),
      key("evaluate", "target_tokens", kInteger, evaluate<&E::target_tokens>, {},
          "tokens scored per length, in as few windows as that takes; 0: no limit"),
      key("evaluate", "align", kChoice, evaluate<&E::align>, {},
          "ends: windows of all lengths end at the same places and score the same tokens; starts: disjoint "
          "windows of each length, scored in full; auto: ends where there are several lengths"),
      key("evaluate", "aligned_with", kLengthList, evaluate<&E::aligned_with>, {.low = 2, .high = kMaxLength},
          "align: ends, lengths of other stages whose windows are to end at the same places"),
      key("evaluate", "stride", kInteger, evaluate<&E::stride>, {.also = "sliding_window_stride"},
          "a window every so many tokens, which scores its last ones (LongRoPE's tables: 256); 0: off"),
      key("evaluate", "bos", kChoice, evaluate<&E::bos>, {.also = "add_bos add_bos_token"},
          "a BOS at the start of each window; auto: as data.bos says"),
      key("evaluate", "passkey_depths", kInteger, evaluate<&E::passkey_depths>, {.low = 1, .high = 1e4},
          "depths per length"),
      key("evaluate", "passkey_samples", kInteger, evaluate<&E::passkey_samples>, {.low = 1, .high = 1e6},
          "samples per depth"),
      key("evaluate", "haystack", kChoice, evaluate<&E::haystack>, {},
          "passkeys hide in the test text, or in the sentences of the published task"),
      key("evaluate", "needles", kInteger, evaluate<&E::needles>, {.low = 1, .high = 1000},
          "task needles: keyed needles in one pass, one per depth, each asked for at its end"),
      key("evaluate", "needle_passes", kInteger, evaluate<&E::needle_passes>, {.low = 1, .high = 1e6},
          "task needles: passes per length"),
      key("evaluate", "controls", kAllOrChoiceList, evaluate<&E::controls>, {},
          "tests of what the longer context is worth, at lengths beyond the original window"),
      key("evaluate", "control_windows", kInteger, evaluate<&E::control_windows>, {.low = 1, .high = 1e6},
          "windows that each control takes"),
      key("evaluate", "requests", kTextList, benchmark<&B::requests>, {},
          "files of questions with answers to choose from, scored at the original window"),
      key("evaluate", "request_limit", kInteger, benchmark<&B::request_limit>, {.also = "limit"},
          "the first so many questions of each file; 0: all"),
      key("evaluate", "ruler", kChoiceList, benchmark<&B::ruler>, {}, "tasks of RULER, at every length"),
      key("evaluate", "ruler_samples", kInteger, benchmark<&B::ruler_samples>, {.low = 1, .high = 1e6},
          "samples of each task and length"),
      key("evaluate", "ruler_prompt", kChoice, benchmark<&B::ruler_prompt>, {},
          "auto: chat where the model has a known template, else base; base: with a worked example in front"),
      key("evaluate", "ruler_questions", kText, benchmark<&B::ruler_questions>, {},
          "file of questions about paragraphs, for qa_1; for qa_2 the next key"),
      key("evaluate", "ruler_questions_2", kText, benchmark<&B::ruler_questions_2>, {},
          "file of questions about paragraphs, for qa_2"),
      key("evaluate", "longppl.evaluator", kText, benchmark<&B::longppl_evaluator>, {},
          "folder of the model that finds the key tokens; default: the one that is evaluated"),
      key("evaluate", "longppl.short", kLength, benchmark<&B::longppl_short>, {.low = 2, .high = kMaxLength},
          "tokens of the short context"),
      key("evaluate", "longppl.stride", kLength, benchmark<&B::longppl_stride>,
          {.low = 1, .high = kMaxLength}, "tokens between two short contexts"),
      key("evaluate", "longppl.gain", kNumber, benchmark<&B::longppl_gain>, {.high = 100, .also = "alpha"},
          "nats that a key token gains by the long context, at least"),
      key("evaluate", "longppl.floor", kNumber, benchmark<&B::longppl_floor>,
          {.low = -100, .high = 0, .also = "beta"}, "its log-probability behind the long context, at least"),
      key("evaluate", "gate.max_short_loss", kShare, benchmark<&B::max_short_loss>, {.high = 1},
          "the run fails where loss at the original window rose, or accuracy on requests fell, by more"),
      key("evaluate", "gate.against", kName, benchmark<&B::gate_against>, {},
          "the evaluate stage before this one that it is compared with; default: the first"),
  };
}

}  // namespace

const std::vector<RecipeKey>& recipe_keys() {
  static const std::vector<RecipeKey> keys = make_keys();
  return keys;
}

const std::vector<std::string>& recipe_sections() {
  static const std::vector<std::string> sections = {"",       "model", "model.architecture", "data", "mesh",
                                                    "engine", "stages"};
  return sections;
}

Field field_of(const RecipeKey& key, Recipe& recipe, StageRecipe* stage) {
  if (key.in_recipe != nullptr) return key.in_recipe(recipe);
  ROPEWAY_CHECK(stage != nullptr, "key {} without a stage", key.name);
  return key.in_stage(*stage);
}

const std::vector<StageKind>& stage_kinds() {
  static const std::vector<StageKind> kinds = {StageKind::kPretrain, StageKind::kSearch, StageKind::kFinetune,
                                               StageKind::kReadjust, StageKind::kEvaluate};
  return kinds;
}

StageKind first_kind_of(const RecipeKey& key) { return first_kind_of(key.stage_kinds); }

bool is_for(const RecipeKey& key, StageKind kind) {
  if (key.section != "stages") return true;
  for (const std::string& word : split_words(key.stage_kinds)) {
    if (word == word_of(kind)) return true;
  }
  return false;
}

std::vector<std::string> split_words(std::string_view words) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < words.size();) {
    const size_t end = std::min(words.find(' ', begin), words.size());
    if (end > begin) out.emplace_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace ropeway
