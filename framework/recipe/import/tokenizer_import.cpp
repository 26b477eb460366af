#include "framework/recipe/import/tokenizer_import.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/base/text.h"
#include "framework/recipe/import/folder_files.h"

namespace flam {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

const json& member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : kNull;
}

bool flag(const json& object, const char* key) {
  const json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

/// The normalizer, pre_tokenizer, … of this type within `part`, which may be a Sequence of them; or null.
const json& step(const json& part, const char* type) {
  static const json kNull;
  if (member(part, "type") == type) return part;
  for (const char* list : {"normalizers", "pretokenizers", "processors", "decoders"}) {
    for (const json& one : member(part, list)) {
      if (const json& found = step(one, type); !found.is_null()) return found;
    }
  }
  return kNull;
}

/// What the files of a tokenizer say about it.
class Reader {
 public:
  explicit Reader(const fs::path& folder) : folder_(folder) {}

  ImportedTokenizer read() {
    json_ = read_large_json_file(folder_ / "tokenizer.json");
    out_.config = read_json_file(folder_ / "tokenizer_config.json");
    std::error_code ignored;
    const bool has_model = fs::exists(folder_ / "tokenizer.model", ignored);
    const bool is_bytes = !step(member(json_, "pre_tokenizer"), "ByteLevel").is_null();
    if (json_.is_null() && !has_model) {
      throw Error(cat("no tokenizer in ", quoted(folder_.string()),
                      "; expected tokenizer.model (SentencePiece) or tokenizer.json"));
    }
    if (!is_bytes && !has_model) {
      throw Error(cat(quoted((folder_ / "tokenizer.json").string()),
                      " is not a byte-level tokenizer, so tokenizer.model is needed beside it"));
    }
    if (!is_bytes) base_ = add_sentencepiece_pieces(folder_ / "tokenizer.model", out_.names);
    add_names();
    const int64_t size = out_.names.size();
    if (is_bytes) {
      byte_level(size);
    } else {
      sentencepiece(size);
    }
    return std::move(out_);
  }

 private:
  void add_names() {
    for (const auto& [name, id] : member(member(json_, "model"), "vocab").items())
      add(id, name, "tokenizer.json");
    for (const json& token : member(json_, "added_tokens"))
      add(member(token, "id"), member(token, "content"), "tokenizer.json");
    const json added = read_large_json_file(folder_ / "added_tokens.json");
    for (const auto& [name, id] : added.items()) add(id, name, "added_tokens.json");
    const Value* decoder = out_.config.find("added_tokens_decoder");
    if (!decoder || !decoder->is_map()) return;
    for (const Value::Member& token : decoder->as_map()) {
      int64_t id = -1;
      std::from_chars(token.key.data(), token.key.data() + token.key.size(), id);
      const Value* content = token.value.find("content");
      if (id < 0 || !content) throw Error(token.key_where, "expected an id and its token's `content`");
      out_.names.add(id, content->as_string(), "tokenizer_config.json");
    }
  }

  void add(const json& id, const json& name, const char* file) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || !name.is_string())
      throw Error(cat(quoted((folder_ / file).string()), ": expected tokens with their ids"));
    out_.names.add(id.get<int64_t>(), name.get<std::string>(), file);
  }

  /// The names of the ids from `base` on.
  Value names_from(int64_t base, int64_t size) const {
    Value out = Value::list();
    for (int64_t id = base; id < size; ++id) out.as_list().emplace_back(out_.names.name(id, "a token"));
    return out;
  }

  // The added tokens at the end of the vocabulary, among them the media marker, are those of the component.
  void byte_level(int64_t size) {
    std::set<int64_t> added;
    for (const json& token : member(json_, "added_tokens")) added.insert(member(token, "id").get<int64_t>());
    base_ = size;
    while (added.contains(base_ - 1)) --base_;
    out_.base_size = base_;
    out_.component.set("type", "byte_bpe");
    out_.component.set("model", "tokenizer.json");
    out_.component.set("added_tokens", names_from(base_, size));
  }

  void sentencepiece(int64_t size) {
    out_.base_size = base_;
    out_.component.set("type", "sentencepiece");
    out_.component.set("model", "tokenizer.model");
    out_.component.set("added_tokens", names_from(base_, size));
    out_.component.set("prepend_bos", prepends_bos());
    out_.component.set("legacy", is_legacy());
    out_.component.set("swallow_spaces", swallows_spaces());
    set_decoder();
    if (is_set("add_eos_token"))
      throw Error(out_.config.find("add_eos_token")->where(), "add_eos_token: true is not supported");
  }

  // Without a tokenizer.json, transformers makes one of tokenizer.model.
  void set_decoder() {
    const json& decoder = member(json_, "decoder");
    if (!json_.is_null() && step(decoder, "ByteFallback").is_null()) return;
    const json& strip = step(decoder, "Strip");
    if (!strip.is_null() &&
        (member(strip, "content") != " " || member(strip, "start") != 1 || member(strip, "stop") != 0)) {
      throw Error(cat(quoted((folder_ / "tokenizer.json").string()),
                      ": the decoder strips something else than one space at the start, which is not "
                      "supported: ",
                      printable(strip.dump())));
    }
    out_.component.set("decoder", "byte_fallback");
    out_.component.set("strip_left", json_.is_null() || !strip.is_null());
  }

  bool is_set(const char* key, bool otherwise = false) const {
    const Value* value = out_.config.find(key);
    return value && value->is_bool() ? value->as_bool() : otherwise;
  }

  bool prepends_bos() const {
    const json& processor = member(json_, "post_processor");
    if (processor.is_null()) return json_.is_null() && is_set("add_bos_token", true);
    const json& text = member(step(processor, "TemplateProcessing"), "single");
    const auto has = [&](size_t i, const char* what) { return text.is_array() && text[i].contains(what); };
    if (text.size() == 1 && has(0, "Sequence")) return false;
    if (text.size() == 2 && has(0, "SpecialToken") && has(1, "Sequence")) return true;
    throw Error(
        cat(quoted((folder_ / "tokenizer.json").string()),
            ": the post_processor adds something other than one token in front of a text, which is not "
            "supported: ",
            printable(processor.dump())));
  }

  /// Whether each text between two tokens has a leading space of its own, as before transformers 4.34.
  bool is_legacy() const {
    if (json_.is_null()) return is_set("legacy", true);
    if (!step(member(json_, "normalizer"), "Prepend").is_null()) return true;
    const json& metaspace = step(member(json_, "pre_tokenizer"), "Metaspace");
    const json& scheme = member(metaspace, "prepend_scheme");
    if (scheme == "always" || (scheme.is_null() && flag(metaspace, "add_prefix_space"))) return true;
    if (scheme == "first") return false;
    throw Error(cat(quoted((folder_ / "tokenizer.json").string()),
                    ": the normalizer puts no space in front of a text, which is not supported"));
  }

  bool swallows_spaces() const {
    int64_t swallowing = 0, count = 0;
    for (const json& token : member(json_, "added_tokens")) {
      const bool left = flag(token, "lstrip"), right = flag(token, "rstrip");
      const bool is_inside = member(token, "id").get<int64_t>() < base_;
      if (flag(token, "single_word") || left != right || (is_inside && left)) refuse_flags(token);
      count += !is_inside;
      swallowing += left;
    }
    if (swallowing != 0 && swallowing != count) refuse_flags(member(json_, "added_tokens"));
    return swallowing > 0;
  }
  [[noreturn]] void refuse_flags(const json& tokens) const {
    throw Error(
        cat(quoted((folder_ / "tokenizer.json").string()),
            ": beside a tokenizer.model, added tokens are supported only without `single_word`, and if "
            "`lstrip` and `rstrip` are true for all tokens behind its pieces, or for none: ",
            printable(tokens.dump())));
  }

  fs::path folder_;
  json json_;
  int64_t base_ = 0;  // pieces of tokenizer.model
  ImportedTokenizer out_;
};

}  // namespace

ImportedTokenizer import_tokenizer(const fs::path& folder) {
  return Reader(folder).read();
}

std::string named_token(const Value& tokenizer_config, const char* key) {
  const Value* token = tokenizer_config.find(key);
  if (token && token->is_map()) token = token->find("content");
  return token && token->is_string() ? token->as_string() : "";
}

}  // namespace flam
