// Copies of the published folders' JSON files, rebuilt from documentation, with tokenizers that have the
// published names and ids only: they are imported as the shipped configs of these models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/describe/describe.h"
#include "framework/config/config.h"
#include "framework/recipe/import/import.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const fs::path kPublished = FLAM_SOURCE_DIR "/tests/recipe/published";

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

json added(int64_t id, const std::string& name) {
  return {{"id", id},        {"content", name}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"special", true}, {"normalized", false}};
}

/// SmolVLM's: 49152 tokens and 128 added ones.
void write_byte_tokenizer(const fs::path& folder) {
  json vocab, tokens = json::array();
  const std::vector<std::string> first = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  for (size_t id = 0; id < 49'152; ++id) vocab[id < first.size() ? first[id] : cat("t", id)] = id;
  for (size_t id = 0; id < first.size(); ++id) tokens.push_back(added(static_cast<int64_t>(id), first[id]));
  int64_t next = 49'152;
  tokens.push_back(added(next++, "<global-img>"));
  for (int row = 1; row <= 6; ++row) {
    for (int column = 1; column <= 6; ++column)
      tokens.push_back(added(next++, cat("<row_", row, "_col_", column, ">")));
  }
  tokens.push_back(added(next++, "<fake_token_around_image>"));
  tokens.push_back(added(next++, "<image>"));
  for (int i = 0; i < 88; ++i) tokens.push_back(added(next++, cat("<|reserved_special_token_", i, "|>")));
  tokens.push_back(added(next++, "<end_of_utterance>"));
  const json steps = {{{"type", "Digits"}, {"individual_digits", true}},
                      {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}};
  write(folder / "tokenizer.json",
        json{{"added_tokens", tokens},
             {"normalizer", nullptr},
             {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
             {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array()}}}}
            .dump());
}

/// LLaVA's: 32000 pieces, and in tokenizer.json 2 added tokens, the normalizer and the decoder.
void write_pieces(const fs::path& folder) {
  std::string model;
  for (int id = 0; id < 32'000; ++id) {
    const std::string name = id == 0 ? "<unk>" : id == 1 ? "<s>" : id == 2 ? "</s>" : cat("t", id);
    const std::string piece = cat('\n', static_cast<char>(name.size()), name);
    model += cat('\n', static_cast<char>(piece.size()), piece);
  }
  write(folder / "tokenizer.model", model);
  const auto steps = [](const char* list, const json& items) {
    return json{{"type", "Sequence"}, {list, items}};
  };
  const json normalizers = {{{"type", "Prepend"}, {"prepend", "▁"}}, {{"type", "Replace"}, {"content", "▁"}}};
  const json decoders = {{{"type", "Replace"}, {"content", " "}},
                         {{"type", "ByteFallback"}},
                         {{"type", "Fuse"}},
                         {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}};
  const json single = {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                       {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}};
  write(folder / "tokenizer.json",
        json{{"added_tokens", {added(32'000, "<image>"), added(32'001, "<pad>")}},
             {"normalizer", steps("normalizers", normalizers)},
             {"pre_tokenizer", nullptr},
             {"post_processor", {{"type", "TemplateProcessing"}, {"single", single}}},
             {"decoder", steps("decoders", decoders)},
             {"model", {{"type", "BPE"}, {"vocab", json::object()}}}}
            .dump());
}

struct Model {
  const char* folder;
  const char* config;
  int64_t parameters;  // of transformers 5.24 on the meta device
};
void PrintTo(const Model& model, std::ostream* out) {
  *out << model.folder;
}

class Published : public testing::TestWithParam<Model> {
 protected:
  Published() {
    fs::copy(kPublished / GetParam().folder, folder_.path(), fs::copy_options::recursive);
    if (std::string(GetParam().folder).starts_with("llava")) {
      write_pieces(folder_.path());
    } else {
      write_byte_tokenizer(folder_.path());
    }
  }
  /// Without what says where it comes from.
  static std::string resolved(const RunConfig& config) {
    Value out = config.resolved();
    out.erase("meta");
    out.erase("weights");
    return write_yaml(out);
  }
  std::string imported() const {
    return resolved(RunConfig::parse(import_model(folder_.path().string()), *registry_));
  }
  RunConfig shipped() const {
    const fs::path root = configs_root();
    return RunConfig::parse(load_config(find_config(GetParam().config, root), root), *registry_);
  }
  void set(const char* pointer, const json& value, const std::string& name = "config.json") {
    json file = json::parse(read_file(folder_ / name, 1 << 20));
    file[json::json_pointer(pointer)] = value;
    write(folder_ / name, file.dump());
  }
  std::string refusal() const {
    return test::error_of([&] { import_model(folder_.path().string()); });
  }

