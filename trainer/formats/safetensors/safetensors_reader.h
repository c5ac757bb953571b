// Reader of the safetensors format: 8-byte little-endian header length, JSON header, raw
// little-endian data. Strict: every rule of the reference validator, plus duplicate names, with messages that
// name file, tensor and numbers. The reader maps the file; tensors are spans into the mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"

namespace ropeway {

struct TensorInfo {
  DType dtype;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // bytes within the data section
};

class SafetensorsFile {
 public:
  // Throws kMissingInput, kBadData (any broken rule), kIo.
  static SafetensorsFile open(const std::filesystem::path& path);
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
  ~SafetensorsFile();

  const std::map<std::string, TensorInfo>& tensors() const;
  const std::map<std::string, std::string>& metadata() const;
  const std::filesystem::path& path() const;
  // The tensor's bytes; throws kBadData naming file and tensor when there is none of that name. Files of
  // other writers may place it at an odd address: copy with memcpy.
  std::span<const std::byte> data(const std::string& name) const;
  // The tensor goes by another name from here on; one of that name must not be there.
  void rename(const std::string& name, const std::string& new_name);

 private:
  struct State;
  explicit SafetensorsFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
