#include "framework/recipe/import/import.h"

#include <algorithm>
#include <filesystem>

#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"
#include "framework/recipe/import/chat_template.h"
#include "framework/recipe/import/embedding_rows.h"
#include "framework/recipe/import/folder_files.h"
#include "framework/recipe/import/rules.h"
#include "framework/recipe/import/tokenizer_import.h"
#include "framework/recipe/paths.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr const char* kGenerationDefaults =
    "{max_new_tokens: 256, beam_length: generated, suppress_padded_vocab: false}";

/// A component whose place is only that of the architecture gets the first place of a value within it.
void narrow_places(Value& value, const Location& vague) {
  const auto narrow = [&](Value& inner) {
    narrow_places(inner, vague);
    if (value.where().str() == vague.str()) value.set_where(inner.where());
  };
  if (value.is_list()) {
    for (Value& item : value.as_list()) narrow(item);
  } else if (value.is_map()) {
    for (Value::Member& member : value.as_map()) narrow(member.value);
  }
}

/// The rules of the architecture that a config.json names.
Value family_of(const Value& config) {
  const Value* list = config.find("architectures");
  if (!list || !list->is_list() || list->as_list().empty())
    throw Error(config.where(), "no `architectures`, which say what kind of model this is");
  const Value& wanted = list->as_list().front();
  std::vector<std::string> known;
  for (auto& [name, rules] : rules_in("families")) {
    for (const Value& architecture : rules.find("architectures")->as_list()) {
      if (architecture == wanted) return rules;
      known.push_back(architecture.as_string());
    }
  }
  throw Error(wanted.where(), cat("there are no rules for the architecture ", quoted(wanted.as_string()),
                                  "; known: ", join(known, ", "), " (docs/models.md)"));
}

class Importer {
 public:
  Importer(const fs::path& folder, const std::string& chat_template)
      : folder_(fs::absolute(folder).lexically_normal()), chat_template_(chat_template) {}

  Value run() {
    const Value config = required("config.json");
    config_where_ = config.where();
    const Value family = family_of(config);
    const Value& rules = *family.find("files");
    const Location architecture = config.find("architectures")->as_list().front().where();
    tree_ = *family.find("config");
    tree_.set("generation", parse_yaml(kGenerationDefaults, "rules/generation"));
    set_places(tree_, architecture);
    set_places(*tree_.find("weights")->find("files"), {});  // errors name the files of weights themselves
    merge_at(tree_, "weights.root", folder_.string(), config.where());
    RuleReader reader(tree_, errors_);
    reader.apply(config, *rules.find("config.json"), "");
    Value processor = read_json_file(folder_ / "processor_config.json");
    reader.apply(preprocessor(processor), *rules.find("preprocessor_config.json"), "");
    if (!processor.is_null()) reader.apply(processor, *rules.find("processor_config.json"), "");
    const Value generation = read_json_file(folder_ / "generation_config.json");
    for (const RuleFile& file : rule_files()) {
      if (file.name == "generation.yaml" && !generation.is_null())
        reader.apply(generation, parse_yaml(file.text, "rules/" + file.name), "");
    }
    errors_.throw_if_any();
    facts_ = tree_.find("import") ? *tree_.find("import") : Value::map();
    tree_.erase("import");

    set_tokenizer();
    set_generation();
    if (const Value* rows = fact("embedding_rows")) check_embedding_rows(folder_, *rows);
    check_crop();
    check_video_tiles();
    set_task_head(family);
    narrow_places(tree_, architecture);
    tree_.set("meta", Value::map()).set("imported_from", folder_.string());
    return std::move(tree_);
  }

 private:
  Value required(const char* name) const {
    Value file = read_json_file(folder_ / name);
    if (file.is_null())
      throw Error(
          cat("no ", name, " in ", quoted(folder_.string()), "; a Hugging Face model folder has one"));
    return file;
  }

  /// preprocessor_config.json, or `image_processor` of a newer processor_config.json, from which it is
  /// removed.
  Value preprocessor(Value& processor) const {
    const Value* within = processor.find("image_processor");
    if (!within) return required("preprocessor_config.json");
    Value out = read_json_file(folder_ / "preprocessor_config.json");
    if (out.is_null()) out = *within;
    processor.erase("image_processor");
    return out;
  }

  const Value* fact(const char* name) const { return facts_.find(name); }