  std::shared_ptr<Registry> registry_ = open_registry({});
  test::Scratch folder_;
};

TEST_P(Published, IsImportedAsTheShippedConfig) {
  EXPECT_EQ(imported(), resolved(shipped()));
}

TEST_P(Published, IsCalledByItsName) {
  EXPECT_EQ(RunConfig::load(GetParam().config, {}, *registry_).name, GetParam().config);
}

TEST_P(Published, HasAsManyParametersAsInTransformers) {
  const Description description = describe(shipped(), *registry_, 32);
  EXPECT_EQ(description.parameters + description.unused_parameters(), GetParam().parameters);
  const Value meta = shipped().meta;
  ASSERT_TRUE(meta.find("parameters"));
  EXPECT_EQ(meta.find("parameters")->as_int(), description.parameters);
  const std::string text = describe_text(description, false);
  EXPECT_EQ(text.find("never used") != std::string::npos, description.unused_parameters() > 0);
}

TEST_P(Published, NewerFilesSayTheSame) {
  const std::string before = imported();
  json config = json::parse(read_file(folder_ / "config.json", 1 << 20));
  config["dtype"] = config["torch_dtype"];
  config.erase("torch_dtype");
  json& text = config["text_config"];
  text["rope_parameters"] = {{"rope_theta", text.value("rope_theta", json(10000.0))},
                             {"rope_type", "default"}};
  text.erase("rope_theta");
  write(folder_ / "config.json", config.dump());
  EXPECT_EQ(imported(), before);
}

// As AutoProcessor.save_pretrained() of transformers 5.24 writes them.
TEST_P(Published, NewerProcessorsSayTheSame) {
  const std::string before = imported();
  json picture = json::parse(read_file(folder_ / "preprocessor_config.json", 1 << 20));
  json processor = json::parse(read_file(folder_ / "processor_config.json", 1 << 20));
  fs::remove(folder_ / "preprocessor_config.json");
  if (picture.contains("video_sampling")) {
    json& video = processor["video_processor"] = picture;
    video["size"] = video["video_sampling"]["video_size"];
    video.update(json{{"do_sample_frames", false},
                      {"fps", 1},
                      {"num_frames", 64},
                      {"return_metadata", false},
                      {"video_processor_type", "SmolVLMVideoProcessor"}});
    video.erase("image_processor_type");
  }
  processor["image_processor"] = std::move(picture);
  write(folder_ / "processor_config.json", processor.dump());
  EXPECT_EQ(imported(), before);
  if (!processor.contains("video_processor")) return;
  set("/video_processor/fps", 2, "processor_config.json");
  set("/video_processor/num_frames", 16, "processor_config.json");
  const Value config = RunConfig::parse(import_model(folder_.path().string()), *registry_).resolved();
  const Value* video = config.find("model")->find("media_layout")->find("video");
  EXPECT_EQ(video->find("fps")->as_double(), 2);
  EXPECT_EQ(video->find("max_frames")->as_int(), 16);
  set("/video_processor/max_image_size/longest_edge", 512, "processor_config.json");
  EXPECT_THAT(refusal(), HasSubstr("frames of videos have 512 pixels, but tiles of pictures 384"));
}

TEST_P(Published, KeysThatWouldChangeTheNumbersAreRefused) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, json>>{{"use_resampler", true},
                                                 {"qk_layer_norms", true},
                                                 {"rope_interleaved", true},
                                                 {"is_llama_config", false},
                                                 {"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}},
                                                 {"sliding_window", 4096}}) {
    const json config = json::parse(read_file(folder_ / "config.json", 1 << 20));
    set(cat("/text_config/", key).c_str(), value);
    EXPECT_THAT(refusal(), HasSubstr(cat("'text_config.", key))) << key;
    write(folder_ / "config.json", config.dump());
  }
  set("/do_resize", false, "preprocessor_config.json");
  EXPECT_THAT(refusal(), HasSubstr("'do_resize' is false, which is not supported"));
}

INSTANTIATE_TEST_SUITE_P(All, Published,
                         testing::Values(Model{"SmolVLM-256M-Instruct", "smolvlm_256m_instruct", 256'484'928},
                                         Model{"SmolVLM-500M-Instruct", "smolvlm_500m_instruct", 507'482'304},
                                         Model{"SmolVLM2-2.2B-Instruct", "smolvlm2_2.2b_instruct",
                                               2'246'784'880},
                                         Model{"llava-1.5-7b-hf", "llava_1.5_7b", 7'063'427'072}));

}  // namespace
}  // namespace flam
