// Opening a plugin: the stamp, the ELF checks, and the hash in the manifest.
#include "framework/plugin/library.h"

#include <elf.h>

#include <cstring>
#include <functional>

#include "framework/plugin/elf.h"
#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::HasSubstr;

TEST(Stamp, EqualsItself) {
  const FlamPluginStamp ours = program_stamp();
  EXPECT_TRUE(compare_stamp(ours).empty());
  EXPECT_EQ(ours.size, sizeof(FlamPluginStamp));
  EXPECT_EQ(stamp_fields(ours)[3].second, FLAM_TORCH_VERSION);
  EXPECT_EQ(stamp_fields(ours).back().second.size(), 16) << "a hash";
}

TEST(Stamp, EveryFieldIsCompared) {
  const auto differences = [](auto change) {
    FlamPluginStamp stamp = program_stamp();
    change(stamp);
    return compare_stamp(stamp);
  };
  EXPECT_EQ(differences([](auto& s) { s.magic = 1; }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { s.size += 8; }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { s.sdk_major += 1; }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { s.sdk_minor += 1; }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { std::strcpy(s.compiler, "gcc 1"); }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { std::strcpy(s.stdlib_abi, "libc++"); }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { std::strcpy(s.torch, "1.0.0"); }).size(), 1);
  EXPECT_EQ(differences([](auto& s) { std::strcpy(s.sdk_headers, "0123"); }).size(), 1);
}

TEST(OpenPlugin, GivesTheStamp) {
  const FlamPluginStamp* stamp = open_plugin(fixture_plugin("good"));
  EXPECT_TRUE(compare_stamp(*stamp).empty());
  EXPECT_NE(stamp->enroll, nullptr);
  EXPECT_EQ(open_plugin(fixture_plugin("good")), stamp);
}

TEST(OpenPlugin, RehearsesOnlyWithoutAMatchingManifest) {
  const Scratch folder;
  const auto library = copy_good(folder.path());
  const OpenOptions refuse{.rehearse = [](const FlamPluginStamp&) { throw Error("was rehearsed"); }};
  const auto open = [&] { open_plugin(library, refuse); };
  EXPECT_THAT(error_of(open), HasSubstr("was rehearsed"));

  ASSERT_EQ(std::system((std::string(FLAM_MANIFEST_PROGRAM) + " " + library.string()).c_str()), 0);
  EXPECT_EQ(error_of(open), "");

  auto manifest = read_manifest(library);
  manifest->size += 1;
  write_manifest(library, *manifest);
  EXPECT_THAT(error_of(open), HasSubstr("was rehearsed"));
  manifest->size -= 1;
  manifest->sha256[0] = manifest->sha256[0] == '0' ? '1' : '0';
  write_manifest(library, *manifest);
  EXPECT_THAT(error_of(open), HasSubstr("was rehearsed"));
}

class Forged : public testing::Test {
 protected:
  std::string message(const std::string& bytes) {
    write_bytes(folder_ / "libflam_forged.so", bytes);
    return error_of([&] { open_plugin(folder_ / "libflam_forged.so"); });
  }
  Scratch folder_;
  std::string good_ = read_bytes(fixture_plugin("good"));
};

TEST_F(Forged, NoLibraryAtAll) {
  EXPECT_THAT(message(""), HasSubstr("is not a shared library"));
  EXPECT_THAT(message("just some text, longer than an ELF header is: nothing to open here, really"),
              HasSubstr("is not a shared library (no ELF header)"));
  EXPECT_THAT(error_of([&] { open_plugin(folder_ / "libflam_absent.so"); }), HasSubstr("libflam_absent.so"));
  EXPECT_THAT(error_of([&] { open_plugin(folder_.path()); }), HasSubstr(folder_.path().string()));
  EXPECT_NE(error_of([&] { open_plugin("/dev/zero"); }), "");
}

TEST_F(Forged, Truncated) {
  for (size_t size = 64; size < good_.size(); size += good_.size() / 40) {
    EXPECT_THAT(message(good_.substr(0, size)), HasSubstr("truncated")) << size << " of " << good_.size();
  }
  EXPECT_THAT(message(good_.substr(0, good_.size() - 1)), HasSubstr("truncated"));
}

TEST_F(Forged, OtherMachineOrKind) {
  const auto with = [&](auto change) {
    std::string bytes = good_;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    change(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    return message(bytes);
  };
  EXPECT_THAT(with([](auto& h) { h.e_machine = EM_SPARC; }), HasSubstr("for another machine"));
  EXPECT_THAT(with([](auto& h) { h.e_ident[EI_CLASS] = ELFCLASS32; }), HasSubstr("for another machine"));
  EXPECT_THAT(with([](auto& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; }), HasSubstr("for another machine"));
  EXPECT_THAT(with([](auto& h) { h.e_type = ET_EXEC; }), HasSubstr("not a shared library (ELF type 2)"));
  EXPECT_THAT(with([](auto& h) { h.e_phnum = 0; }), HasSubstr("no segments"));
  EXPECT_THAT(with([](auto& h) { h.e_phentsize = 8; }), HasSubstr("no segments"));
  EXPECT_THAT(with([](auto& h) { h.e_phoff = ~0ull; }), HasSubstr("segment headers reach beyond"));
  EXPECT_THAT(with([](auto& h) { h.e_shoff = ~0ull; }), HasSubstr("section headers reach beyond"));
}

TEST_F(Forged, SegmentsBeyondTheFile) {
  Elf64_Ehdr header;
  std::memcpy(&header, good_.data(), sizeof header);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    std::string bytes = good_;
    const uint64_t huge = ~0ull;
    std::memcpy(bytes.data() + header.e_phoff + i * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, p_filesz),
                &huge, 8);
    EXPECT_THAT(message(bytes), HasSubstr("segments reach beyond")) << i;
  }
}

