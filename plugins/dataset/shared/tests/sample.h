#pragma once
// For the tests of datasets with files: a dataset of a sample folder, with some of its files replaced.
#include <filesystem>
#include <string>

#include "framework/base/file.h"
#include "framework/component/dataset.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam::test {

/// A copy of the sample folder of the plugin dataset/NAME, whose files a test may replace.
class Sample {
 public:
  explicit Sample(const std::string& name) {
    std::filesystem::copy(std::filesystem::path(FLAM_SOURCE_DIR) / "plugins/dataset" / name / "tests/sample",
                          folder_.path(), std::filesystem::copy_options::recursive);
  }

  std::filesystem::path operator/(const std::string& file) const { return folder_ / file; }
  std::string read(const std::string& file) const { return read_file(folder_ / file, size_t{1} << 20); }
  void write(const std::string& file, const std::string& text) const { write_file(folder_ / file, text); }
  /// Replaces the first `from` in a file.
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = read(file);
    const size_t at = text.find(from);
    if (at == std::string::npos) throw Error(file + " has no '" + from + "'");
    write(file, text.replace(at, from.size(), to));
  }

  /// The dataset of "{type: …}", in which @ stands for the folder and a slash.
  Built<Dataset> open(std::string yaml, const Dataset::Input& input = {}) const {
    for (size_t at = 0; (at = yaml.find('@', at)) != std::string::npos;)
      yaml.replace(at, 1, folder_.path().string() + "/");
    return Built<Dataset>(yaml, input);
  }
  std::string error(const std::string& yaml, const Dataset::Input& input = {}) const {
    return error_of([&] { open(yaml, input); });
  }
  /// The path of the only picture of a record, below the folder.
  std::string picture(const Record& record) const {
    const std::string& path = record.request.parts.at(0).pictures.at(0).path;
    return std::filesystem::relative(path, folder_.path()).string();
  }

 private:
  Scratch folder_;
};

/// The ids of all records.
inline std::vector<std::string> ids_of(const Dataset& dataset) {
  std::vector<std::string> out;
  for (int64_t i = 0; i < dataset.size(); ++i) out.push_back(dataset.at(i).request.id);
  return out;
}

}  // namespace flam::test
