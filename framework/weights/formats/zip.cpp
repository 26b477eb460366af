// Field offsets as in PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central
// directory), 4.3.14 to 4.3.16 (end records), 4.5.3 (zip64 extra field).
#include "framework/weights/formats/zip.h"

#include <algorithm>
#include <vector>

#include "framework/base/text.h"
#include "framework/weights/formats/formats.h"

namespace flam {

namespace {

constexpr uint64_t kMaxEntries = 1'000'000;

struct End {  // the contents of the end records
  uint64_t entries, directory_size, directory_offset;
};

class ZipTable {
 public:
  explicit ZipTable(const MappedFile& file) : file_(file), bytes_(file.bytes()) {}

  ZipEntries read() {
    const End end = find_end();
    if (end.entries > kMaxEntries) fail(cat(end.entries, " entries; at most ", kMaxEntries, " are taken"));
    uint64_t position = end.directory_offset;
    directory_ = position;
    for (uint64_t i = 0; i < end.entries; ++i) position = read_entry(position);
    if (position - end.directory_offset != end.directory_size)
      fail("the directory is not as long as the file says");
    check_overlap();
    return std::move(entries_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { refuse(file_, cat("zip archive: ", why)); }

  uint64_t number(uint64_t position, int width) const {
    if (position > bytes_.size() || bytes_.size() - position < static_cast<uint64_t>(width)) {
      fail("a record lies outside the file: is it truncated?");
    }
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(bytes_[position + i]);
    return value;
  }

  std::string_view text(uint64_t position, uint64_t size) const {
    if (position > bytes_.size() || bytes_.size() - position < size) {
      fail("an entry lies outside the file: is it truncated?");
    }
    return bytes_.substr(position, size);
  }

  End find_end() const {
    constexpr uint64_t kRecord = 22;
    const uint64_t furthest = std::min<uint64_t>(bytes_.size(), kRecord + 0xffff);
    for (uint64_t back = kRecord; back <= furthest; ++back) {
      const uint64_t at = bytes_.size() - back;
      if (number(at, 4) != 0x06054b50 || number(at + 20, 2) != back - kRecord) continue;
      if (number(at + 4, 2) != 0 || number(at + 6, 2) != 0) fail("it has several volumes");
      const End end{number(at + 10, 2), number(at + 12, 4), number(at + 16, 4)};
      return at >= 20 && number(at - 20, 4) == 0x07064b50 ? find_end64(end, number(at - 20 + 8, 8)) : end;
    }
    fail("the table at the end is missing: is the file truncated?");
  }

  End find_end64(const End& narrow, uint64_t at) const {
    if (number(at, 4) != 0x06064b50) fail("the zip64 end record is not where the file says");
    const End end{number(at + 32, 8), number(at + 40, 8), number(at + 48, 8)};
    const bool agree =
        (narrow.entries == 0xffff || narrow.entries == end.entries) &&
        (narrow.directory_size == 0xffffffff || narrow.directory_size == end.directory_size) &&
        (narrow.directory_offset == 0xffffffff || narrow.directory_offset == end.directory_offset);
    if (!agree) fail("the two end records contradict each other");
    return end;
  }

  /// Reads one entry of the directory and returns the position of the next one.
  uint64_t read_entry(uint64_t at) {
    if (number(at, 4) != 0x02014b50) fail("the directory is damaged");
    const uint64_t flags = number(at + 8, 2), method = number(at + 10, 2);
    uint64_t packed = number(at + 20, 4), size = number(at + 24, 4), local = number(at + 42, 4);
    const uint64_t name_size = number(at + 28, 2), extra_size = number(at + 30, 2),
                   comment = number(at + 32, 2);
    const std::string name(text(at + 46, name_size));
    check_name(name);
    read_extra(at + 46 + name_size, extra_size, size, packed, local);
    if (flags & 1) fail(cat("entry ", quoted(name), " is encrypted"));
    const bool compressed = method != 0;
    if (!compressed && packed != size) fail(cat("entry ", quoted(name), " has two different sizes"));
    if (number(local, 4) != 0x04034b50 || number(local + 8, 2) != method ||
        text(local + 30, number(local + 26, 2)) != name) {
      fail(cat("the header of entry ", quoted(name), " contradicts the directory"));
    }
    const uint64_t data = local + 30 + name_size + number(local + 28, 2);
    const std::string_view content = text(data, packed);
    if (data + packed > directory_) fail(cat("entry ", quoted(name), " reaches into the directory"));
    if (!entries_.emplace(name, ZipEntry{content, compressed}).second)
      fail(cat("entry ", quoted(name), " occurs twice"));
    spans_.emplace_back(local, data + packed);
    return at + 46 + name_size + extra_size + comment;
  }

  /// The zip64 field contains those of the values that did not fit into 32 bits, in this order.
  void read_extra(uint64_t at, uint64_t extra_size, uint64_t& size, uint64_t& packed, uint64_t& local) const {
    const uint64_t end = at + extra_size;
    while (at + 4 <= end) {
      const uint64_t id = number(at, 2), length = number(at + 2, 2);
      if (at + 4 + length > end) fail("an extra field is damaged");
      if (id == 1) {
        uint64_t field = at + 4;
        for (uint64_t* value : {&size, &packed, &local}) {
          if (*value != 0xffffffff) continue;
          if (field + 8 > at + 4 + length) fail("a zip64 field is too short");
          *value = number(field, 8);
          field += 8;
        }
      }
      at += 4 + length;
    }
  }

  void check_name(const std::string& name) const {
    const bool unclean =
        std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == '\\'; });
    const bool leaves = name.starts_with('/') || ("/" + name + "/").find("/../") != std::string::npos;
    if (name.empty() || unclean || leaves) fail(cat("the entry name ", quoted(name), " is not allowed"));
  }

  void check_overlap() {
    std::sort(spans_.begin(), spans_.end());
    for (size_t i = 1; i < spans_.size(); ++i) {
      if (spans_[i].first < spans_[i - 1].second) fail("entries overlap");
    }
  }

  const MappedFile& file_;
  std::string_view bytes_;
  uint64_t directory_ = 0;
  ZipEntries entries_;
  std::vector<std::pair<uint64_t, uint64_t>> spans_;  // from the local header to the end of the data
};

}  // namespace

ZipEntries read_zip(const MappedFile& file) {
  return ZipTable(file).read();
}

}  // namespace flam
