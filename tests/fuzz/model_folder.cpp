// JSON files of Hugging Face model folders: the input takes the place of each file of a valid folder in turn.
#include <cstdlib>
#include <fstream>
#include <map>

#include "framework/base/file.h"
#include "framework/config/config.h"
#include "framework/recipe/import/import.h"
#include "tests/fuzz/target.h"
#include "tests/support/scratch.h"

namespace {

namespace fs = std::filesystem;

/// A folder with the files of a small model, but without its weights.
class ModelFolder {
 public:
  explicit ModelFolder(const std::string& name) {
    for (const auto& entry : fs::directory_iterator(fs::path(FLAM_SOURCE_DIR "/tests/golden") / name)) {
      const std::string file = entry.path().filename().string();
      if (entry.path().extension() == ".safetensors") continue;
      fs::copy_file(entry.path(), folder_ / file);
      texts_[file] = flam::read_file(entry.path(), size_t{1} << 24);
    }
  }

  void import_with(const std::string& file, std::string_view bytes) const {
    write(file, bytes);
    flam::test::refusing(
        [&] { static_cast<void>(flam::write_yaml(flam::import_model(folder_.path().string()))); });
    if (const auto known = texts_.find(file); known != texts_.end()) {
      write(file, known->second);
    } else {
      fs::remove(folder_ / file);
    }
  }

 private:
  void write(const std::string& file, std::string_view bytes) const {
    std::ofstream(folder_ / file, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  flam::test::Scratch folder_;
  std::map<std::string, std::string> texts_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ModelFolder folders[] = {ModelFolder("llava_tiny/model"), ModelFolder("smolvlm_tiny/smolvlm")};
  const std::string_view bytes = flam::test::as_text(data, size);
  for (const ModelFolder& folder : folders) {
    for (const char* file :
         {"config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
          "tokenizer_config.json", "chat_template.json", "tokenizer.json", "added_tokens.json"})
      folder.import_with(file, bytes);
  }
  return 0;
}
