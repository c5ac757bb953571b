#include "trainer/formats/gguf/gguf_export.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/family/weight_names.h"
#include "trainer/files/fault_point.h"
#include "trainer/files/files.h"
#include "trainer/files/output_place.h"
#include "trainer/files/staged_folder.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/unfinished.h"
#include "trainer/formats/gguf/dequantize.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_family.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/gguf/gguf_tokenizer_write.h"
#include "trainer/formats/gguf/gguf_writer.h"
#include "trainer/formats/safetensors/convert_elements.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/clipped.h"
#include "trainer/rope/factor_file.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPieceBytes = 1 << 20;

// llama.cpp's numbers for what most of a file is stored as.
int64_t file_type(GgmlType type) {
  return type == GgmlType::kF32 ? 0 : type == GgmlType::kF16 ? 1 : type == GgmlType::kQ8_0 ? 7 : 32;
}

bool is_original_rope(const FactorSet& set) {
  return set.attention_temperature == 1 &&
         std::all_of(set.factors.begin(), set.factors.end(), [](double factor) { return factor == 1; });
}

// Rows of a safetensors tensor in GGUF's order and type.
struct RowSource {
  const SafetensorsFile* file;
  std::string name;
  int64_t rows, columns, reordered_head_dim;
  double norm_offset;
  GgmlType type;

  void operator()(const PutBytes& put) const {
    const TensorInfo& info = file->tensors().at(name);
    const std::byte* data = file->data(name).data();
    const int64_t element = bytes_of(info.dtype), row_bytes = ggml_row_bytes(type, columns);
    std::vector<float> values(static_cast<size_t>(columns));
    std::vector<std::byte> piece;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t from = reordered_head_dim > 0 ? hf_row(row, reordered_head_dim) : row;
      convert_elements(data + from * columns * element, info.dtype, values.data(), DType::kF32, columns);
      if (norm_offset != 0) {  // adding 0 would turn -0 into 0
        for (float& value : values) value += static_cast<float>(norm_offset);
      }
      const size_t at = piece.size();
      piece.resize(at + static_cast<size_t>(row_bytes));
      if (!quantize_row(type, values.data(), columns, piece.data() + at)) {
        fail(ErrorKind::kBadData, WayOut::kStoreBF16, "{}: tensor '{}': has values that {} cannot hold",
             file->path().string(), name, layout_of(type).name);
      }
      if (static_cast<int64_t>(piece.size()) >= kPieceBytes) {
        put(piece.data(), static_cast<int64_t>(piece.size()));
        piece.clear();
      }
    }
    put(piece.data(), static_cast<int64_t>(piece.size()));
  }
};

// A bias is a column, one element per row, while its rows are put in order.
GgufTensorToWrite weight_of(const ModelDir& model, const NamedShape& weight, GgmlType matrix_type) {
  const bool is_vector = weight.shape.size() == 1;
  const GgmlType type = is_vector ? GgmlType::kF32 : matrix_type;
  const int64_t rows = weight.shape[0], columns = is_vector ? 1 : weight.shape[1];
  if (columns % layout_of(type).block_elements != 0) {
    fail(ErrorKind::kBadData,
         "{}: tensor '{}': rows of {} elements, which {} cannot hold: wanted a multiple of {}",
         model.path.string(), weight.name, columns, layout_of(type).name, layout_of(type).block_elements);
  }
  const int64_t head_dim = reordered_head_dim(model.config, weight.name);
  return {gguf_weight_name(family_of(model.config.model_type), weight.name), type, weight.shape,
          RowSource{&model.shard_of(weight.name), weight.name, rows, columns, head_dim,
                    gguf_norm_offset(model.config, weight.name), type}};
}

GgufTensorToWrite factor_table(const char* name, const FactorSet& set) {
  const std::vector<double> factors = with_finite_factors(set.factors);
  const std::vector<float> values(factors.begin(), factors.end());
  return {name, GgmlType::kF32, {static_cast<int64_t>(values.size())}, [values](const PutBytes& put) {
            put(values.data(), static_cast<int64_t>(values.size() * sizeof(float)));
          }};
}

