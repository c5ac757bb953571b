#include "trainer/data/byte_stream.h"

#include <zlib.h>
#include <zstd.h>

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
  std::string name() const { return file_.path().string(); }

 private:
  InputFile file_;
  Sha256 hash_;
  std::vector<char> buffer_;
};

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(const std::filesystem::path& path) : file_(path) {}
  bool read(std::string& to) override {
    const std::string_view piece = file_.next();
    to += piece;
    return !piece.empty();
  }
  std::string file_sha256() override { return file_.sha256(); }

 private:
  HashedFile file_;
};

// What both packers need: input in pieces, output room, and the end of one member of several.
class PackedStream : public ByteStream {
 public:
  explicit PackedStream(const std::filesystem::path& path) : file_(path), output_(kPieceBytes) {}

  bool read(std::string& to) override {
    for (;;) {
      if (input_.empty() && !at_end_) {
        input_ = file_.next();
        at_end_ = input_.empty();
      }
      if (at_end_ && !in_member_) return false;
      const size_t produced = unpack(input_, output_, in_member_);
      to.append(output_.data(), produced);
      if (produced > 0) return true;
      if (at_end_ && in_member_) {
        fail(ErrorKind::kBadData, "{}: ends in the middle of its packed data: cut short", file_.name());
      }
    }
  }
  std::string file_sha256() override { return file_.sha256(); }

 protected:
  // Takes from the front of `input`, returns how many bytes of `output` it filled; in_member: more belongs to
  // what has begun.
  virtual size_t unpack(std::string_view& input, std::vector<char>& output, bool& in_member) = 0;
  [[noreturn]] void damaged(const char* reason) const {
    fail(ErrorKind::kBadData, "{}: its packed data are damaged: {}", file_.name(), reason);
  }

 private:
  HashedFile file_;
  std::string_view input_;
  std::vector<char> output_;
  bool at_end_ = false, in_member_ = true;  // an empty file is no packed one
};

class GzipStream : public PackedStream {
 public:
  explicit GzipStream(const std::filesystem::path& path) : PackedStream(path) {
    constexpr int kGzipHeader = 16;
    ROPEWAY_CHECK(inflateInit2(&state_, kGzipHeader + MAX_WBITS) == Z_OK, "inflateInit2");
  }
  ~GzipStream() override { inflateEnd(&state_); }

 protected:
  size_t unpack(std::string_view& input, std::vector<char>& output, bool& in_member) override {
    if (!in_member && !input.empty()) ROPEWAY_CHECK(inflateReset(&state_) == Z_OK, "inflateReset");
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    state_.avail_in = static_cast<uInt>(input.size());
    state_.next_out = reinterpret_cast<Bytef*>(output.data());
    state_.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&state_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      damaged(state_.msg == nullptr ? "not a gzip file" : state_.msg);
    }
    input.remove_prefix(input.size() - state_.avail_in);
    in_member = result != Z_STREAM_END;
    return output.size() - state_.avail_out;
  }

 private:
  z_stream state_ = {};
};

class ZstdStream : public PackedStream {
 public:
  explicit ZstdStream(const std::filesystem::path& path) : PackedStream(path), state_(ZSTD_createDStream()) {
    ROPEWAY_CHECK(state_ != nullptr, "ZSTD_createDStream");
  }
  ~ZstdStream() override { ZSTD_freeDStream(state_); }

 protected:
  // The library's own bound on the window, 128 MiB, holds.
  size_t unpack(std::string_view& input, std::vector<char>& output, bool& in_member) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t result = ZSTD_decompressStream(state_, &out, &in);
    if (ZSTD_isError(result)) damaged(ZSTD_getErrorName(result));
    input.remove_prefix(in.pos);
    in_member = result != 0;
    return out.pos;
  }

 private:
  ZSTD_DStream* state_;
};

}  // namespace

std::unique_ptr<ByteStream> ByteStream::open(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".gz") return std::make_unique<GzipStream>(path);
  if (extension == ".zst") return std::make_unique<ZstdStream>(path);
  return std::make_unique<PlainStream>(path);
}

}  // namespace ropeway
