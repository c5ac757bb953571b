#include "launch/describe_gguf.h"

#include "kernels/base/error.h"
#include "launch/describe_model.h"
#include "launch/export_text.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/gguf/gguf_import.h"
#include "trainer/formats/hf/hf_config.h"

namespace ropeway {
namespace {

std::string describe_shape(const GgufFile& file) {
  try {
    const ParsedConfig parsed = read_gguf_config(file);
    return describe_config(parsed.config) + describe_sets(parsed.sets);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    return fmt::format("  cannot be imported: {}\n", error.what());
  }
}

}  // namespace

std::string describe_gguf(const std::filesystem::path& path, bool lists_tensors) {
  const GgufFile file = GgufFile::open(path);
  std::string metadata = fmt::format("metadata: {} keys\n", file.keys().size()), tensors;
  for (const std::string& key : file.keys()) {
    const bool is_short = key.starts_with("general.");
    if (lists_tensors || is_short) metadata += fmt::format("  {:<52} {}\n", key, file.at(key).shown());
  }
  int64_t parameters = 0, bytes = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    tensors += fmt::format("  {:<52} {:<5} [{}]\n", tensor.name, layout_of(tensor.type).name,
                           fmt::join(tensor.shape, ", "));
    parameters += tensor.rows() * tensor.columns();
    bytes += static_cast<int64_t>(tensor.data.size());
  }
  return fmt::format("{}: GGUF\n", path.string()) + describe_shape(file) + metadata +
         fmt::format("tensors: {} ({}), {} parameters, {}\n", file.tensors().size(), gguf_types(file),
                     parameters, size_text(bytes)) +
         (lists_tensors ? tensors : "");
}

}  // namespace ropeway
