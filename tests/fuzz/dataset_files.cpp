// Files of datasets: JSON documents and lines, CSV tables and tar archives. What is read must lie inside the
// file.
#include "plugins/dataset/json_records/csv.h"
#include "plugins/dataset/shared/source_file.h"
#include "plugins/dataset/webdataset/tar.h"
#include "tests/fuzz/target.h"

namespace flam {
namespace {

void use(const FileRecord& record) {
  for (const char* field : {"id", "image", "question", "answers", "types.structural"}) {
    if (!record.find(field)) continue;
    test::refusing([&] { record.id(field).value(); });
    test::refusing([&] { record.file_name(field); });
    test::refusing([&] { record.texts(field, "answer"); });
    test::refusing([&] { record.shown(field); });
  }
}

/// The archive with checksums that fit its blocks, so that what they protect is read too.
std::string with_checksums(std::string archive) {
  for (size_t begin = 0; begin + 512 <= archive.size(); begin += 512) {
    std::string block = archive.substr(begin, 512);
    if (block.find_first_not_of('\0') == std::string::npos) continue;
    block.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);  // of at most 512 * 255
    archive.replace(begin + 148, 7, digits, 7);
  }
  return archive;
}

void list(const std::string& archive) {
  const test::MemoryFile file(reinterpret_cast<const uint8_t*>(archive.data()), archive.size());
  const auto mapped = MappedFile::open(file.path());
  test::refusing([&] {
    for (const TarMember& member : list_tar(*mapped))
      if (member.offset > archive.size() || member.size > archive.size() - member.offset) __builtin_trap();
  });
}

}  // namespace
}  // namespace flam

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  const std::string text(test::as_text(data, size));
  test::refusing([&] {
    const test::MemoryFile stored(data, size);
    const SourceFile file(stored.path());
    test::refusing([&] { read_json_records(file, {{"questions", use}, {"data", use}, {"images", use}}); });
    test::refusing([&] { read_json_records(file, {{"", use}}); });
    test::refusing([&] { read_json_records(file, {{kMembers, use}}); });
    test::refusing([&] { read_json_lines(file, use); });
    test::refusing([&] { read_csv(file, ',', use); });
    list(text);
    list(with_checksums(text));
  });
  return 0;
}
