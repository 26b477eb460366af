#include "framework/recipe/import/tokenizer_import.h"

#include <charconv>
#include <set>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/recipe/import/folder_files.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

const Value& member(const Value& object, const char* key) {
  static const Value kNull;
  const Value* found = object.find(key);
  return found ? *found : kNull;
}

const Value::List& items(const Value& list) {
  static const Value::List kNone;
  return list.is_list() ? list.as_list() : kNone;
}

bool flag(const Value& object, const char* key) {
  return member(object, key) == Value(true);
}

/// The normalizer, pre_tokenizer, … of this type within `part`, which may be a Sequence of them; or null.
const Value& step(const Value& part, const char* type) {
  static const Value kNull;
  if (member(part, "type") == Value(type)) return part;
  for (const char* list : {"normalizers", "pretokenizers", "processors", "decoders"}) {
    for (const Value& one : items(member(part, list))) {
      if (const Value& found = step(one, type); !found.is_null()) return found;
    }
  }
  return kNull;
}

/// What the files of a tokenizer say about it.
class Reader {
 public:
  explicit Reader(const fs::path& folder) : folder_(folder) {}

  ImportedTokenizer read() {
    json_ = read_json_file(folder_ / "tokenizer.json");
    out_.config = read_json_file(folder_ / "tokenizer_config.json");
    std::error_code ignored;
    const bool has_model = fs::exists(folder_ / "tokenizer.model", ignored);
    const bool is_bytes = !step(member(json_, "pre_tokenizer"), "ByteLevel").is_null();
    if (json_.is_null() && !has_model) {
      throw Error(cat("no tokenizer in ", quoted(folder_.string()),
                      "; expected tokenizer.model (SentencePiece) or tokenizer.json"));
    }
    const Value& model = member(json_, "model");
    if (!is_bytes && !has_model && !(member(model, "type") == Value("BPE"))) {
      throw Error(
          (model.is_null() ? json_ : model).where(),
          "the model of this tokenizer is not of the type BPE, so tokenizer.model (SentencePiece) is needed "
          "beside this file");
    }
    if (has_model && !is_bytes) {
      base_ = add_sentencepiece_pieces(folder_ / "tokenizer.model", out_.names);
    } else {
      const Value& vocab = member(model, "vocab");
      base_ = vocab.is_map() ? std::ssize(vocab.as_map()) : 0;
    }
    add_names();
    const int64_t size = out_.names.size();
    if (is_bytes) {
      byte_level(size);
    } else {
      sentencepiece(size, has_model ? "tokenizer.model" : "tokenizer.json");
    }
    return std::move(out_);
  }

 private:
  void add_names() {
    add_ids(member(member(json_, "model"), "vocab"));
    for (const Value& token : members_of_list(member(json_, "added_tokens")))
      add(member(token, "id"), member(token, "content"), token.where());
    add_ids(read_json_file(folder_ / "added_tokens.json"));
    const Value* decoder = out_.config.find("added_tokens_decoder");
    if (!decoder || !decoder->is_map()) return;
    for (const Value::Member& token : decoder->as_map()) {
      int64_t id = -1;
      std::from_chars(token.key.data(), token.key.data() + token.key.size(), id);
      const Value* content = token.value.find("content");
      if (id < 0 || !content) throw Error(token.key_where, "expected an id and its token's `content`");
      out_.names.add(id, content->as_string(), token.key_where);
    }
  }

  /// A map from names to ids.
  void add_ids(const Value& ids) {
    if (ids.is_null()) return;
    if (!ids.is_map())
      throw Error(ids.where(), cat("expected tokens with their ids, found ", ids.describe()));
    for (const Value::Member& token : ids.as_map()) add(token.value, token.key, token.key_where);
  }

  static const Value::List& members_of_list(const Value& list) {
    if (!list.is_null() && !list.is_list())
      throw Error(list.where(), cat("expected tokens with their ids, found ", list.describe()));
    return items(list);
  }

  void add(const Value& id, const Value& name, const Location& where) {
    if (!id.is_int() || id.as_int() < 0 || !name.is_string())
      throw Error(where, "expected a token with its id, a whole number");
    out_.names.add(id.as_int(), name.as_string(), where);
  }

