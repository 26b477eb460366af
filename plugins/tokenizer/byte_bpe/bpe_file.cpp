#include "bpe_file.h"

#include <algorithm>

#include "bpe_json.h"
#include "byte_alphabet.h"
#include "framework/sdk.h"
#include "vocabulary.h"

namespace flam {
namespace {

using Json = nlohmann::json;

constexpr size_t kLargestMerges = 64u << 20;

/// What is wrong inside a file; read_…() below add the file's name.
[[noreturn]] void refuse(const std::string& what) {
  throw Error(what);
}

int64_t id_of(const Json& id, const std::string& token) {
  if (!id.is_number_integer() || id < 0 || id >= Vocabulary::kMostIds) {
    refuse(cat("the id of ", quoted(token), " is ", printable(id.dump(-1, ' ', true)),
               "; expected a whole number from 0 to ", Vocabulary::kMostIds - 1));
  }
  return id.get<int64_t>();
}

/// A setting that must be absent, null, or one of the values that don't change the ids.
void require_unset(const Json& part, const char* key, const std::string& where, const Json& also) {
  const Json& value = member(part, key);
  if (value.is_null() || value == also) return;
  refuse(cat(where, '.', key, " is ", printable(value.dump(-1, ' ', true)),
             ", which this plugin doesn't know; expected ", also.dump(), " or null"));
}

void add_pieces(const Json& vocab, Vocabulary& vocabulary) {
  if (!vocab.is_object() || vocab.empty()) refuse("it has no vocabulary, a map from pieces to ids");
  for (const auto& [name, id] : vocab.items()) vocabulary.add_piece(name, id_of(id, name));
}

void add_tokens(const Json& tokens, Vocabulary& vocabulary) {
  if (tokens.is_null()) return;
  if (!tokens.is_array()) refuse("added_tokens is not a list");
  for (const Json& token : tokens) {
    const Json& content = member(token, "content");
    if (!content.is_string()) refuse("a member of added_tokens has no content");
    const std::string text = content.get<std::string>();
    const auto flag = [&](const char* key, bool otherwise) {
      const Json& value = member(token, key);
      if (!value.is_null() && !value.is_boolean()) {
        refuse(cat("added_tokens: ", key, " of ", quoted(text), " is ", printable(value.dump(-1, ' ', true)),
                   "; expected true or false"));
      }
      return value.is_null() ? otherwise : value.get<bool>();
    };
    vocabulary.add_token({.text = text,
                          .id = id_of(member(token, "id"), text),
                          .special = flag("special", false),
                          .normalized = flag("normalized", true),
                          .lstrip = flag("lstrip", false),
                          .rstrip = flag("rstrip", false),
                          .single_word = flag("single_word", false)});
  }
}

void read_model(const Json& model, const Json& added, BpeFile& file) {
  if (!model.is_object()) refuse("it has no model");
  if (type_of(model) != "BPE" && !(type_of(model) == "?" && model.contains("merges")))
    refuse(cat("model.type is ", quoted(type_of(model)), "; this plugin reads 'BPE'"));
  require_unset(model, "dropout", "model", 0.0);
  require_unset(model, "continuing_subword_prefix", "model", "");
  require_unset(model, "end_of_word_suffix", "model", "");
  file.ignore_merges = member(model, "ignore_merges") == true;
  Vocabulary vocabulary(file);
  add_pieces(member(model, "vocab"), vocabulary);
  const Json& merges = member(model, "merges");
  if (!merges.is_array()) refuse("model.merges is not a list");
  file.merges.reserve(merges.size());
  for (const Json& merge : merges) {
    if (merge.is_string()) {
      vocabulary.add_merge(merge.get_ref<const std::string&>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      vocabulary.add_merge(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
    } else {
      refuse(cat("merge ", file.merges.size(), " is not a pair of pieces"));
    }
  }
  add_tokens(added, vocabulary);
  vocabulary.finish();
  const auto bytes = std::count_if(file.pieces.begin(), file.pieces.end(),
                                   [](const auto& piece) { return piece.second.size() == 1; });
  if (bytes < 256 && (!member(model, "unk_token").is_null() || member(model, "byte_fallback") == true))
    refuse(
        cat("only ", bytes, " of 256 bytes are pieces, and unk_token and byte_fallback are not supported"));
}

void read_normalizer(const Json& part, BpeFile& file) {
  const std::string type = type_of(part);
  if (type == "null") return;
  if (type == "Sequence" && member(part, "normalizers").is_array()) {
    for (const Json& inner : member(part, "normalizers")) {
      if (inner.is_object() && type_of(inner) == "NFC")
        file.nfc = true;
      else
        refuse(cat("the normalizer ", quoted(type_of(inner)), " is not supported; expected NFC or none"));
    }
    return;
  }
  if (type != "NFC") refuse(cat("the normalizer ", quoted(type), " is not supported; expected NFC or none"));
  file.nfc = true;
}

/// Whether `part` is ByteLevel with or without its own expression, and adds no space.
bool is_byte_level(const Json& part, bool use_regex) {
  if (type_of(part) != "ByteLevel") return false;
  if (member(part, "add_prefix_space") != false)
    refuse("pre_tokenizer ByteLevel with add_prefix_space is not supported");
  return (member(part, "use_regex") != false) == use_regex;
}

PreTokenizerKind read_pre_tokenizer(const Json& part) {
  if (is_byte_level(part, true)) return PreTokenizerKind::gpt2;
  std::vector<std::string> types;
  if (type_of(part) == "Sequence" && member(part, "pretokenizers").is_array()) {
    const Json& parts = member(part, "pretokenizers");
    if (parts.size() == 1 && is_byte_level(parts[0], true)) return PreTokenizerKind::gpt2;
    if (parts.size() == 2 && type_of(parts[0]) == "Digits" && is_byte_level(parts[1], true)) {
      if (member(parts[0], "individual_digits") == true) return PreTokenizerKind::smollm;
      refuse("pre_tokenizer Digits is supported with individual_digits only");
    }
    if (parts.size() == 2 && type_of(parts[0]) == "Split" && is_byte_level(parts[1], false)) {
      const Json& expression = member(member(parts[0], "pattern"), "Regex");
      const auto kind = expression.is_string() ? kind_of_expression(expression.get_ref<const std::string&>())
                                               : std::nullopt;
      if (!kind)
        refuse(cat("pre_tokenizer Split has the unknown pattern ",
                   printable(member(parts[0], "pattern").dump(-1, ' ', true)),
                   "; known are those of GPT-2, Llama 3 and Qwen2"));
      if (member(parts[0], "behavior") != "Isolated" || member(parts[0], "invert") == true)
        refuse("pre_tokenizer Split is supported with the behavior Isolated, not inverted");
      return *kind;
    }
    for (const Json& inner : parts) types.push_back(printable(type_of(inner), 40));
  } else {
    types.push_back(printable(type_of(part), 40));
  }
  refuse(cat(
      "the pre_tokenizer ", quoted(join(types, " + ")),
      " is not supported; expected that of GPT-2 (ByteLevel), SmolLM (Digits + ByteLevel), Llama 3 or Qwen2 "
      "(Split + ByteLevel)"));
}

/// Finds the token that is put in front of a text.
void read_post_processor(const Json& part, BpeFile& file) {
  const std::string type = type_of(part);
  if (type == "null" || type == "ByteLevel") return;
  if (type == "Sequence" && member(part, "processors").is_array()) {
    for (const Json& inner : member(part, "processors")) {
      if (type_of(inner) == "Sequence")
        file.post_processor = "has a Sequence in a Sequence";
      else
        read_post_processor(inner, file);
    }
    return;
  }
  if (type != "TemplateProcessing") {
    file.post_processor = cat("is ", quoted(type));
    return;
  }
  const Json& single = member(part, "single");
  const auto is_text = [](const Json& step) { return step.is_object() && step.contains("Sequence"); };
  if (single.is_array() && single.size() == 1 && is_text(single[0])) return;
  const Json& token = single.is_array() && single.size() == 2 && is_text(single[1])
                          ? member(member(single[0], "SpecialToken"), "id")
                          : Json();
  if (!token.is_string() || file.bos) {
    file.post_processor = "adds something other than one token in front";
    return;
  }
  file.bos = token.get<std::string>();
  const Json& ids = member(member(member(part, "special_tokens"), file.bos->c_str()), "ids");
  const auto found = std::find_if(file.added.begin(), file.added.end(),
                                  [&](const BpeFile::Added& added) { return added.text == *file.bos; });
  if (found == file.added.end() || ids != Json::array({found->id}))
    refuse(
        cat("post_processor: ", quoted(*file.bos), " is not an added token with the id that is given there"));
}

template <class Read>
BpeFile naming(const std::filesystem::path& path, const Read& read) {
  try {
    BpeFile file;
    read(file);
    return file;
  } catch (const Error& error) {
    throw Error(cat(quoted(path.string()), " is not a usable byte-level BPE file: ", error.what()));
  } catch (const Json::exception& error) {
    throw Error(
        cat(quoted(path.string()), " is not a usable byte-level BPE file: ", printable(error.what())));
  }
}

}  // namespace

BpeFile read_tokenizer_json(const std::filesystem::path& path) {
  const Json json = read_bpe_json(path);
  return naming(path, [&](BpeFile& file) {
    read_normalizer(member(json, "normalizer"), file);
    if (!json.is_object() || !json.contains("model")) refuse("it has no model; expected a tokenizer.json");
    // The parts that change ids come first, because another kind of tokenizer differs in all of them.
    const Json& model = member(json, "model");
    if (type_of(model) != "BPE" && type_of(model) != "?")
      refuse(cat("model.type is ", quoted(type_of(model)), "; this plugin reads 'BPE'"));
    file.pre_tokenizer = read_pre_tokenizer(member(json, "pre_tokenizer"));
    read_model(model, member(json, "added_tokens"), file);
    read_post_processor(member(json, "post_processor"), file);
    const std::string decoder = type_of(member(json, "decoder"));
    if (decoder != "null" && decoder != "ByteLevel")
      refuse(cat("the decoder ", quoted(decoder), " is not supported; expected 'ByteLevel'"));
  });
}

BpeFile read_vocab_and_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                              PreTokenizerKind pre_tokenizer) {
  const Json json = read_bpe_json(vocab);
  return naming(vocab, [&](BpeFile& file) {
    file.pre_tokenizer = pre_tokenizer;
    file.nfc = pre_tokenizer == PreTokenizerKind::qwen2;
    file.ignore_merges = pre_tokenizer == PreTokenizerKind::llama3;
    Vocabulary vocabulary(file);
    add_pieces(json, vocabulary);
    const std::string text = read_file(merges, kLargestMerges);
    int line_number = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      std::string line = text.substr(begin, end - begin);
      if (line.ends_with('\r')) line.pop_back();
      begin = end + 1;
      ++line_number;
      if (line.empty() || line.starts_with("#version")) continue;
      try {
        vocabulary.add_merge(line);
      } catch (const Error& error) {
        throw Error({std::make_shared<const std::string>(merges.string()), line_number, 0}, error.what());
      }
    }
    vocabulary.finish();
  });
}

}  // namespace flam
