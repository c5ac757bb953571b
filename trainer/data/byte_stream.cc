#include "trainer/data/byte_stream.h"

#include <string_view>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/files/input_file.h"
#include "trainer/files/sha256.h"

namespace ropeway {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

// Reads the file and keeps its hash.
class HashedFile {
 public:
  explicit HashedFile(const std::filesystem::path& path) : file_(path), buffer_(kPieceBytes) {}

  std::string_view next() {
    const size_t bytes = file_.read(buffer_.data(), buffer_.size());
    hash_.update(buffer_.data(), bytes);
    return {buffer_.data(), bytes};
  }
  std::string sha256() { return hash_.finish(); }

 private:
  InputFile file_;
  Sha256 hash_;
  std::vector<char> buffer_;
};

}  // namespace

struct ByteStream::State {
  explicit State(const std::filesystem::path& path) : name(path.string()), file(path), input(file.next()) {
    packing = compression_of(input, path);
    at_end = input.empty();
    if (packing != Compression::kNone) {
      unpacker = make_unpacker(packing, name);
      output.resize(kPieceBytes);
    }
  }

  bool read_plain(std::string& to) {
    if (at_end) return false;
    to += input;
    refill();
    return true;
  }

  bool read_packed(std::string& to) {
    for (;;) {
      if (at_end && !in_member) return false;
      const Unpacker::Step step = unpacker->unpack(input, at_end, output);
      in_member = step.in_member;
      to.append(output.data(), step.produced);
      if (input.empty() && !at_end) refill();
      if (step.produced > 0) return true;
      if (at_end && in_member && ++idle > 1) {
        fail(ErrorKind::kBadData, "{}: ends in the middle of its packed data: cut short", name);
      }
    }
  }

  void refill() {
    input = file.next();
    at_end = input.empty();
  }

  std::string name;
  HashedFile file;
  std::string_view input;
  Compression packing = Compression::kNone;
  std::unique_ptr<Unpacker> unpacker;
  std::vector<char> output;
  bool at_end = false, in_member = true;  // an empty file is no packed one
  int idle = 0;                           // steps that brought nothing after the end of the file
};

ByteStream::ByteStream(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
ByteStream::~ByteStream() = default;

Compression ByteStream::compression() const { return state_->packing; }
bool ByteStream::read(std::string& to) {
  return state_->unpacker ? state_->read_packed(to) : state_->read_plain(to);
}
std::string ByteStream::file_sha256() { return state_->file.sha256(); }

}  // namespace ropeway
