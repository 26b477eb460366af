// Hugging Face folders that can't be imported: one clear error each.
#include <gmock/gmock.h>

#include <functional>

#include "framework/config/config.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"
#include "tests/recipe/import_folder.h"

namespace flam {
namespace {

using nlohmann::json;
using test::error_of;
using test::Import;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST_F(Import, SizesAreThoseOfTheFilesAndOfTheClass) {
  const Value config = import();
  const auto decoder = [&](const char* key) {
    return *config.find("model")->find("language_decoder")->find(key);
  };
  EXPECT_EQ(decoder("vocab_size"), Value(600));      // of the tokenizer; 610 rows are padding
  EXPECT_EQ(decoder("rope_theta"), Value(10000.0));  // the class's
  EXPECT_THAT(decoder("hidden_size").where().str(), HasSubstr("config.json:"));
  EXPECT_EQ(*config.find("dtype"), Value("float16"));
  const auto registry = open_registry({});
  const std::string text = write_yaml(config);  // a config like any other
  EXPECT_EQ(RunConfig::parse(parse_yaml(text, "out.yaml"), *registry).resolved(),
            RunConfig::parse(config, *registry).resolved());
}

TEST_F(Import, TokensComeFromTheTokenizer) {
  EXPECT_EQ(at({"model", "tokenizer", "added_tokens"}), Value(Value::List{"<image>", "<pad>"}));
  EXPECT_EQ(at({"model", "tokenizer", "image_token"}), Value("<image>"));
  EXPECT_EQ(at({"generation", "stop_tokens"}), Value(Value::List{"</s>"}));
  set("/eos_token_id", json{2, 601}, "generation_config.json");
  EXPECT_EQ(at({"generation", "stop_tokens"}), Value(Value::List{"</s>", "<pad>"}));
  set("/eos_token_id", 700, "generation_config.json");
  EXPECT_THAT(
      refusal(),
      AllOf(
          HasSubstr("generation_config.json:"),
          HasSubstr("eos_token_id is the id 700, which the tokenizer does not have; its ids are 0 to 601")));
}

// As transformers 5 writes it, without a tokenizer.model.
TEST_F(Import, TheTokenizerMayBeATokenizerJsonAlone) {
  const Value before = at({"model", "tokenizer"});
  std::filesystem::remove(folder_ / "tokenizer.model");
  Value expected = before;
  expected.set("model", "tokenizer.json");
  EXPECT_EQ(at({"model", "tokenizer"}), expected);
  EXPECT_EQ(at({"model", "language_decoder", "vocab_size"}), Value(600));
}

TEST_F(Import, WhatChangesTheNumbersIsNeverIgnored) {
  set("/text_config/sliding_window", 64);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("config.json:"), HasSubstr("'text_config.sliding_window' is 64"),
                               HasSubstr("there is no rule")));
  set("/text_config/sliding_window", nullptr);
  EXPECT_EQ(refusal(), "");
  set("/text_config/hidden_act", "gelu");
  set("/vision_config/hidden_act", "mish");
  EXPECT_THAT(
      refusal(),
      AllOf(HasSubstr("'text_config.hidden_act' is 'gelu', which is not supported; supported: 'silu'"),
            HasSubstr("'vision_config.hidden_act' is 'mish'")));
}

TEST_F(Import, OptionsOfGenerationThatChangeAnswersAreNeverIgnored) {
  const std::string before = read_file(folder_ / "generation_config.json", 1 << 20);
  for (const auto& [key, same, other] :
       {std::tuple<const char*, json, json>{"suppress_tokens", json::array(), {5}},
        {"begin_suppress_tokens", nullptr, {5}},
        {"bad_words_ids", nullptr, json{{5, 6}}},
        {"forced_eos_token_id", nullptr, 2},
        {"encoder_no_repeat_ngram_size", 0, 3}}) {
    edit("generation_config.json", [&](json& file) { file[key] = same; });
    EXPECT_EQ(refusal(), "") << key;
    edit("generation_config.json", [&](json& file) { file[key] = other; });
    EXPECT_THAT(refusal(), AllOf(HasSubstr("generation_config.json:"),
                                 HasSubstr(std::string("'") + key + "' is "), HasSubstr("not supported")));
    std::ofstream(folder_ / "generation_config.json") << before;
  }
}

TEST_F(Import, WhatIsEmptyIsNamed) {
  std::ofstream(folder_ / "chat_template.jinja") << "\n";
  EXPECT_THAT(refusal(), HasSubstr("chat_template.jinja:1:1: the file is empty, expected a chat template"));
  std::filesystem::remove(folder_ / "chat_template.jinja");
  set("/eos_token_id", json::array(), "generation_config.json");
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("generation_config.json:"), HasSubstr("eos_token_id is an empty list")));
}