class Exporter {
 public:
  explicit Exporter(const GgufExport& what)
      : what_(what),
        config_(what.model.config),
        family_(family_of(config_.model_type)),
        prefix_(std::string(family_.gguf_architecture) + ".") {}

  void collect() {
    check();
    add_shape();
    add_rope();
    add_own_keys();
    add_tokenizer_files();
    for (const NamedShape& weight : weight_names(config_)) {
      tensors_.push_back(weight_of(what_.model, weight, what_.type));
    }
  }
  const GgufMetadata& metadata() const { return metadata_; }
  const std::vector<GgufTensorToWrite>& tensors() const { return tensors_; }

 private:
  void check() const {
    const std::string where = what_.model.path.string();
    const bool plain = !what_.factors.long_set && is_original_rope(what_.factors.short_set);
    const auto& architecture = family_.gguf_architecture;
    if (!plain && architecture != "llama" && architecture != "phi3") {
      fail(ErrorKind::kBadData, WayOut::kExportPlain,
           "{}: llama.cpp reads RoPE factors in its architectures llama and phi3, this model's is {}", where,
           architecture);
    }
    if (config_.sliding_window > 0 && config_.sliding_window < what_.factors.max_length &&
        architecture != "phi3" && family_.sliding_window != SlidingWindowKeys::kPattern) {
      fail(ErrorKind::kBadData, "{}: layers attend to {} tokens, which GGUF's architecture {} cannot say",
           where, config_.sliding_window, architecture);
    }
    require_gguf_family(config_, where);
  }

  void add_shape() {
    metadata_.add_string("general.architecture", family_.gguf_architecture);
    metadata_.add_string("general.type", "model");
    metadata_.add_string("general.name",
                         what_.name.empty() ? what_.model.path.filename().string() : what_.name);
    metadata_.add_u32("general.file_type", file_type(what_.type));
    metadata_.add_u32("general.quantization_version", 2);
    metadata_.add_u32(prefix_ + "block_count", config_.num_layers);
    metadata_.add_u32(prefix_ + "context_length", what_.factors.max_length);
    metadata_.add_u32(prefix_ + "embedding_length", config_.hidden_size);
    metadata_.add_u32(prefix_ + "feed_forward_length", config_.intermediate_size);
    metadata_.add_u32(prefix_ + "attention.head_count", config_.num_heads);
    metadata_.add_u32(prefix_ + "attention.head_count_kv", config_.num_kv_heads);
    metadata_.add_u32(prefix_ + "attention.key_length", config_.head_dim);
    metadata_.add_u32(prefix_ + "attention.value_length", config_.head_dim);
    metadata_.add_f32(prefix_ + "attention.layer_norm_rms_epsilon", config_.rms_norm_eps);
    metadata_.add_u32(prefix_ + "vocab_size", config_.vocab_size);
    add_gguf_family_keys(config_, prefix_, metadata_);
  }

  void add_rope() {
    metadata_.add_u32(prefix_ + "rope.dimension_count", 2 * config_.rotary_pairs());
    metadata_.add_f32(prefix_ + "rope.freq_base", config_.rope_theta);
    const FactorSet& short_set = what_.factors.short_set;
    if (!what_.factors.long_set && is_original_rope(short_set)) return;
    const FactorSet& long_set = what_.factors.long_set ? *what_.factors.long_set : short_set;
    // What the model was trained under, at every length it has, as Llama 3: llama.cpp's llama has one list.
    if (family_.gguf_architecture == "llama" && what_.factors.max_length == config_.original_window &&
        long_set.factors == short_set.factors && long_set.attention_temperature == 1 &&
        short_set.attention_temperature == 1) {
      tensors_.push_back(factor_table(kRopeFreqs, short_set));
      return;
    }
    metadata_.add_string(prefix_ + "rope.scaling.type", "longrope");
    metadata_.add_u32(prefix_ + "rope.scaling.original_context_length", config_.original_window);
    metadata_.add_f32(prefix_ + "rope.scaling.attn_factor", long_set.attention_temperature);
    tensors_.push_back(factor_table(kRopeFactorsLong, long_set));
    tensors_.push_back(factor_table(kRopeFactorsShort, short_set));
  }

