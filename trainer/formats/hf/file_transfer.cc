#include "trainer/formats/hf/file_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/input_file.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

struct WeightFile {
  fs::path path;
  std::string name;  // in a model directory
};

// The index first: it is the small one. A single file may have any name, as in a checkpoint.
std::vector<WeightFile> weight_files(const ModelDir& model) {
  std::vector<WeightFile> files;
  const fs::path index = model.path / "model.safetensors.index.json";
  if (model.shards.size() == 1 && !fs::exists(index)) {
    return {{model.shards.front().path(), "model.safetensors"}};
  }
  if (model.shards.front().path().filename() != "model.safetensors") {
    files.push_back({index, index.filename().string()});
  }
  for (const SafetensorsFile& shard : model.shards) {
    files.push_back({shard.path(), shard.path().filename().string()});
  }
  return files;
}

// True when all bytes were copied inside the kernel, which may share them; false when it cannot.
bool copy_in_kernel(int from, int to, int64_t bytes) {
  for (int64_t done = 0; done < bytes;) {
    const ssize_t copied =
        ::copy_file_range(from, nullptr, to, nullptr, static_cast<size_t>(bytes - done), 0);
    if (copied <= 0) return false;
    done += copied;
  }
  return true;
}

void copy_durably(const fs::path& from, const fs::path& to) {
  const int source = open_regular_file(from);
  const int target = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (target < 0) {
    const int error = errno;
    ::close(source);
    fail(ErrorKind::kCannotCreate, "{}: cannot create: {}", to.string(), std::strerror(error));
  }
  const bool copied = copy_in_kernel(source, target, static_cast<int64_t>(fs::file_size(from)));
  ::close(source);
  ::close(target);
  std::error_code error;
  if (!copied) fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error)
    fail(ErrorKind::kIo, "{}: copying to {} failed: {}", from.string(), to.string(), error.message());
  fsync_path(to);
  if (sha256_of_file(from) != sha256_of_file(to)) {
    fail(ErrorKind::kIo, "{}: is not what was copied from {}: the disk or its memory is damaged", to.string(),
         from.string());
  }
}

}  // namespace

TransferCounts transfer_weights(const ModelDir& model, const fs::path& to, Transfer transfer) {
  TransferCounts counts;
  for (const auto& [file, name] : weight_files(model)) {
    const fs::path source = fs::canonical(file), target = to / name;
    counts.bytes += static_cast<int64_t>(fs::file_size(source));
    std::error_code error = std::make_error_code(std::errc::not_supported);
    if (transfer != Transfer::kCopy) fs::create_hard_link(source, target, error);
    if (!error) {
      ++counts.hard_links;
    } else if (transfer == Transfer::kLink) {
      fs::create_symlink(source, target, error);
      if (error) fail(ErrorKind::kCannotCreate, "{}: cannot link: {}", target.string(), error.message());
      ++counts.symbolic_links;
    } else {
      copy_durably(source, target);
      ++counts.copied;
    }
  }
  return counts;
}

int64_t bytes_to_transfer(const ModelDir& model, Transfer transfer) {
  if (transfer != Transfer::kCopy) return 0;
  int64_t bytes = 0;
  for (const WeightFile& file : weight_files(model)) bytes += static_cast<int64_t>(fs::file_size(file.path));
  return bytes;
}

}  // namespace ropeway
