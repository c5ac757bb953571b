#include "trainer/data/packing.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>

#include "kernels/base/error.h"
#include "trainer/data/lower_case.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void damaged(const std::string& name, const char* reason) {
  fail(ErrorKind::kBadData, "{}: its packed data are damaged: {}", name, reason);
}

class Gzip : public Unpacker {
 public:
  explicit Gzip(const std::string& name) : name_(name) {
    constexpr int kGzipHeader = 16;
    ROPEWAY_CHECK(inflateInit2(&state_, kGzipHeader + MAX_WBITS) == Z_OK, "inflateInit2");
  }
  ~Gzip() override { inflateEnd(&state_); }

  Step unpack(std::string_view& input, bool, std::vector<char>& output) override {
    if (between_members_) {
      // Zeros behind the last member: from tapes and block devices, passed over by gzip itself.
      input.remove_prefix(std::min(input.find_first_not_of('\0'), input.size()));
      if (input.empty()) return {};
      ROPEWAY_CHECK(inflateReset(&state_) == Z_OK, "inflateReset");
    }
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    state_.avail_in = static_cast<uInt>(input.size());
    state_.next_out = reinterpret_cast<Bytef*>(output.data());
    state_.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&state_, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      damaged(name_, state_.msg == nullptr ? "not a gzip file" : state_.msg);
    }
    input.remove_prefix(input.size() - state_.avail_in);
    between_members_ = result == Z_STREAM_END;
    return {output.size() - state_.avail_out, !between_members_};
  }

 private:
  std::string name_;
  z_stream state_ = {};
  bool between_members_ = false;
};

class Zstd : public Unpacker {
 public:
  explicit Zstd(const std::string& name) : name_(name), state_(ZSTD_createDStream()) {
    ROPEWAY_CHECK(state_ != nullptr, "ZSTD_createDStream");
    constexpr int kMaxWindowLog = 31;
    ROPEWAY_CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(state_, ZSTD_d_windowLogMax, kMaxWindowLog)),
                  "ZSTD_d_windowLogMax {}", kMaxWindowLog);
  }
  ~Zstd() override { ZSTD_freeDStream(state_); }

  Step unpack(std::string_view& input, bool, std::vector<char>& output) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t result = ZSTD_decompressStream(state_, &out, &in);
    if (ZSTD_isError(result)) damaged(name_, ZSTD_getErrorName(result));
    input.remove_prefix(in.pos);
    return {out.pos, result != 0};
  }

 private:
  std::string name_;
  ZSTD_DStream* state_;
};

class Xz : public Unpacker {
 public:
  explicit Xz(const std::string& name) : name_(name) {
    ROPEWAY_CHECK(lzma_auto_decoder(&state_, UINT64_MAX, LZMA_CONCATENATED) == LZMA_OK, "lzma_auto_decoder");
  }
  ~Xz() override { lzma_end(&state_); }

  Step unpack(std::string_view& input, bool last, std::vector<char>& output) override {
    state_.next_in = reinterpret_cast<const uint8_t*>(input.data());
    state_.avail_in = input.size();
    state_.next_out = reinterpret_cast<uint8_t*>(output.data());
    state_.avail_out = output.size();
    const lzma_ret result = lzma_code(&state_, last ? LZMA_FINISH : LZMA_RUN);
    if (result == LZMA_MEM_ERROR) throw std::bad_alloc();
    if (result != LZMA_OK && result != LZMA_STREAM_END && result != LZMA_BUF_ERROR) {
      damaged(name_, result == LZMA_FORMAT_ERROR ? "not an xz file" : "its checks do not match");
    }
    input.remove_prefix(input.size() - state_.avail_in);
    return {output.size() - state_.avail_out, result != LZMA_STREAM_END};
  }

 private:
  std::string name_;
  lzma_stream state_ = LZMA_STREAM_INIT;
};

class Bzip2 : public Unpacker {
 public:
  explicit Bzip2(const std::string& name) : name_(name) { begin(); }
  ~Bzip2() override { BZ2_bzDecompressEnd(&state_); }

