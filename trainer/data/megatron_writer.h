// Writes Megatron's .bin and .idx (megatron.h), a sequence per document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "trainer/files/output_file.h"

namespace ropeway {

class MegatronWriter {
 public:
  // target: NAME.bin or NAME.idx. Ids take two bytes where the vocabulary fits into them, as Megatron has it, else
  // four.
  MegatronWriter(const std::filesystem::path& target, int64_t vocab_size);

  void add(std::span<const int32_t> document);
  void publish();  // both files appear, the .bin first
  int id_bytes() const { return id_bytes_; }

 private:
  const std::filesystem::path bin_, idx_;
  const int id_bytes_;
  OutputFile ids_;
  std::vector<int32_t> lengths_;
};

}  // namespace ropeway