TEST_F(Forged, LargerThanAnyPlugin) {
  write_bytes(folder_ / "libflam_forged.so", good_);
  std::filesystem::resize_file(folder_ / "libflam_forged.so", uint64_t{5} << 30);  // a sparse file
  EXPECT_THAT(error_of([&] { open_plugin(folder_ / "libflam_forged.so"); }),
              HasSubstr("more than a plugin may have"));
}

TEST_F(Forged, TwoTablesOfSymbols) {
  std::string bytes = good_;
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (size_t i = 1; i < header.e_shnum; ++i) {
    Elf64_Shdr table;
    std::memcpy(&table, bytes.data() + header.e_shoff + i * sizeof table, sizeof table);
    if (table.sh_type == SHT_DYNSYM) std::memcpy(bytes.data() + header.e_shoff, &table, sizeof table);
  }
  write_bytes(folder_ / "libflam_forged.so", bytes);
  EXPECT_THAT(error_of([&] { exported_symbols(folder_ / "libflam_forged.so"); }),
              HasSubstr("two tables of dynamic symbols"));
}

// A small file whose symbols all have one long name.
TEST_F(Forged, NamesThatOverlap) {
  std::string bytes = good_;
  bytes.resize((bytes.size() + 7) / 8 * 8);
  const uint64_t text = bytes.size(), length = uint64_t{1} << 20;
  bytes += std::string(length - 1, 'n') + '\0';
  Elf64_Sym symbol{};
  symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbol.st_shndx = 1;
  const uint64_t symbols = bytes.size(), count = 70;
  for (uint64_t i = 0; i < count; ++i) bytes.append(reinterpret_cast<const char*>(&symbol), sizeof symbol);
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (size_t i = 0; i < header.e_shnum; ++i) {
    char* const at = bytes.data() + header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr table, strings;
    std::memcpy(&table, at, sizeof table);
    if (table.sh_type != SHT_DYNSYM) continue;
    char* const strings_at = bytes.data() + header.e_shoff + table.sh_link * sizeof strings;
    std::memcpy(&strings, strings_at, sizeof strings);
    strings.sh_offset = text;
    strings.sh_size = length;
    std::memcpy(strings_at, &strings, sizeof strings);
    table.sh_offset = symbols;
    table.sh_size = count * sizeof symbol;
    std::memcpy(at, &table, sizeof table);
  }
  write_bytes(folder_ / "libflam_forged.so", bytes);
  EXPECT_THAT(error_of([&] { exported_symbols(folder_ / "libflam_forged.so"); }),
              HasSubstr("exports names of more than"));
}

/// The good plugin with its table of dynamic symbols modified by `change`.
class ForgedSymbols : public Forged {
 protected:
  using Change = std::function<void(Elf64_Shdr& table, std::vector<Elf64_Sym>& symbols)>;

  std::vector<std::string> names(const Change& change) {
    std::string bytes = good_;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    for (size_t i = 0; i < header.e_shnum; ++i) {
      const size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
      Elf64_Shdr table;
      std::memcpy(&table, bytes.data() + at, sizeof table);
      if (table.sh_type != SHT_DYNSYM) continue;
      const Elf64_Shdr before = table;
      std::vector<Elf64_Sym> symbols(table.sh_size / sizeof(Elf64_Sym));
      std::memcpy(symbols.data(), bytes.data() + table.sh_offset, before.sh_size);
      change(table, symbols);
      std::memcpy(bytes.data() + before.sh_offset, symbols.data(), before.sh_size);
      std::memcpy(bytes.data() + at, &table, sizeof table);
    }
    write_bytes(folder_ / "libflam_forged.so", bytes);
    return exported_symbols(folder_ / "libflam_forged.so");
  }
};

TEST_F(ForgedSymbols, OnlyExportedNamesAreListed) {
  const auto entry = testing::Contains("flam_plugin");
  const auto each = [&](const std::function<void(Elf64_Sym&)>& change) {
    return names([&](auto&, auto& symbols) {
      for (Elf64_Sym& symbol : symbols) {
        if (symbol.st_shndx != SHN_UNDEF) change(symbol);
      }
    });
  };
  EXPECT_THAT(each([](auto&) {}), entry);
  EXPECT_THAT(each([](auto& s) { s.st_other = STV_PROTECTED; }), entry);
  EXPECT_TRUE(each([](auto& s) { s.st_other = STV_HIDDEN; }).empty());
  EXPECT_TRUE(each([](auto& s) { s.st_other = STV_INTERNAL; }).empty());
  EXPECT_TRUE(each([](auto& s) { s.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC); }).empty());
  EXPECT_TRUE(each([](auto& s) { s.st_name = 0x7fffffff; }).empty());
}

TEST_F(ForgedSymbols, TablesBeyondTheFile) {
  EXPECT_TRUE(names([](auto& table, auto&) { table.sh_link = 60000; }).empty());
  const auto message = [&](const Change& change) { return error_of([&] { names(change); }); };
  EXPECT_THAT(message([](auto& table, auto&) { table.sh_size = ~0ull; }), HasSubstr("is truncated"));
  EXPECT_THAT(message([](auto& table, auto&) { table.sh_offset = ~0ull; }), HasSubstr("is truncated"));
  EXPECT_THAT(message([](auto& table, auto&) { table.sh_offset = ~0ull - 8; }), HasSubstr("is truncated"));
}

}  // namespace
}  // namespace flam
