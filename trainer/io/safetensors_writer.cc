#include "trainer/io/safetensors_writer.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/io/safetensors_header.h"

namespace ropeway {

static_assert(std::endian::native == std::endian::little, "safetensors data is written as it lies in memory");

void stream_safetensors(OutputFile& file, const std::vector<TensorToWrite>& tensors,
                        std::map<std::string, std::string> metadata) {
  const std::string where = file.path().string();
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return std::pair(-bytes_of(a->dtype), a->name) < std::pair(-bytes_of(b->dtype), b->name);
  });

  metadata.try_emplace(
      "format", "pt");  // transformers refuses a file that does not say which framework's layout it has
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const TensorToWrite* tensor : order) {
    check_tensor_name(tensor->name, where);
    const int64_t bytes = checked_tensor_bytes(tensor->dtype, tensor->shape, where, tensor->name);
    ROPEWAY_CHECK(!header.contains(tensor->name), "{}: tensor '{}' given twice", where, tensor->name);
    ROPEWAY_CHECK(bytes >= 0 && (bytes == 0 || tensor->data != nullptr), "{}: tensor '{}' has no data", where,
                  tensor->name);
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
  for (const TensorToWrite* tensor : order) {
    file.write(tensor->data, checked_tensor_bytes(tensor->dtype, tensor->shape, where, tensor->name));
  }
}

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
