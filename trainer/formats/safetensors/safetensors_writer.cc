#include "trainer/formats/safetensors/safetensors_writer.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/formats/safetensors/safetensors_header.h"

namespace ropeway {

static_assert(std::endian::native == std::endian::little, "safetensors data is written as it lies in memory");

namespace {

std::vector<TensorStream> as_streams(const std::vector<TensorToWrite>& tensors, const std::string& where) {
  std::vector<TensorStream> streams;
  streams.reserve(tensors.size());
  for (const TensorToWrite& tensor : tensors) {
    const int64_t bytes = checked_tensor_bytes(tensor.dtype, tensor.shape, where, tensor.name);
    ROPEWAY_CHECK(bytes == 0 || tensor.data != nullptr, "{}: tensor '{}' has no data", where, tensor.name);
    streams.push_back({tensor.name, tensor.dtype, tensor.shape,
                       [data = tensor.data, bytes](const PutBytes& put) { put(data, bytes); }});
  }
  return streams;
}

}  // namespace

void stream_safetensors(OutputFile& file, const std::vector<TensorStream>& tensors,
                        std::map<std::string, std::string> metadata) {
  const std::string where = file.path().string();
  std::vector<const TensorStream*> order;
  for (const TensorStream& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorStream* a, const TensorStream* b) {
    return std::pair(-bytes_of(a->dtype), a->name) < std::pair(-bytes_of(b->dtype), b->name);
  });

  metadata.try_emplace(
      "format", "pt");  // transformers refuses a file that does not say which framework's layout it has
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const TensorStream* tensor : order) {
    check_tensor_name(tensor->name, where);
    const int64_t bytes = checked_tensor_bytes(tensor->dtype, tensor->shape, where, tensor->name);
    ROPEWAY_CHECK(!header.contains(tensor->name), "{}: tensor '{}' given twice", where, tensor->name);
    header[tensor->name] = {{"dtype", std::string(name_of(tensor->dtype))},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  ROPEWAY_CHECK(static_cast<int64_t>(text.size()) <= kMaxSafetensorsHeaderBytes, "{}: a header of {} bytes",
                where, text.size());
  const uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), static_cast<int64_t>(text.size()));
  for (const TensorStream* tensor : order) {
    const int64_t before = file.bytes();
    tensor->produce([&](const void* data, int64_t bytes) { file.write(data, bytes); });
    const int64_t bytes = checked_tensor_bytes(tensor->dtype, tensor->shape, where, tensor->name);
    ROPEWAY_CHECK(file.bytes() - before == bytes, "{}: tensor '{}' came in {} bytes, wanted {}", where,
                  tensor->name, file.bytes() - before, bytes);
  }
}

void stream_safetensors(OutputFile& file, const std::vector<TensorToWrite>& tensors,
                        std::map<std::string, std::string> metadata) {
  stream_safetensors(file, as_streams(tensors, file.path().string()), std::move(metadata));
}

namespace {

template <typename Tensor>
int64_t sum_of_bytes(const std::vector<Tensor>& tensors) {
  int64_t total = 0;
  for (const Tensor& tensor : tensors) {
    total += checked_tensor_bytes(tensor.dtype, tensor.shape, "tensors to write", tensor.name);
  }
  return total;
}

}  // namespace

int64_t bytes_of_all(const std::vector<TensorStream>& tensors) { return sum_of_bytes(tensors); }
int64_t bytes_of_all(const std::vector<TensorToWrite>& tensors) { return sum_of_bytes(tensors); }

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors,
                       std::map<std::string, std::string> metadata) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::filesystem::path temporary =
      folder / fmt::format(".{}.tmp-{}", path.filename().string(), make_uuid());
  {
    OutputFile file(temporary);
    stream_safetensors(file, tensors, std::move(metadata));
    file.keep();
  }
  rename_file(temporary, path);
}

}  // namespace ropeway
