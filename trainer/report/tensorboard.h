// TensorBoard event file: records of {u64 length, masked CRC32C of it, Event, masked CRC32C of the event}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ropeway {

// CRC-32C of the bytes, rotated and offset the way TFRecord stores it.
uint32_t masked_crc32c(const void* data, size_t bytes);

class TensorBoardWriter {
 public:
  // Opens (or, after an interruption, adds) one event file in the folder. A file that cannot be written warns
  // once.
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  ~TensorBoardWriter();
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;

  void scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values);
  // Markdown, on the page TEXT.
  void text(const std::string& tag, const std::string& markdown);
  // The values that a run is compared by, on the page HPARAMS.
  void hyperparameters(const std::vector<std::pair<std::string, std::string>>& values);

 private:
  void tensor(const std::string& tag, const std::string& plugin, const std::string& content,
              const std::string& value);
  void record(const std::string& bytes);

  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace ropeway
