#include "framework/recipe/import/gguf_import.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/component/language_decoder.h"
#include "framework/component/tokenizer.h"
#include "framework/config/config.h"
#include "framework/config/merge.h"
#include "framework/model/checked.h"
#include "framework/recipe/import/gguf_rope.h"
#include "framework/recipe/import/rules.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/formats/gguf.h"
#include "framework/weights/weight_store.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

// tokenizer.ggml.token_type
constexpr double kNormal = 1, kByte = 6;

/// A number of the file; one in 32 bits becomes the shortest decimal that is rounded to it.
double decimal(double number) {
  const auto narrow = static_cast<float>(number);
  if (static_cast<double>(narrow) != number) return number;
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, narrow);
  double out = number;
  std::from_chars(text, written.ptr, out);
  return out;
}

Value as_value(const GgufValue& value, const Location& where) {
  if (const auto* flag = std::get_if<bool>(&value)) return {*flag, where};
  if (const auto* whole = std::get_if<int64_t>(&value)) return {*whole, where};
  if (const auto* number = std::get_if<double>(&value)) return {decimal(*number), where};
  if (const auto* text = std::get_if<std::string_view>(&value)) return {std::string(*text), where};
  return {"an array", where};
}

class GgufImporter {
 public:
  GgufImporter(const std::string& path, Registry& registry)
      : path_(fs::absolute(path).lexically_normal()),
        metadata_(MappedFile::open(path_)),
        weights_(open_checkpoint(path_)),
        where_{std::make_shared<const std::string>(path), 0, 0},
        registry_(registry) {}

