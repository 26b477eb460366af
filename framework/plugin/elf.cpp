#include "framework/plugin/elf.h"

#include <elf.h>
#include <link.h>

#include <cstring>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam {

namespace {
using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

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
}  // namespace

void check_elf(const std::filesystem::path& library) {
  const auto file = MappedFile::open(library);
  const std::string_view bytes = file->bytes();
  Header header;
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

}  // namespace flam