TEST_F(Import, SizesOfPicturesAreNeeded) {
  for (const char* key : {"size", "crop_size"}) {
    const std::string before = read_file(folder_ / "preprocessor_config.json", 1 << 20);
    edit("preprocessor_config.json", [&](json& file) { file.erase(key); });
    EXPECT_THAT(refusal(), HasSubstr(std::string("the key '") + key + "' is missing"));
    std::ofstream(folder_ / "preprocessor_config.json") << before;
  }
}

TEST_F(Import, RopeScaling) {
  set("/text_config/rope_scaling", {{"rope_type", "llama3"}, {"factor", 8.0}});
  EXPECT_EQ(at({"model", "language_decoder", "rope_scaling", "rope_type"}), Value("llama3"));
  set("/text_config/rope_scaling", {{"type", "yarn"}, {"factor", 8.0}});
  EXPECT_THAT(refusal(), HasSubstr("'text_config.rope_scaling.type' is 'yarn', which is not supported"));
  set("/text_config/rope_scaling", nullptr);
  set("/text_config/rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5000.0}});
  EXPECT_EQ(at({"model", "language_decoder", "rope_theta"}), Value(5000.0));
  EXPECT_TRUE(at({"model", "language_decoder", "rope_scaling"}).is_null());
}

TEST_F(Import, RopeScalingMayHaveTheBase) {
  set("/text_config/rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 5000.0}});
  EXPECT_EQ(at({"model", "language_decoder", "rope_theta"}), Value(5000.0));
}

TEST_F(Import, TiedIfEitherConfigSaysSo) {
  const auto tied = [&](bool whole, bool text) {
    set("/tie_word_embeddings", whole);
    set("/text_config/tie_word_embeddings", text);
    return at({"model", "language_decoder", "tie_word_embeddings"});
  };
  EXPECT_EQ(tied(false, false), Value(false));
  EXPECT_EQ(tied(true, false), Value(true));
  EXPECT_EQ(tied(false, true), Value(true));
  EXPECT_EQ(tied(true, true), Value(true));
}

TEST_F(Import, OtherArchitectures) {
  set("/architectures", {"FooForCausalLM"});
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("config.json:"), HasSubstr("no rules for the architecture 'FooForCausalLM'"),
                    HasSubstr("LlavaForConditionalGeneration")));
  set("/architectures", {"LlavaForConditionalGeneration"});
  set("/text_config/model_type", "mistral");
  EXPECT_THAT(refusal(), HasSubstr("'text_config.model_type' is 'mistral'; supported: llama"));
}

TEST_F(Import, MissingFiles) {
  for (const char* name : {"config.json", "preprocessor_config.json"}) {
    const std::string text = read_file(folder_ / name, 1 << 20);
    std::filesystem::remove(folder_ / name);
    EXPECT_THAT(refusal(), HasSubstr(std::string("no ") + name + " in ")) << name;
    std::ofstream(folder_ / name) << text;
  }
  std::filesystem::remove(folder_ / "tokenizer.model");
  EXPECT_EQ(refusal(), "");
  set("/model/type", "Unigram", "tokenizer.json");
  EXPECT_THAT(refusal(), HasSubstr("tokenizer.model (SentencePiece) is needed beside this file"));
  std::filesystem::remove(folder_ / "tokenizer.json");
  EXPECT_THAT(refusal(), HasSubstr("no tokenizer in "));
}