  Step unpack(std::string_view& input, bool, std::vector<char>& output) override {
    if (between_members_ && !input.empty()) {  // without input it may still have output to give
      BZ2_bzDecompressEnd(&state_);
      begin();
    }
    if (between_members_) return {};
    state_.next_in = const_cast<char*>(input.data());
    state_.avail_in = static_cast<unsigned>(input.size());
    state_.next_out = output.data();
    state_.avail_out = static_cast<unsigned>(output.size());
    const int result = BZ2_bzDecompress(&state_);
    if (result == BZ_MEM_ERROR) throw std::bad_alloc();
    if (result != BZ_OK && result != BZ_STREAM_END) {
      damaged(name_, result == BZ_DATA_ERROR_MAGIC ? "not a bzip2 file" : "its checks do not match");
    }
    input.remove_prefix(input.size() - state_.avail_in);
    between_members_ = result == BZ_STREAM_END;
    return {output.size() - state_.avail_out, !between_members_};
  }

 private:
  void begin() {
    state_ = {};
    ROPEWAY_CHECK(BZ2_bzDecompressInit(&state_, 0, 0) == BZ_OK, "BZ2_bzDecompressInit");
    between_members_ = false;
  }

  std::string name_;
  bz_stream state_ = {};
  bool between_members_ = false;
};

struct Ending {
  std::string_view text;
  Compression packing;
};
constexpr Ending kEndings[] = {{".gz", Compression::kGzip},   {".zst", Compression::kZstd},
                               {".zstd", Compression::kZstd}, {".xz", Compression::kXz},
                               {".lzma", Compression::kXz},   {".bz2", Compression::kBzip2}};

const Ending* ending_of(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  const auto* found = std::find_if(std::begin(kEndings), std::end(kEndings),
                                   [&](const Ending& ending) { return ending.text == extension; });
  return found == std::end(kEndings) ? nullptr : found;
}

// Frames to be passed over may come first (seekable archives, parallel packers): 0x184D2A50 to 0x184D2A5F.
bool begins_with_zstd(std::string_view front) {
  if (front.starts_with("\x28\xB5\x2F\xFD")) return true;
  return front.size() >= 4 && (front[0] & 0xF0) == 0x50 && front.substr(1, 3) == "\x2A\x4D\x18";
}

bool begins_with_bzip2(std::string_view front) {
  constexpr std::string_view kBlock = "\x31\x41\x59\x26\x53\x59", kEnd = "\x17\x72\x45\x38\x50\x90";
  return front.starts_with("BZh") && front.size() >= 10 && front[3] >= '1' && front[3] <= '9' &&
         (front.substr(4, 6) == kBlock || front.substr(4, 6) == kEnd);
}

}  // namespace

Compression compression_of(std::string_view front, const fs::path& path) {
  using namespace std::string_view_literals;
  if (front.starts_with("\x1F\x8B\x08")) return Compression::kGzip;
  if (begins_with_zstd(front)) return Compression::kZstd;
  if (front.starts_with("\xFD"
                        "7zXZ\0"sv))
    return Compression::kXz;
  if (begins_with_bzip2(front)) return Compression::kBzip2;
  const Ending* ending = ending_of(path);
  return ending == nullptr ? Compression::kNone : ending->packing;
}

const char* word_of(Compression packing) {
  constexpr const char* kWords[] = {"", "gzip", "zstd", "xz", "bzip2"};
  return kWords[static_cast<size_t>(packing)];
}

fs::path unpacked_name(const fs::path& path) { return ending_of(path) == nullptr ? path : path.stem(); }

std::unique_ptr<Unpacker> make_unpacker(Compression packing, const std::string& name) {
  switch (packing) {
    case Compression::kGzip:
      return std::make_unique<Gzip>(name);
    case Compression::kZstd:
      return std::make_unique<Zstd>(name);
    case Compression::kXz:
      return std::make_unique<Xz>(name);
    case Compression::kBzip2:
      return std::make_unique<Bzip2>(name);
    case Compression::kNone:
      break;
  }
  ROPEWAY_CHECK(false, "{}: packing {}", name, static_cast<int>(packing));
  return nullptr;
}

}  // namespace ropeway
