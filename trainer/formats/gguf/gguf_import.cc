#include "trainer/formats/gguf/gguf_import.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/gguf/dequantize.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/gguf/gguf_tokenizer_read.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/formats/hf/weight_check.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPieceBytes = 1 << 20;

GgmlType stored_as(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return GgmlType::kF32;
    case DType::kF16:
      return GgmlType::kF16;
    case DType::kBF16:
      return GgmlType::kBF16;
    default:
      break;
  }
  fail(ErrorKind::kUsage, "weights cannot be written as {}, wanted BF16, F16 or F32", name_of(dtype));
}

// Rows of the Hugging Face tensor, in order; a bias has one element per row.
struct RowSource {
  const GgufTensor* tensor;
  std::string where;
  int64_t reordered_head_dim;  // 0: the rows lie as they are
  double norm_offset;          // that the file's values have and the model's have not
  GgmlType type;

  void operator()(const PutBytes& put) const {
    if (tensor->shape.size() == 1) {
      put_vector(put);
      return;
    }
    const int64_t columns = tensor->columns(), row_bytes = ggml_row_bytes(type, columns);
    std::vector<float> values(static_cast<size_t>(columns));
    std::vector<std::byte> piece;
    for (int64_t row = 0; row < tensor->rows(); ++row) {
      tensor->read_row(reordered_head_dim > 0 ? gguf_row(row, reordered_head_dim) : row, values.data());
      const size_t at = piece.size();
      piece.resize(at + static_cast<size_t>(row_bytes));
      convert(values, piece.data() + at);
      if (static_cast<int64_t>(piece.size()) >= kPieceBytes) {
        put(piece.data(), static_cast<int64_t>(piece.size()));
        piece.clear();
      }
    }
    put(piece.data(), static_cast<int64_t>(piece.size()));
  }

 private:
  void put_vector(const PutBytes& put) const {
    const int64_t size = tensor->columns();
    std::vector<float> stored(static_cast<size_t>(size)), values(stored);
    tensor->read_row(0, stored.data());
    for (int64_t i = 0; i < size; ++i) {
      const float value = stored[reordered_head_dim > 0 ? gguf_row(i, reordered_head_dim) : i];
      values[i] = value - static_cast<float>(norm_offset);
    }
    std::vector<std::byte> bytes(static_cast<size_t>(ggml_row_bytes(type, size)));
    convert(values, bytes.data());
    put(bytes.data(), static_cast<int64_t>(bytes.size()));
  }

  void convert(const std::vector<float>& values, std::byte* out) const {
    if (quantize_row(type, values.data(), static_cast<int64_t>(values.size()), out)) return;
    fail(ErrorKind::kBadData, WayOut::kStoreBF16, "{}: tensor '{}': has values beyond the range of {}", where,
         tensor->name, layout_of(type).name);
  }
};

// What import writes, every other verb must be able to read.
void check_tokenizer(const std::map<std::string, std::string>& files, const GgufFile& file,
                     const ModelConfig& config) {
  const auto json = files.find("tokenizer.json");
  if (json == files.end()) return;
  const auto tokenizer = tokenizer_of_json(json->second, file.where() + " (as tokenizer.json)");
  require_tokenizer_fits(*tokenizer, config.vocab_size, file.where());
}

}  // namespace

std::string gguf_types(const GgufFile& file) {
  std::map<std::string_view, int64_t> counts;
  for (const GgufTensor& tensor : file.tensors()) ++counts[layout_of(tensor.type).name];
  std::vector<std::pair<int64_t, std::string_view>> sorted;
  for (const auto& [name, count] : counts) sorted.emplace_back(-count, name);
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const auto& [count, name] : sorted)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", -count, name);
  return text;
}

std::vector<TensorStream> gguf_weight_streams(const GgufFile& file, const ModelConfig& config, DType dtype) {
  const GgmlType type = stored_as(dtype);
  const Family& family = family_of(config.model_type);
  std::map<std::string, std::vector<int64_t>> expected;
  std::vector<TensorStream> streams;
  for (NamedShape& weight : weight_names(config)) {
    const std::string name = gguf_weight_name(family, weight.name);
    const double norm_offset = gguf_norm_offset(config, weight.name);
    const int64_t head_dim = reordered_head_dim(config, weight.name);
    expected.emplace(name, weight.shape);
    if (const GgufTensor* tensor = file.find_tensor(name)) {
      streams.push_back({std::move(weight.name), dtype, std::move(weight.shape),
                         RowSource{tensor, file.where(), head_dim, norm_offset, type}});
    }
  }
  std::map<std::string, FoundTensor> found;
  for (const GgufTensor& tensor : file.tensors()) {
    if (!is_gguf_rope_table(tensor.name)) found.emplace(tensor.name, FoundTensor{DType::kF32, tensor.shape});
  }
  check_tensors(found, expected, file.where(), "the metadata");
  return streams;
}

GgufImportResult import_gguf(const fs::path& source, const fs::path& target,
                             const GgufImportOptions& options) {
  const GgufFile file = GgufFile::open(source);
  const ParsedConfig parsed = read_gguf_config(file);
  const CountedTensors weights(gguf_weight_streams(file, parsed.config, options.dtype));
  const std::map<std::string, std::string> small_files = read_gguf_tokenizer(file);
  check_tokenizer(small_files, file, parsed.config);
  const auto accept = [&] {
    if (const auto found = weights.non_finite(); options.finite_only && !found.empty()) {
      fail(ErrorKind::kBadData, "{}: weights are NaN or infinite: {}", file.where(),
           describe_non_finite(found));
    }
  };
  stream_model_dir(target,
                   {parsed.config, parsed.sets, weights.tensors(), small_files, parsed.weights, accept},
                   options.replace);
  return {gguf_types(file), small_files.contains("tokenizer.json"), weights.non_finite()};
}

}  // namespace ropeway
