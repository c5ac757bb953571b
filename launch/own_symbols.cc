#include "launch/own_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/signal_line.h"

namespace ropeway {
namespace {

// Of the program in memory: what is added to the addresses in its file, and the end of its code.
uintptr_t g_offset = 0, g_begin = 0, g_end = 0;

int take_program(dl_phdr_info* info, size_t, void*) {
  g_offset = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    g_begin = g_offset + segment.p_vaddr;
    g_end = g_begin + segment.p_memsz;
  }
  return 1;  // the program comes first, and the libraries are not wanted
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// _ZN7ropeway12_GLOBAL__N_18Training3runEv -> ropeway::Training::run. False: a name of another form.
bool add_qualified(const char* mangled, SignalLine& line) {
  if (std::strncmp(mangled, "_ZN", 3) != 0) return false;
  const char* at = mangled + 3;
  while (*at == 'K' || *at == 'V') ++at;
  SignalLine checked = line;
  for (bool first = true; is_digit(*at); first = false) {
    size_t length = 0;
    while (is_digit(*at)) length = 10 * length + static_cast<size_t>(*at++ - '0');
    if (length == 0 || length > std::strlen(at)) return false;
    const bool anonymous = std::strncmp(at, "_GLOBAL__N_", 11) == 0;
    if (!first) checked.add("::");
    if (anonymous) {
      checked.add("(anonymous)");
    } else {
      checked.add(at, length);
    }
    at += length;
  }
  if (*at == 'C') checked.add(" (constructor)");
  if (*at == 'D') checked.add(" (destructor)");
  if (*at != 'E' && *at != 'C' && *at != 'D') return false;
  line = checked;
  return true;
}

}  // namespace

void OwnSymbols::prepare() { dl_iterate_phdr(take_program, nullptr); }

OwnSymbols::OwnSymbols() {
  const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status = {};
  if (fd < 0 || ::fstat(fd, &status) != 0) return;
  bytes_ = static_cast<uint64_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
  ::close(fd);
  if (mapped != MAP_FAILED) file_ = static_cast<const char*>(mapped);
}

bool OwnSymbols::covers(uintptr_t address) const { return address >= g_begin && address < g_end; }

void OwnSymbols::add_name(uintptr_t address, SignalLine& line) const {
  const uintptr_t in_file = address - g_offset;
  if (file_ != nullptr) {
    const auto& header = *reinterpret_cast<const Elf64_Ehdr*>(file_);
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(file_ + header.e_shoff);
    for (int i = 0; i < header.e_shnum; ++i) {
      if (sections[i].sh_type != SHT_SYMTAB) continue;
      const auto* symbols = reinterpret_cast<const Elf64_Sym*>(file_ + sections[i].sh_offset);
      const char* names = file_ + sections[sections[i].sh_link].sh_offset;
      for (uint64_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); ++s) {
        const Elf64_Sym& symbol = symbols[s];
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || in_file < symbol.st_value ||
            in_file >= symbol.st_value + symbol.st_size) {
          continue;
        }
        if (!add_qualified(names + symbol.st_name, line)) line.add(names + symbol.st_name);
        line.add(" + 0x");
        line.add_number(in_file - symbol.st_value, 16);
        return;
      }
    }
  }
  line.add("ropeway + 0x");
  line.add_number(in_file, 16);
}

}  // namespace ropeway
