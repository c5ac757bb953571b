#include "tests/pretend_gpu/kernel_code.h"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ropeway::pretend {
namespace {

struct Wrapper {
  uint32_t magic, version;
  const char* data;
};
struct Binary {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;  // behind the header
};
struct Entry {
  uint16_t kind, unknown;
  uint32_t header_bytes;
  uint64_t bytes;
  uint64_t others[3];
  uint64_t flags;
};
constexpr uint32_t kWrapperMagic = 0x466243b1, kBinaryMagic = 0xba55ed50;
constexpr uint16_t kElf = 2;
constexpr uint64_t kCompressed = 0xa000;  // by either method

template <typename T>
T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Attributes: a byte that tells how the value is kept, a byte for what it is, two for the value or its
// length.
void read_attributes(std::string_view info, KernelCode& code) {
  constexpr uint8_t kWithLength = 4, kParameter = 0x17, kMaxThreads = 0x05;
  for (size_t at = 0; at + 4 <= info.size();) {
    const char* record = info.data() + at;
    const auto form = read<uint8_t>(record), attribute = read<uint8_t>(record + 1);
    const auto length = read<uint16_t>(record + 2);
    at += 4;
    if (form != kWithLength) continue;
    if (at + length > info.size()) return;
    if (attribute == kMaxThreads && length >= 12) {
      code.max_threads =
          read<uint32_t>(record + 4) * read<uint32_t>(record + 8) * read<uint32_t>(record + 12);
    }
    if (attribute == kParameter && length >= 12) {
      const auto ordinal = read<uint16_t>(record + 8);
      if (code.parameters.size() <= ordinal) code.parameters.resize(ordinal + 1u);
      code.parameters[ordinal] = read<uint32_t>(record + 12) >> 18;
    }
    at += length;
  }
}

void read_elf(const char* file, std::map<std::string, KernelCode>& kernels) {
  constexpr std::string_view kInfo = ".nv.info.", kShared = ".nv.shared.";
  if (std::memcmp(file, ELFMAG, SELFMAG) != 0) return;
  const auto header = read<Elf64_Ehdr>(file);
  const auto section = [&](size_t i) {
    return read<Elf64_Shdr>(file + header.e_shoff + i * header.e_shentsize);
  };
  const char* names = file + section(header.e_shstrndx).sh_offset;
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr here = section(i);
    const std::string_view name = names + here.sh_name;
    if (name.substr(0, kInfo.size()) == kInfo) {
      read_attributes({file + here.sh_offset, here.sh_size}, kernels[std::string(name.substr(kInfo.size()))]);
    } else if (name.substr(0, kShared.size()) == kShared) {
      kernels[std::string(name.substr(kShared.size()))].shared = here.sh_size;
    }
  }
}

}  // namespace

std::map<std::string, KernelCode> kernels_in(const void* fat_binary) {
  std::map<std::string, KernelCode> kernels;
  const auto wrapper = read<Wrapper>(static_cast<const char*>(fat_binary));
  if (wrapper.magic != kWrapperMagic) return kernels;
  const auto binary = read<Binary>(wrapper.data);
  if (binary.magic != kBinaryMagic) return kernels;
  const char* at = wrapper.data + binary.header_bytes;
  for (const char* end = at + binary.bytes; at < end;) {
    const auto entry = read<Entry>(at);
    if (entry.kind == kElf && (entry.flags & kCompressed) == 0) read_elf(at + entry.header_bytes, kernels);
    at += entry.header_bytes + entry.bytes;
  }
  return kernels;
}

}  // namespace ropeway::pretend
