#include "trainer/score/kept_pieces.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/files.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKeyBytes = 64;  // of SHA-256 in hex
constexpr std::chrono::seconds kBetweenWrites{2};

std::string record_of(const std::string& key, const std::string& bytes) {
  ROPEWAY_CHECK(key.size() == kKeyBytes, "a key of {} bytes", key.size());
  const uint64_t size = bytes.size();
  std::string record = key;
  record.append(reinterpret_cast<const char*>(&size), sizeof size);
  return record + bytes + key;
}

// Appends; 0 or an errno.
int append_to(const fs::path& file, const std::string& bytes) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno;
  const int failed = write_all(descriptor, bytes.data(), bytes.size());
  const int synced = failed == 0 && fdatasync(descriptor) != 0 && errno != EINVAL ? errno : 0;
  close(descriptor);
  return failed != 0 ? failed : synced;
}

}  // namespace

KeptPieces::KeptPieces(fs::path file, Communicator& world) : file_(std::move(file)), world_(world) {
  if (world_.rank() == 0 && fs::exists(file_)) {
    try {
      read();
    } catch (const Error& error) {
      log_warning("{}; what it held is computed again", error.what());
    }
  }
  any_ = any_rank(world_, !found_.empty());
}

// A record cut off ends the file: what a later run appends behind it must be found, so it is cut away.
void KeptPieces::read() {
  const std::string all = read_text_file(file_);
  size_t at = 0;
  while (at + kKeyBytes + sizeof(uint64_t) <= all.size()) {
    const std::string key = all.substr(at, kKeyBytes);
    uint64_t size = 0;
    std::memcpy(&size, all.data() + at + kKeyBytes, sizeof size);
    const size_t begin = at + kKeyBytes + sizeof size;
    if (size > all.size() - begin || all.size() - begin - size < kKeyBytes) break;
    if (all.compare(begin + size, kKeyBytes, key) != 0) break;
    found_[key] = all.substr(begin, size);
    at = begin + size + kKeyBytes;
  }
  std::error_code ignored;
  if (at < all.size()) fs::resize_file(file_, at, ignored);
}

std::optional<std::string> KeptPieces::find(const std::function<std::string()>& key) const {
  if (!any_) return std::nullopt;
  std::string told;  // "" or "+bytes"
  if (world_.rank() == 0) {
    const auto piece = found_.find(key());
    if (piece != found_.end()) told = "+" + piece->second;
  }
  told = broadcast_string(world_, std::move(told));
  return told.empty() ? std::nullopt : std::optional(told.substr(1));
}

void KeptPieces::add(const std::function<std::string()>& key, const std::function<std::string()>& bytes) {
  if (world_.rank() == 0 && !broken_) pending_ += record_of(key(), bytes());
}

void KeptPieces::write_now() {
  written_ = std::chrono::steady_clock::now();
  if (pending_.empty() || broken_) return;
  const int failed = append_to(file_, pending_);
  pending_.clear();
  if (failed == 0) return;
  broken_ = true;
  log_warning("{}: cannot be written: {}; the evaluation goes on without it", file_.string(),
              std::generic_category().message(failed));
}

void KeptPieces::write_when_due() {
  if (std::chrono::steady_clock::now() - written_ >= kBetweenWrites) write_now();
}

void KeptPieces::clear() {
  any_ = false;
  found_.clear();
  pending_.clear();
  std::error_code ignored;
  if (world_.rank() == 0) fs::remove(file_, ignored);
}

}  // namespace ropeway