  void set_tokenizer() {
    tokenizer_ = import_tokenizer(folder_);
    Value& component = tokenizer_.component;
    const TokenNames& names = tokenizer_.names;
    const Value* rows = fact("embedding_rows");
    if (rows && rows->as_int() < names.size()) {
      throw Error(rows->where(), cat("vocab_size is ", rows->as_int(), ", but the tokenizer has ",
                                     names.size(), " tokens; are they files of two models?"));
    }
    const Value* image = fact("image_token_id");
    const std::string marker = names.name(*image, "the image token");
    if (const Value* stated = fact("image_token"); stated && stated->as_string() != marker) {
      throw Error(stated->where(),
                  cat("image_token is ", quoted(stated->as_string()), ", but the token with the id ",
                      image->as_int(), " (", image->where().str(), ") is ", quoted(marker)));
    }
    component.set("image_token", Value(marker, image->where()));
    const Value* pad = fact("pad_token_id");
    std::string padding = pad ? names.name(*pad, "pad_token_id") : "";
    for (const char* key : {"pad_token", "eos_token"}) {
      if (padding.empty()) padding = named_token(tokenizer_.config, key);
    }
    if (padding.empty())
      throw Error(config_where_, cat("the files of this folder name no pad_token_id and no pad_token; add "
                                     "`pad_token_id` to config.json or generation_config.json"));
    component.set("pad_token", padding);
    pad_id_ = names.id(padding).value_or(0);
    if (component.find("type")->as_string() == "byte_bpe") {
      if (const std::string eos = named_token(tokenizer_.config, "eos_token"); !eos.empty())
        component.set("eos_token", eos);
      if (const std::string bos = named_token(tokenizer_.config, "bos_token"); !bos.empty())
        component.set("bos_token", bos);
    }
    merge_at(tree_, "model.tokenizer", component, {});
    merge_at(tree_, "model.language_decoder.vocab_size", tokenizer_.base_size, {});
  }

  /// The ids that end an answer: those of generation_config.json, or else of config.json or the tokenizer.
  void set_generation() {
    Value stops = Value::list();
    const Value* ids = nullptr;
    for (const char* name : {"eos_token_id", "text_eos_token_id"}) {
      if (!ids) ids = fact(name);
    }
    if (ids && ids->is_list() && ids->as_list().empty())
      throw Error(ids->where(), "eos_token_id is an empty list, so no answer would end");
    if (ids) {
      for (const Value& id : ids->is_list() ? ids->as_list() : Value::List{*ids}) {
        stops.as_list().emplace_back(tokenizer_.names.name(id, "eos_token_id"), id.where());
      }
    } else if (const std::string eos = named_token(tokenizer_.config, "eos_token"); !eos.empty()) {
      stops.as_list().emplace_back(eos);
    } else {
      throw Error(config_where_,
                  cat("the files of this folder name no eos_token_id and no eos_token, so no answer "
                      "would end; add `eos_token_id` to config.json or generation_config.json"));
    }
    Value& generation = *tree_.find("generation");
    generation.set("stop_tokens", std::move(stops));
    generation.set("pad_token_id", pad_id_);
    const Value* sampled = generation.find("do_sample");
    const bool samples = sampled && sampled->is_bool() && sampled->as_bool();
    if (samples && !generation.find("top_k")) generation.set("top_k", 50);  // Hugging Face's default
    for (const char* name : {"temperature", "top_k", "top_p"}) {
      if (!samples) generation.erase(name);  // has no effect
    }
  }

  void check_crop() const {
    const Value* width = fact("crop_width");
    const Value* transforms = tree_.find("transforms");
    if (!width || transforms->as_list().size() < 2) return;
    const Value* height = transforms->as_list()[1].find("size");
    if (height && !(*height == *width)) {
      throw Error(width->where(), cat("crop_size is ", height->as_int(), " × ", width->as_int(),
                                      " pixels; only squares are supported"));
    }
  }

  void check_video_tiles() const {
    const Value* tile = fact("video_tile_size");
    const Value* layout = tree_.find("model")->find("media_layout");
    const Value* of_pictures = layout ? layout->find("tile_size") : nullptr;
    if (tile && of_pictures && !(*tile == *of_pictures)) {
      throw Error(tile->where(),
                  cat("frames of videos have ", tile->as_int(), " pixels, but tiles of pictures ",
                      of_pictures->as_int(), "; only equal sizes are supported"));
    }
  }

  void set_task_head(const Value& family) {
    Location where;
    std::string name = chat_template_;
    const std::string jinja = name.empty() ? read_chat_template(folder_, where) : "";
    if (jinja.empty() && name.empty()) {
      name = family.find("chat_template")->as_string();
      log_info(
          cat(quoted(folder_.string()), " has no chat template, so ", quoted(name),
              " is assumed, the one of its architecture; `flam import FOLDER OUT.yaml --chat-template NAME` "
              "chooses another"));
    }
    Value head = name.empty() ? task_head_for(jinja, where) : task_head_named(name);
    set_places(head, name.empty() ? where : config_where_);
    warn_of_markers(head, tokenizer_.names, folder_.string());
    Value& tokenizer = *tree_.find("model")->find("tokenizer");
    const Value* begin = head.find("begin");
    if (begin && tokenizer.find("type")->as_string() == "byte_bpe")
      tokenizer.set("prepend_bos", "never");  // the template begins with the token
    tree_.set("task_head", std::move(head));
  }

  fs::path folder_;
  std::string chat_template_;
  Value tree_, facts_;
  ErrorList errors_;
  Location config_where_;
  ImportedTokenizer tokenizer_;
  int64_t pad_id_ = 0;
};

}  // namespace

bool is_model_folder(const std::string& name) {
  std::error_code ignored;
  if (!fs::is_directory(name, ignored)) return false;
  if (fs::path(name).has_parent_path()) return true;
  const auto shipped = list_configs(configs_root());
  return std::none_of(shipped.begin(), shipped.end(),
                      [&](const auto& config) { return config.first == name; });
}

std::string model_folder_name(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

Value import_model(const std::string& folder, const std::string& chat_template) {
  return Importer(folder, chat_template).run();
}

}  // namespace flam
