#include "framework/plugin/elf.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam {

namespace {
using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);
using Symbol = ElfW(Sym);

#if defined(__x86_64__)
constexpr auto kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr auto kMachine = EM_AARCH64;
#else
#error "name the ELF machine of this processor"
#endif

void check_inside(const char* what, uint64_t offset, uint64_t bytes, uint64_t file_size) {
  if (offset <= file_size && bytes <= file_size - offset) return;
  throw Error(cat("is truncated: its ", what, " reach beyond the end of the file (", file_size, " bytes)"));
}

/// The element `index` of a table at `offset`.
template <class T>
T element(std::string_view bytes, uint64_t offset, uint64_t index) {
  const uint64_t at = offset + index * sizeof(T);
  if (at < offset || at > bytes.size())
    throw Error("is truncated: a table reaches beyond the end of the file");
  check_inside("tables", at, sizeof(T), bytes.size());
  T out;
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}
}  // namespace

void check_elf(const std::filesystem::path& library) {
  const auto file = MappedFile::open(library);
  const std::string_view bytes = file->bytes();
  Header header;
  constexpr uint64_t kLargest = uint64_t{4} << 30;  // limited because the whole file is read to hash it
  if (bytes.size() > kLargest)
    throw Error(cat("has ", bytes.size(), " bytes, more than a plugin may have (", kLargest, ")"));
  if (bytes.size() < sizeof header || bytes.substr(0, SELFMAG) != ELFMAG) {
    throw Error("is not a shared library (no ELF header)");
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != kMachine) {
    throw Error(
        cat("is for another machine: ELF machine ", header.e_machine, ", this program is for ", kMachine));
  }
  if (header.e_type != ET_DYN) throw Error(cat("is not a shared library (ELF type ", header.e_type, ")"));
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Segment)) {
    throw Error("has a broken ELF header: no segments");
  }
  check_inside("segment headers", header.e_phoff, uint64_t{header.e_phnum} * sizeof(Segment), bytes.size());
  check_inside("section headers", header.e_shoff, uint64_t{header.e_shnum} * header.e_shentsize,
               bytes.size());
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Segment segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    check_inside("segments", segment.p_offset, segment.p_filesz, bytes.size());
  }
}

std::vector<std::string> exported_symbols(const std::filesystem::path& library) {
  check_elf(library);
  const auto file = MappedFile::open(library);
  const std::string_view bytes = file->bytes();
  const auto header = element<Header>(bytes, 0, 0);
  constexpr std::string_view kLinkers[] = {"_init", "_fini",       "_edata",       "__edata",     "_end",
                                           "end",   "__bss_start", "_bss_start__", "__bss_end__", "__end__"};
  constexpr size_t kMostNames = 1'000'000;
  constexpr size_t kMostBytes = size_t{64} << 20;  // names may overlap in the file, but are copied here
  size_t total = 0;
  std::vector<std::string> names;
  bool seen = false;
  for (uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto table = element<Section>(bytes, header.e_shoff, i);
    if (table.sh_type != SHT_DYNSYM || table.sh_link >= header.e_shnum) continue;
    if (std::exchange(seen, true)) throw Error("has two tables of dynamic symbols");
    const auto strings = element<Section>(bytes, header.e_shoff, table.sh_link);
    check_inside("symbol names", strings.sh_offset, strings.sh_size, bytes.size());
    const std::string_view text = bytes.substr(strings.sh_offset, strings.sh_size);
    for (uint64_t k = 0; k < table.sh_size / sizeof(Symbol); ++k) {
      const auto symbol = element<Symbol>(bytes, table.sh_offset, k);
      const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
      if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ||
          symbol.st_name >= text.size() || visibility == STV_HIDDEN || visibility == STV_INTERNAL)
        continue;
      std::string_view name = text.substr(symbol.st_name);
      name = name.substr(0, name.find('\0'));
      if (std::find(std::begin(kLinkers), std::end(kLinkers), name) != std::end(kLinkers)) continue;
      total += name.size();
      if (total > kMostBytes) throw Error(cat("exports names of more than ", kMostBytes, " bytes"));
      names.emplace_back(name);
      if (names.size() > kMostNames) throw Error(cat("exports more than ", kMostNames, " names"));
    }
  }
  return names;
}

}  // namespace flam