TEST_F(Import, FilesThatAreNotJson) {
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    const std::filesystem::path file = entry.path();
    if (file.extension() != ".json") continue;
    const std::string text = read_file(file, 1 << 20);
    for (const std::string& broken : {std::string("{\"a\": "), std::string("[1, 2]"),
                                      std::string("\xff\xfe{"), text.substr(0, text.size() / 2)}) {
      std::ofstream(file) << broken;
      EXPECT_THAT(refusal(), HasSubstr(file.filename().string())) << broken.substr(0, 20);
    }
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    EXPECT_THAT(refusal(),
                AllOf(HasSubstr(file.filename().string()), HasSubstr("it is a folder, not a file")));
    std::filesystem::remove(file);
    std::ofstream(file) << text;
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(Import, ValuesOfAnotherType) {
  const auto refused = [&](const char* pointer, const json& value, const std::string& name = "config.json") {
    const std::string before = read_file(folder_ / name, 1 << 20);
    set(pointer, value, name);
    const std::string message = refusal();
    std::ofstream(folder_ / name) << before;
    return message;
  };
  EXPECT_THAT(refused("/architectures", "Llava"), HasSubstr("no `architectures`"));
  EXPECT_THAT(refused("/architectures", json{3}), HasSubstr("config.json:"));
  EXPECT_THAT(refused("/text_config", 3), HasSubstr("'text_config' is 3; expected a map"));
  EXPECT_THAT(refused("/image_token_index", "x"), HasSubstr("config.json:"));
  EXPECT_THAT(refused("/eos_token_id", "x", "generation_config.json"), HasSubstr("generation_config.json:"));
  EXPECT_THAT(refused("/size", "x", "preprocessor_config.json"), HasSubstr("'size' is 'x'; expected a map"));
  EXPECT_THAT(refused("/image_mean", "x", "preprocessor_config.json"),
              HasSubstr("preprocessor_config.json:"));
  EXPECT_THAT(refused("/chat_template", 3, "chat_template.json"),
              HasSubstr("chat_template: expected a text"));
  EXPECT_THAT(
      refused("/added_tokens", 3, "tokenizer.json"),
      AllOf(HasSubstr("tokenizer.json:"), HasSubstr("expected tokens with their ids, found the number 3")));
  EXPECT_THAT(refused("/model/vocab", json{1, 2}, "tokenizer.json"), HasSubstr("tokenizer.json"));
  EXPECT_THAT(refused("/added_tokens_decoder", json{{"x", json::object()}}, "tokenizer_config.json"),
              HasSubstr("expected an id and its token's `content`"));
}

// JSON writes characters above U+FFFF as two halves, and Hugging Face a length without limit as 1e30.
TEST_F(Import, WhatYamlReadsDifferently) {
  const std::string before = read_file(folder_ / "tokenizer_config.json", 1 << 20);
  for (const char* text :
       {R"("\ud83e\udda9")", R"("\\ud83e")", R"("a\/b\u00e9")", "1000000000000000019884624838656",
        "-1000000000000000019884624838656", "[1e30,\t18446744073709551615]"}) {
    std::ofstream(folder_ / "tokenizer_config.json")
        << before.substr(0, before.rfind('}')) << ", \"note\": " << text << "}";
    EXPECT_EQ(refusal(), "") << text;
  }
  std::string escaped = before;
  escaped.replace(escaped.find("<pad>"), 5, R"(\ud83e\udda9)");
  std::ofstream(folder_ / "tokenizer_config.json") << escaped;
  edit("generation_config.json", [](json& file) { file.erase("pad_token_id"); });
  edit("config.json", [](json& file) { file.erase("pad_token_id"); });
  EXPECT_EQ(at({"model", "tokenizer", "pad_token"}), Value("\U0001F9A9"));
}

TEST_F(Import, DecodersOfTokenizers) {
  EXPECT_EQ(at({"model", "tokenizer", "decoder"}), Value("byte_fallback"));
  EXPECT_EQ(at({"model", "tokenizer", "strip_left"}), Value(false));
  edit("tokenizer.json", [](json& file) {
    file["decoder"]["decoders"].push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  });
  EXPECT_EQ(at({"model", "tokenizer", "strip_left"}), Value(true));
  edit("tokenizer.json", [](json& file) { file["decoder"]["decoders"].back()["start"] = 2; });
  EXPECT_THAT(refusal(), HasSubstr("the decoder strips something else than one space at the start"));
  edit("tokenizer.json", [](json& file) { file["decoder"] = nullptr; });
  EXPECT_TRUE(at({"model", "tokenizer", "decoder"}).is_null());
  std::filesystem::remove(folder_ / "tokenizer.json");  // transformers makes one of tokenizer.model
  std::ofstream(folder_ / "added_tokens.json") << R"({"<image>": 600, "<pad>": 601})";
  EXPECT_EQ(at({"model", "tokenizer", "decoder"}), Value("byte_fallback"));
}

TEST_F(Import, ANewProcessorConfigHoldsTheImageProcessor) {
  const json picture = json::parse(read_file(folder_ / "preprocessor_config.json", 1 << 20));
  std::filesystem::remove(folder_ / "preprocessor_config.json");
  set("/image_processor", picture, "processor_config.json");
  EXPECT_EQ(refusal(), "");
}

TEST_F(Import, TokenizersThatDisagree) {
  edit("tokenizer.json", [](json& file) {
    file["added_tokens"][3]["content"] = "<picture>";
    file["added_tokens"][3]["id"] = 300;
  });
  EXPECT_THAT(refusal(), AllOf(HasSubstr("tokenizer.json:"), HasSubstr("tokenizer.model"),
                               HasSubstr("the tokenizer's files disagree: the token with the id 300 is")));
  edit("tokenizer.json", [](json& file) { file["added_tokens"][3]["id"] = 602; });
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("tokenizer.json:"), HasSubstr("the tokenizer has no token with the id 600")));
}

TEST_F(Import, FewerRowsThanTokens) {
  set("/text_config/vocab_size", 601);
  EXPECT_THAT(refusal(), HasSubstr("vocab_size is 601, but the tokenizer has 602 tokens"));
}