  void add_own_keys() {
    for (const Family& family : families()) {
      if (family.gguf_architecture != family_.gguf_architecture) continue;
      if (&family != &family_) metadata_.add_string(kRopewayModelType, family_.model_type);
      break;
    }
    if (!what_.model.sets.empty()) {
      metadata_.add_string(kRopewayFactorSets, factor_sets_to_json(what_.model.sets, what_.model.weights));
    }
  }

  std::string text_of(const char* name) const {
    if (const auto it = what_.files.find(name); it != what_.files.end()) return it->second;
    const fs::path path = what_.tokenizer_folder / name;
    return what_.tokenizer_folder.empty() || !fs::exists(path) ? "" : read_text_file(path);
  }

  // Without a tokenizer, the ids are all that is known of its special tokens.
  void add_token_ids() {
    int64_t padding = -1;
    if (const std::string text = text_of("generation_config.json"); !text.empty()) {
      const auto json = parse_strict_json(text, (what_.tokenizer_folder / "generation_config.json").string());
      if (const auto id = json.find("pad_token_id")) padding = id->integer(-1, INT32_MAX);
    }
    for (const auto& [key, id] :
         {std::pair("bos_token_id", config_.bos_token_id), std::pair("eos_token_id", config_.eos_token_id),
          std::pair("padding_token_id", padding)}) {
      if (id >= 0 && id < config_.vocab_size) metadata_.add_u32(fmt::format("tokenizer.ggml.{}", key), id);
    }
  }

  void add_tokenizer_files() {
    const TokenizerText text{(what_.tokenizer_folder / "tokenizer.json").string(), text_of("tokenizer.json"),
                             text_of("tokenizer_config.json"), text_of("chat_template.jinja")};
    const fs::path sentencepiece = what_.tokenizer_folder / "tokenizer.model";
    if (text.tokenizer.empty() && !what_.tokenizer_folder.empty() && fs::exists(sentencepiece)) {
      fail(ErrorKind::kBadData,
           "{}: GGUF files get their tokenizer from a tokenizer.json; this is a SentencePiece model alone. "
           "Convert: python3 -c \"from transformers import AutoTokenizer as T; "
           "T.from_pretrained('{}').save_pretrained('converted')\"",
           sentencepiece.string(), what_.tokenizer_folder.string());
    }
    if (text.tokenizer.empty()) {
      metadata_.add_string("tokenizer.ggml.model", "none");
      add_token_ids();
    } else {
      add_tokenizer(text, config_, metadata_);
    }
  }

  const GgufExport& what_;
  const ModelConfig& config_;
  const Family& family_;
  std::string prefix_;
  GgufMetadata metadata_;
  std::vector<GgufTensorToWrite> tensors_;
};

}  // namespace

void export_gguf(const GgufExport& what, const fs::path& name) {
  const fs::path target = follow_links(name);
  if (fs::exists(target) && !(what.replace && fs::is_regular_file(target))) {
    if (!fs::is_regular_file(target)) {
      fail(ErrorKind::kCannotCreate, "{}: exists and is not a file", target.string());
    }
    fail(ErrorKind::kCannotCreate, WayOut::kReplaceOutput, "{}: exists", target.string());
  }
  Exporter exporter(what);
  exporter.collect();
  int64_t bytes = static_cast<int64_t>(exporter.metadata().bytes().size());
  for (const GgufTensorToWrite& tensor : exporter.tensors()) bytes += bytes_of(tensor);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  remove_unfinished(target);  // before the free space is counted
  require_writable_folder(folder, bytes);
  const fs::path temporary = unfinished_name(target);
  OutputFile file(temporary);
  MakerLock lock;
  if (!lock.take(temporary)) {
    fail(ErrorKind::kIo, "{}: another process for the same file has removed it", temporary.string());
  }
  stream_gguf(file, exporter.metadata(), exporter.tensors());
  file.keep();
  fault_point("export.gguf_written");
  try {
    if (sha256_of_file(temporary) != file.sha256()) {
      fail(ErrorKind::kIo, "{}: what was read back is not what was written", temporary.string());
    }
    const GgufFile written = GgufFile::open(temporary);
    read_gguf_config(written);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
  rename_file(temporary, target);
}

}  // namespace ropeway