  /// The names of the ids from `base` on.
  Value names_from(int64_t base, int64_t size) const {
    Value out = Value::list();
    for (int64_t id = base; id < size; ++id)
      out.as_list().emplace_back(out_.names.name(Value(id), "a token"));
    return out;
  }

  // The added tokens at the end of the vocabulary, among them the media marker, are those of the component.
  void byte_level(int64_t size) {
    std::set<int64_t> added;
    for (const Value& token : items(member(json_, "added_tokens")))
      added.insert(member(token, "id").as_int());
    base_ = size;
    while (added.contains(base_ - 1)) --base_;
    out_.base_size = base_;
    out_.component.set("type", "byte_bpe");
    out_.component.set("model", "tokenizer.json");
    out_.component.set("added_tokens", names_from(base_, size));
  }

  void sentencepiece(int64_t size, const char* model) {
    out_.base_size = base_;
    out_.component.set("type", "sentencepiece");
    out_.component.set("model", model);
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
    const Value& decoder = member(json_, "decoder");
    if (!json_.is_null() && step(decoder, "ByteFallback").is_null()) return;
    const Value& strip = step(decoder, "Strip");
    const bool strips_one = member(strip, "content") == Value(" ") && member(strip, "start") == Value(1) &&
                            member(strip, "stop") == Value(0);
    if (!strip.is_null() && !strips_one) {
      throw Error(
          strip.where(),
          cat("the decoder strips something else than one space at the start, which is not supported: ",
              printable(write_json(strip))));
    }
    out_.component.set("decoder", "byte_fallback");
    out_.component.set("strip_left", json_.is_null() || !strip.is_null());
  }

  bool is_set(const char* key, bool otherwise = false) const {
    const Value* value = out_.config.find(key);
    return value && value->is_bool() ? value->as_bool() : otherwise;
  }

  bool prepends_bos() const {
    const Value& processor = member(json_, "post_processor");
    if (processor.is_null()) return json_.is_null() && is_set("add_bos_token", true);
    const Value& single = member(step(processor, "TemplateProcessing"), "single");
    const Value::List& parts = items(single);
    if (parts.size() == 1 && parts[0].find("Sequence")) return false;
    if (parts.size() == 2 && parts[0].find("SpecialToken") && parts[1].find("Sequence")) return true;
    throw Error((single.is_null() ? processor : single).where(),
                cat("the post_processor adds something other than one token in front of a text, which is not "
                    "supported: ",
                    printable(write_json(single.is_null() ? processor : single))));
  }

  /// Whether each text between two tokens has a leading space of its own, as before transformers 4.34.
  bool is_legacy() const {
    if (json_.is_null()) return is_set("legacy", true);
    if (!step(member(json_, "normalizer"), "Prepend").is_null()) return true;
    const Value& metaspace = step(member(json_, "pre_tokenizer"), "Metaspace");
    const Value& scheme = member(metaspace, "prepend_scheme");
    if (scheme == Value("always") || (scheme.is_null() && flag(metaspace, "add_prefix_space"))) return true;
    if (scheme == Value("first")) return false;
    throw Error(json_.where(), "the normalizer puts no space in front of a text, which is not supported");
  }

  bool swallows_spaces() const {
    int64_t swallowing = 0, count = 0;
    for (const Value& token : items(member(json_, "added_tokens"))) {
      const bool left = flag(token, "lstrip"), right = flag(token, "rstrip");
      const bool is_inside = member(token, "id").as_int() < base_;
      if (flag(token, "single_word") || left != right || (is_inside && left)) refuse_flags(token);
      count += !is_inside;
      swallowing += left;
    }
    if (swallowing != 0 && swallowing != count) refuse_flags(member(json_, "added_tokens"));
    return swallowing > 0;
  }
  [[noreturn]] void refuse_flags(const Value& tokens) const {
    throw Error(tokens.where(),
                cat("beside a tokenizer.model, added tokens are supported only without `single_word`, and if "
                    "`lstrip` and `rstrip` are true for all tokens behind its pieces, or for none: ",
                    printable(write_json(tokens))));
  }

  fs::path folder_;
  Value json_;
  int64_t base_ = 0;  // pieces of the model
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
