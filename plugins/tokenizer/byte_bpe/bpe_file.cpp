#include "bpe_file.h"

#include <algorithm>

#include "bpe_json.h"
#include "byte_alphabet.h"
#include "framework/sdk.h"
#include "vocabulary.h"

namespace flam {
namespace {

constexpr size_t kLargestMerges = 64u << 20;

constexpr const char* kAdvice =
    "; known are those of GPT-2 (ByteLevel), SmolLM (Digits + ByteLevel), Llama 3 and Qwen2 (Split + "
    "ByteLevel). If one of them cuts text in the same way, name the files vocab.json and merges.txt by "
    "`model` "
    "and `merges`, and set `pre_tokenizer`; otherwise the model needs a tokenizer plugin (docs/plugins.md)";

bool is(const Value& value, const Value& other) {
  return value == other || (value.is_number() && other.is_number() && value.as_double() == other.as_double());
}

int64_t id_of(const Value& id, const Value& token, const std::string& text) {
  if (!id.is_int() || id.as_int() < 0 || id.as_int() >= Vocabulary::kMostIds) {
    refuse(id.is_null() ? token : id, cat("the id of ", quoted(text), " is ", printable(write_json(id)),
                                          "; expected a whole number from 0 to ", Vocabulary::kMostIds - 1));
  }
  return id.as_int();
}

/// A setting that must be absent, null, or one of the values that don't change the ids.
void require_unset(const Value& part, const char* key, const std::string& where, const Value& also) {
  const Value& value = member(part, key);
  if (value.is_null() || is(value, also)) return;
  refuse(value, cat(where, '.', key, " is ", printable(write_json(value)),
                    ", which this plugin doesn't know; expected ", write_json(also), " or null"));
}

void add_pieces(const Value& file, const Value& vocab, Vocabulary& vocabulary) {
  if (!vocab.is_map() || vocab.as_map().empty())
    refuse(vocab.is_null() ? file : vocab, "there is no vocabulary here; expected a map from pieces to ids");
  for (const Value::Member& piece : vocab.as_map()) {
    const int64_t id = id_of(piece.value, vocab, piece.key);
    placed(piece.value, [&] { vocabulary.add_piece(piece.key, id); });
  }
}

void add_tokens(const Value& tokens, Vocabulary& vocabulary) {
  if (tokens.is_null()) return;
  if (!tokens.is_list()) refuse(tokens, "added_tokens is not a list");
  for (const Value& token : tokens.as_list()) {
    const Value& content = member(token, "content");
    if (!content.is_string()) refuse(token, "a member of added_tokens has no content");
    const std::string& text = content.as_string();
    const auto flag = [&](const char* key, bool otherwise) {
      const Value& value = member(token, key);
      if (value.is_null()) return otherwise;
      if (!value.is_bool()) {
        refuse(value, cat("added_tokens: ", key, " of ", quoted(text), " is ", printable(write_json(value)),
                          "; expected true or false"));
      }
      return value.as_bool();
    };
    const BpeFile::Added added{.text = text,
                               .id = id_of(member(token, "id"), token, text),
                               .special = flag("special", false),
                               .normalized = flag("normalized", true),
                               .lstrip = flag("lstrip", false),
                               .rstrip = flag("rstrip", false),
                               .single_word = flag("single_word", false)};
    placed(content, [&] { vocabulary.add_token(added); });
  }
}

void add_merges(const Value& merges, const Value& model, Vocabulary& vocabulary, BpeFile& file) {
  if (!merges.is_list()) refuse(merges.is_null() ? model : merges, "model.merges is not a list");
  file.merges.reserve(merges.as_list().size());
  for (const Value& merge : merges.as_list()) {
    placed(merge, [&] {
      if (merge.is_string()) return vocabulary.add_merge(merge.as_string());
      const bool is_pair = merge.is_list() && merge.as_list().size() == 2;
      if (!is_pair || !merge.as_list()[0].is_string() || !merge.as_list()[1].is_string())
        throw Error(cat("merge ", file.merges.size(), " is not a pair of pieces"));
      vocabulary.add_merge(merge.as_list()[0].as_string(), merge.as_list()[1].as_string());
    });
  }
}

void read_model(const Value& model, const Value& added, BpeFile& file) {
  if (type_of(model) != "BPE" && !(type_of(model) == "?" && model.find("merges")))
    refuse(model, cat("model.type is ", quoted(type_of(model)), "; this plugin reads 'BPE'"));
  require_unset(model, "dropout", "model", 0.0);
  require_unset(model, "continuing_subword_prefix", "model", "");
  require_unset(model, "end_of_word_suffix", "model", "");
  file.ignore_merges = member(model, "ignore_merges") == Value(true);
  Vocabulary vocabulary(file);
  add_pieces(model, member(model, "vocab"), vocabulary);
  add_merges(member(model, "merges"), model, vocabulary, file);
  add_tokens(added, vocabulary);
  placed(model, [&] { vocabulary.finish(); });
  const auto bytes = std::count_if(file.pieces.begin(), file.pieces.end(),
                                   [](const auto& piece) { return piece.second.size() == 1; });
  if (bytes < 256 && (!member(model, "unk_token").is_null() || member(model, "byte_fallback") == Value(true)))
    refuse(model, cat("only ", bytes,
                      " of 256 bytes are pieces, and unk_token and byte_fallback are not supported"));
}

void read_normalizer(const Value& part, BpeFile& file) {
  const Value::List one = {part};
  const Value& inner = member(part, "normalizers");
  const bool is_sequence = type_of(part) == "Sequence" && inner.is_list();
  for (const Value& step : is_sequence ? inner.as_list() : one) {
    if (step.is_null() && !is_sequence) return;
    if (type_of(step) != "NFC")
      refuse(step, cat("the normalizer ", quoted(type_of(step)), " is not supported; expected NFC or none"));
    file.nfc = true;
  }
}

/// Whether `part` is ByteLevel with or without its own expression, and adds no space.
bool is_byte_level(const Value& part, bool use_regex) {
  if (type_of(part) != "ByteLevel") return false;
  if (!(member(part, "add_prefix_space") == Value(false)))
    refuse(part, "pre_tokenizer ByteLevel with add_prefix_space is not supported");
  return !(member(part, "use_regex") == Value(false)) == use_regex;
}

PreTokenizerKind kind_of_split(const Value& split) {
  const Value& pattern = member(split, "pattern");
  const Value& expression = member(pattern, "Regex");
  const auto kind = expression.is_string() ? kind_of_expression(expression.as_string()) : std::nullopt;
  if (!kind) {
    refuse(split,
           cat("pre_tokenizer Split has the unknown pattern ", printable(write_json(pattern)), kAdvice));
  }
  if (!(member(split, "behavior") == Value("Isolated")) || member(split, "invert") == Value(true))
    refuse(split, "pre_tokenizer Split is supported with the behavior Isolated, not inverted");
  return *kind;
}

PreTokenizerKind read_pre_tokenizer(const Value& json) {
  const Value& part = member(json, "pre_tokenizer");
  if (is_byte_level(part, true)) return PreTokenizerKind::gpt2;
  std::vector<std::string> types;
  if (const Value& inner = member(part, "pretokenizers"); type_of(part) == "Sequence" && inner.is_list()) {
    const Value::List& parts = inner.as_list();
    if (parts.size() == 1 && is_byte_level(parts[0], true)) return PreTokenizerKind::gpt2;
    if (parts.size() == 2 && type_of(parts[0]) == "Digits" && is_byte_level(parts[1], true)) {
      if (member(parts[0], "individual_digits") == Value(true)) return PreTokenizerKind::smollm;
      refuse(parts[0], "pre_tokenizer Digits is supported with individual_digits only");
    }
    if (parts.size() == 2 && type_of(parts[0]) == "Split" && is_byte_level(parts[1], false))
      return kind_of_split(parts[0]);
    for (const Value& step : parts) types.push_back(printable(type_of(step), 40));
  } else {
    types.push_back(printable(type_of(part), 40));
  }
  refuse(part.is_null() ? json : part,
         cat("the pre_tokenizer ", quoted(join(types, " + ")), " is not supported", kAdvice));
}

/// Finds the token that is put in front of a text.
void read_post_processor(const Value& part, BpeFile& file) {
  const std::string type = type_of(part);
  if (type == "null" || type == "ByteLevel") return;
  if (const Value& steps = member(part, "processors"); type == "Sequence" && steps.is_list()) {
    for (const Value& inner : steps.as_list()) {
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
  const Value& single = member(part, "single");
  const Value::List steps = single.is_list() ? single.as_list() : Value::List();
  const auto is_text = [](const Value& step) { return step.find("Sequence") != nullptr; };
  if (steps.size() == 1 && is_text(steps[0])) return;
  const Value token =
      steps.size() == 2 && is_text(steps[1]) ? member(member(steps[0], "SpecialToken"), "id") : Value();
  if (!token.is_string() || file.bos) {
    file.post_processor = "adds something other than one token in front";
    return;
  }
  file.bos = token.as_string();
  const Value& ids = member(member(member(part, "special_tokens"), *file.bos), "ids");
  const auto found = std::find_if(file.added.begin(), file.added.end(),
                                  [&](const BpeFile::Added& added) { return added.text == *file.bos; });
  if (found == file.added.end() || !(ids == Value(Value::List{found->id})))
    refuse(token, cat("post_processor: ", quoted(*file.bos),
                      " is not an added token with the id that is given there"));
}

}  // namespace

BpeFile read_tokenizer_json(const std::filesystem::path& path) {
  const Value json = read_json(path);
  BpeFile file;
  read_normalizer(member(json, "normalizer"), file);
  const Value& model = member(json, "model");
  if (!model.is_map()) refuse(json, "there is no model here; expected a tokenizer.json");
  // The parts that change ids come first, because another kind of tokenizer differs in all of them.
  if (type_of(model) != "BPE" && type_of(model) != "?")
    refuse(model, cat("model.type is ", quoted(type_of(model)), "; this plugin reads 'BPE'"));
  file.pre_tokenizer = read_pre_tokenizer(json);
  read_model(model, member(json, "added_tokens"), file);
  read_post_processor(member(json, "post_processor"), file);
  const Value& decoder = member(json, "decoder");
  if (!decoder.is_null() && type_of(decoder) != "ByteLevel")
    refuse(decoder, cat("the decoder ", quoted(type_of(decoder)), " is not supported; expected 'ByteLevel'"));
  return file;
}

BpeFile read_vocab_and_merges(const std::filesystem::path& vocab, const std::filesystem::path& merges,
                              PreTokenizerKind pre_tokenizer) {
  const Value json = read_json(vocab);
  BpeFile file;
  file.pre_tokenizer = pre_tokenizer;
  file.nfc = pre_tokenizer == PreTokenizerKind::qwen2;
  file.ignore_merges = pre_tokenizer == PreTokenizerKind::llama3;
  Vocabulary vocabulary(file);
  add_pieces(json, json, vocabulary);
  const std::string text = read_file(merges, kLargestMerges);
  const auto name = std::make_shared<const std::string>(merges.string());
  int line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    begin = end + 1;
    ++line_number;
    if (line.empty() || line.starts_with("#version")) continue;
    Value place;
    place.set_where({name, line_number, 0});
    placed(place, [&] { vocabulary.add_merge(line); });
  }
  placed(json, [&] { vocabulary.finish(); });
  return file;
}

}  // namespace flam