TEST_F(Import, ChatTemplates) {
  const std::string known = json::parse(read_file(folder_ / "chat_template.json", 1 << 20))["chat_template"];
  std::string spaced = known;
  spaced.replace(spaced.find("{%"), 2, "{%  ");  // spaces within tags and comments have no effect
  set("/chat_template", "{# mine #}" + spaced, "chat_template.json");
  EXPECT_EQ(at({"task_head", "generation_prompt"}), Value("ASSISTANT:"));
  std::string other = known;
  other.replace(other.find("': '"), 4, "':'");  // but those within texts do
  set("/chat_template", other, "chat_template.json");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("chat_template.json:"), HasSubstr("not one of those that are known"),
                               HasSubstr("{% for message in messages %}"), HasSubstr("--chat-template")));
  EXPECT_EQ(*import_model(folder_.path().string(), "llava").find("task_head")->find("type"), Value("chat"));
  EXPECT_THAT(error_of([&] { import_model(folder_.path().string(), "nobody"); }),
              HasSubstr("no chat template named 'nobody' (known: idefics3, llava, smolvlm)"));
}

TEST_F(Import, AnAssumedOrForeignChatTemplateIsMentioned) {
  std::filesystem::remove(folder_ / "chat_template.json");
  testing::internal::CaptureStderr();
  import();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("has no chat template, so 'llava' is assumed"), Not(HasSubstr("warning"))));
  testing::internal::CaptureStderr();
  import_model(folder_.path().string(), "smolvlm");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("the chat template writes '<end_of_utterance>', which is no token"),
                    Not(HasSubstr("is assumed"))));
}

// No message names a file of rules, which is part of the program.
TEST_F(Import, ErrorsOfComponentsNameTheFilesOfTheFolder) {
  const auto registry = open_registry({});
  const auto refused = [&](const char* pointer, const json& value, const std::string& name = "config.json") {
    const std::string before = read_file(folder_ / name, 1 << 20);
    set(pointer, value, name);
    const std::string message = error_of([&] {
      const RunConfig config = RunConfig::parse(import(), *registry);
      Model::assemble(config.model, *registry);
      TransformChain(config.transforms, *registry);
    });
    std::ofstream(folder_ / name) << before;
    EXPECT_THAT(message, AllOf(HasSubstr((folder_ / name).string() + ":"), Not(HasSubstr("rules/"))))
        << pointer;
    return message;
  };
  EXPECT_THAT(refused("/text_config/num_attention_heads", 5), HasSubstr("num_heads 5"));
  EXPECT_THAT(refused("/vision_config/patch_size", 100), HasSubstr("patch_size 100"));
  EXPECT_THAT(refused("/vision_feature_layer", -20), HasSubstr("feature_layer -20"));
  EXPECT_THAT(refused("/image_mean", json{0.5, 0.5}, "preprocessor_config.json"), HasSubstr("'mean'"));
  const Value config = import();
  const std::function<void(const Value&)> check = [&](const Value& value) {
    EXPECT_THAT(value.where().str(), Not(HasSubstr("rules/")));
    if (value.is_list()) {
      for (const Value& item : value.as_list()) check(item);
    } else if (value.is_map()) {
      for (const Value::Member& member : value.as_map()) check(member.value);
    }
  };
  check(config);
}

TEST_F(Import, TheRowsOfTheEmbeddingAreThoseOfTheVocabulary) {
  const auto source = test::golden_root() / "llava_tiny" / "model" / "model.safetensors";
  std::filesystem::copy_file(source, folder_ / "model.safetensors");
  EXPECT_EQ(refusal(), "");
  set("/text_config/vocab_size", 700);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("config.json:"), HasSubstr("vocab_size is 700, but "),
                               HasSubstr("embed_tokens.weight' in "), HasSubstr("has 610 rows")));
}

TEST_F(Import, QuantisedWeights) {
  set("/quantization_config", {{"quant_method", "bitsandbytes"}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("config.json:"), HasSubstr("'quantization_config' is"),
                               HasSubstr("take the files of the model that is not quantised")));
}

TEST_F(Import, FilesThatAreGitLfsPointers) {
  for (const char* name : {"config.json", "tokenizer.json", "tokenizer.model", "generation_config.json"}) {
    const std::string before = read_file(folder_ / name, 1 << 20);
    std::ofstream(folder_ / name) << "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    EXPECT_THAT(refusal(),
                AllOf(HasSubstr(name), HasSubstr("is a Git LFS pointer"), HasSubstr("git lfs pull")));
    std::ofstream(folder_ / name) << before;
  }
}

TEST_F(Import, AFolderIsFoundByItsPath) {
  EXPECT_TRUE(is_model_folder(folder_.path().string()));
  EXPECT_FALSE(is_model_folder((folder_ / "config.json").string()));
  EXPECT_EQ(model_folder_name("a/b/"), "b");
  EXPECT_EQ(model_folder_name("a/b"), "b");
}

}  // namespace
}  // namespace flam