  Value run() {
    apply_rules();
    set_tensors();
    set_tokenizer();
    set_generation();
    Value weights =
        parse_yaml("{files: [{layout: [{prefix: '', slot: language_decoder, naming: gguf}]}]}", "");
    set_places(weights, where_);
    tree_.set("weights", std::move(weights));
    merge_at(tree_, "weights.root", path_.parent_path().string(), where_);
    merge_at(tree_, "weights.files.0.path", path_.filename().string(), where_);
    tree_.set("meta", Value::map()).set("imported_from", path_.string());
    check();
    return std::move(tree_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw Error(where_, why); }

  /// The rules of the file's architecture, applied to the keys that begin with its name.
  void apply_rules() {
    const auto stated = metadata_.text("general.architecture");
    const std::string architecture(stated.value_or(""));
    std::vector<std::string> known;
    Value rules;
    for (const auto& [name, of_architecture] : rules_in("gguf")) {
      known.push_back(name);
      if (name == architecture) rules = of_architecture;
    }
    if (rules.is_null()) {
      fail(cat("there are no rules for ",
               stated ? "the architecture " + quoted(architecture) : "a file without general.architecture",
               "; known: ", join(known, ", "), " (docs/models.md)"));
    }
    tree_ = *rules.find("config");
    set_places(tree_, where_);
    ErrorList errors;
    RuleReader(tree_, errors).apply(section(architecture), *rules.find("keys"), architecture);
    Value tokenizer = section("tokenizer.ggml");
    if (metadata_.text("tokenizer.ggml.model") == "gpt2") {  // only SentencePiece adds or removes spaces
      for (const char* key : {"add_space_prefix", "remove_extra_whitespaces"}) tokenizer.erase(key);
    }
    for (const RuleFile& file : rule_files()) {
      if (file.name != "gguf_tokenizer.yaml") continue;
      RuleReader(tree_, errors)
          .apply(tokenizer, parse_yaml(file.text, "rules/" + file.name), "tokenizer.ggml");
    }
    errors.throw_if_any();
    facts_ = tree_.find("import") ? *tree_.find("import") : Value::map();
    tree_.erase("import");
    check_widths();
  }

  /// The keys that begin with `name` and a dot, as a map.
  Value section(const std::string& name) const {
    Value out = Value::map(where_);
    for (const auto& [key, value] : metadata_.values()) {
      if (key.starts_with(name + ".")) out.set(key.substr(name.size() + 1), as_value(value, where_), where_);
    }
    return out;
  }

  Value& decoder() { return *tree_.find("model")->find("language_decoder"); }

  void check_widths() {
    const auto number = [](const Value* value) { return value ? value->as_int() : 0; };
    const int64_t heads = std::max<int64_t>(1, number(decoder().find("num_heads")));
    const Value* key_length = facts_.find("key_length");
    const int64_t width = key_length ? key_length->as_int() : number(decoder().find("hidden_size")) / heads;
    for (const auto& [fact, what] : {std::pair("value_length", "attention.value_length"),
                                     std::pair("rotary_width", "rope.dimension_count")}) {
      const Value* found = facts_.find(fact);
      if (found && found->as_int() != width) {
        fail(cat(what, " is ", found->as_int(), ", which is not supported; expected ", width,
                 ", the width of an attention head"));
      }
    }
  }

  /// What the tensors of the file say about the model.
  void set_tensors() {
    const auto& names = weights_->names();
    const auto has = [&](const char* name) { return std::binary_search(names.begin(), names.end(), name); };
    decoder().set("tie_word_embeddings", !has("output.weight"));
    if (!has("rope_freqs.weight")) return;
    const Value* theta = decoder().find("rope_theta");
    const auto scaling = llama3_scaling(weights_->tensor("rope_freqs.weight"), theta->as_double());
    if (!scaling)
      fail("the tensor 'rope_freqs.weight' has other factors than Llama 3.1 to 3.3, which are not supported");
    decoder().set("rope_scaling", *scaling);
  }

  std::string token(int64_t id, const char* key) const {
    if (id < 0 || id >= std::ssize(tokens_))
      fail(cat(key, " is ", id, ", but there are ", tokens_.size(), " tokens"));
    return tokens_[static_cast<size_t>(id)];
  }

  /// The token that a key names by its id; "" without the key.
  std::string named_token(const char* key) const {
    const auto id = metadata_.integer(key);
    return id ? token(*id, key) : "";
  }

  /// The number of tokens in front of the added ones. If the file has the image token, with no ordinary token
  /// behind it, it is the first of the added tokens, and otherwise it comes after all tokens of the file.
  size_t split_at(const std::string& image_token) const {
    const auto found = std::find(tokens_.begin(), tokens_.end(), image_token);
    const auto types = metadata_.numbers("tokenizer.ggml.token_type");
    if (found == tokens_.end() || !types || types->size() != tokens_.size()) return tokens_.size();
    const auto is_ordinary = [](double type) { return type == kNormal || type == kByte; };
    const auto begin = found - tokens_.begin();
    return std::any_of(types->begin() + begin, types->end(), is_ordinary) ? tokens_.size()
                                                                          : static_cast<size_t>(begin);
  }

  void set_tokenizer() {
    const auto model = metadata_.text("tokenizer.ggml.model");
    const bool bytes = model == "gpt2";
    if (!bytes && model != "llama") {
      fail(cat("tokenizer.ggml.model is ", model ? quoted(*model) : "missing",
               ", which is not supported; supported: gpt2, llama"));
    }
    for (const auto text : metadata_.texts("tokenizer.ggml.tokens").value_or(std::vector<std::string_view>()))
      tokens_.emplace_back(text);
    Value component = Value::map(where_);
    component.set("type", bytes ? "byte_bpe" : "sentencepiece");
    component.set("model", path_.filename().string());
    std::string image = "<image>";
    size_t base = bytes ? split_at(image) : tokens_.size();
    for (int i = 1; base == tokens_.size() && std::ranges::find(tokens_, image) != tokens_.end(); ++i)
      image = cat("<image_", i, ">");
    Value added = Value::list();
    for (size_t i = base; i < tokens_.size(); ++i) added.as_list().emplace_back(tokens_[i]);
    if (base == tokens_.size()) added.as_list().emplace_back(image);
    component.set("added_tokens", std::move(added));
    component.set("image_token", image);
    eos_ = named_token("tokenizer.ggml.eos_token_id");
    if (eos_.empty()) fail("tokenizer.ggml.eos_token_id is missing, so no answer would end");
    pad_ = named_token("tokenizer.ggml.padding_token_id");
    component.set("pad_token", pad_.empty() ? eos_ : pad_);
    if (bytes) {
      component.set("eos_token", eos_);
      const std::string bos = named_token("tokenizer.ggml.bos_token_id");
      if (!bos.empty()) component.set("bos_token", bos);
    } else {  // as in llama.cpp, where each text behind a special token begins with a space
      component.set("prepend_bos", metadata_.flag("tokenizer.ggml.add_bos_token").value_or(true));
      component.set("legacy", true);
      component.set("swallow_spaces", false);
    }
    merge_at(tree_, "model.tokenizer", std::move(component), where_);
    decoder().set("vocab_size", static_cast<int64_t>(base));
  }

  void set_generation() {
    Value generation = parse_yaml("{max_new_tokens: 256, beam_length: generated}", "");
    set_places(generation, where_);
    Value stops = Value::list();
    stops.as_list().emplace_back(eos_);
    const std::string turn = named_token("tokenizer.ggml.eot_token_id");
    if (!turn.empty() && turn != eos_) stops.as_list().emplace_back(turn);
    generation.set("stop_tokens", std::move(stops));
    const auto pad = metadata_.integer("tokenizer.ggml.padding_token_id");
    generation.set("pad_token_id", pad ? *pad : *metadata_.integer("tokenizer.ggml.eos_token_id"));
    tree_.set("generation", std::move(generation));
  }

  /// Builds the components on the meta device, and opens the tokenizer.
  void check() {
    ErrorList errors;
    Value& model = *tree_.find("model");
    const ComponentConfig decoder =
        registry_.parse("language_decoder", *model.find("language_decoder"), errors);
    const ComponentConfig tokenizer = registry_.parse("tokenizer", *model.find("tokenizer"), errors);
    errors.throw_if_any();
    const auto built = build_checked<Tokenizer>(
        registry_, tokenizer, {model.find("language_decoder")->find("vocab_size")->as_int()});
    WeightStore store;
    WeightScope scope(store, "language_decoder");
    static_cast<void>(registry_.build<LanguageDecoder>(decoder, {std::ssize(built->added_tokens())}, &scope));
    built->load(path_.parent_path());
  }

  fs::path path_;
  GgufMetadata metadata_;
  std::unique_ptr<Checkpoint> weights_;
  Location where_;
  Registry& registry_;
  Value tree_, facts_;
  std::vector<std::string> tokens_;
  std::string eos_, pad_;
};

}  // namespace

bool is_gguf_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && is_gguf(MappedFile::open(path)->bytes());
}

Value import_gguf(const std::string& path, Registry& registry) {
  return GgufImporter(path, registry).run();
}

}  // namespace flam
