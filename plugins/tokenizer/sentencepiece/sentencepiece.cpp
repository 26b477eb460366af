// tokenizer 'sentencepiece': a SentencePiece file, or the one that a GGUF file or a tokenizer.json was made
// of, and tokens added after it, with the behaviour of the slow LlamaTokenizer of transformers 4.31
// (tokenization_llama.py), or with texts decoded as by a tokenizer.json.

#include <sentencepiece_processor.h>

#include <algorithm>
#include <unordered_set>

#include "framework/sdk.h"
#include "gguf_model.h"
#include "json_model.h"
#include "model_check.h"

namespace flam {
namespace {

constexpr size_t kLargestFile = 64u << 20;
constexpr size_t kLongestText = 1 << 20;

/// How ids become text: as by the library and the slow LlamaTokenizer, or as by the decoder of a
/// tokenizer.json of LLaMA (the steps Replace, ByteFallback, Fuse and Strip of Hugging Face's tokenizers).
enum class Decoder { sentencepiece, byte_fallback };

struct SentencePieceParams {
  std::string model;
  std::vector<std::string> added_tokens = {"<|endofchunk|>", "<image>", "<PAD>"};
  std::string image_token = "<image>";
  std::string pad_token = "<PAD>";
  std::optional<int64_t> bos_id;
  bool prepend_bos = true;
  bool legacy = true;
  bool swallow_spaces = true;
  Decoder decoder = Decoder::sentencepiece;
  bool strip_left = true;

  void visit(ParamVisitor& v) {
    v("model", model,
      "the SentencePiece file (tokenizer.model), a GGUF file, or a tokenizer.json that was made of a "
      "SentencePiece file; a relative path lies below weights.root",
      required());
    v("added_tokens", added_tokens,
      "tokens behind the file's own, in the order of their ids; not decoded as text of an answer");
    v("image_token", image_token, "the added token that marks an image in a prompt");
    v("pad_token", pad_token, "an added token or a piece of the file");
    v("bos_id", bos_id,
      "begin token; null: as the file says. One that is set here swallows the whitespace around it in text",
      at_least(0));
    v("prepend_bos", prepend_bos, "whether prompts begin with the begin token");
    v("legacy", legacy,
      "true: each text between tokens is encoded for itself, with its own leading space; false: the first "
      "alone");
    v("swallow_spaces", swallow_spaces, "whether whitespace on both sides of an added token is dropped");
    v("decoder", decoder,
      "sentencepiece: bytes that belong to no character become one U+FFFD each, as in the slow "
      "LlamaTokenizer; "
      "byte_fallback: all bytes of a run of byte tokens do if the run as a whole is not UTF-8, as in a "
      "tokenizer.json",
      choices("sentencepiece", "byte_fallback"));
    v("strip_left", strip_left, "byte_fallback: whether one space at the start of a text is dropped");
  }
};

/// In literal text, user-defined pieces are replaced by the pieces of their characters, as if they were
/// control pieces, which the library never matches in text. User-defined pieces that are one character or
/// only spaces are kept.
class SentencePiece final : public Tokenizer {
 public:
  SentencePiece(const SentencePieceParams& params, const Input& in)
      : params_(params),
        base_size_(in.vocab_size),
        added_(params.added_tokens, in.vocab_size, params.swallow_spaces) {
    if (!added_.id(params.image_token)) {
      throw Error(cat("image_token ", quoted(params.image_token), " is not among added_tokens"));
    }
  }

  void load(const std::filesystem::path& root) override;

  int64_t base_size() const override { return base_size_; }
  const std::vector<std::string>& added_tokens() const override { return added_.tokens(); }
  std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const override;
  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const override;
  size_t unsettled_ids(const std::vector<int64_t>& ids) const override;
  std::optional<int64_t> token_id(const std::string& token) const override;
  int64_t bos_id() const override { return bos_id_; }
  int64_t eos_id() const override { return loaded().eos_id(); }
  int64_t pad_id() const override { return pad_id_; }
  const std::string& image_token() const override { return params_.image_token; }

 private:
  using Processor = sentencepiece::SentencePieceProcessor;

  const Processor& loaded() const {
    if (!ready_) throw RunError("tokenizer 'sentencepiece' was used before its file was opened");
    return processor_;
  }
  bool is_special(int64_t id) const {
    return id == bos_id_ || id == processor_.eos_id() || id == processor_.unk_id();
  }
  bool is_added(int64_t id) const {
    return id >= base_size_ && id < base_size_ + std::ssize(added_.tokens());
  }
  void find_symbols(const ModelSummary& summary);
  void encode_segment(const MarkedText& segment, const Processor& processor, std::vector<int64_t>& ids) const;
  void spell_out(std::string_view piece, std::vector<int64_t>& ids) const;
  std::string decode_run(const std::vector<int64_t>& run) const;
  std::string decode_with_byte_fallback(const std::vector<int64_t>& ids) const;

  SentencePieceParams params_;
  int64_t base_size_;
  AddedTokens added_;
  Processor processor_;
  Processor continued_;  // without the leading space; loaded unless legacy
  bool ready_ = false;
  int64_t bos_id_ = -1, pad_id_ = -1;
  std::unordered_set<int64_t> symbols_;  // pieces that literal text spells out
};

void require_ok(const sentencepiece::util::Status& status, const std::string& what) {
  if (!status.ok()) throw Error(cat(what, ": ", printable(status.ToString())));
}

std::string serialized_model(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  if (is_gguf(mapped->bytes())) return sentencepiece_of_gguf(GgufMetadata(std::move(mapped)));
  std::string bytes = read_file(path, kLargestFile);
  return bytes.starts_with('{') ? sentencepiece_of_json(bytes, path.string()) : bytes;
}

void SentencePiece::load(const std::filesystem::path& root) {
  const std::filesystem::path path = root / params_.model;
  const std::string bytes = serialized_model(path);
  const ModelSummary summary = check_model(bytes, path.string());
  if (summary.pieces != base_size_) {
    throw Error(cat("tokenizer 'sentencepiece': ", quoted(path.string()), " has ", summary.pieces,
                    " pieces, but model.language_decoder.vocab_size is ", base_size_,
                    "; they must be equal: name the tokenizer of this decoder, or set "
                    "model.language_decoder.vocab_size to ",
                    summary.pieces));
  }
  const auto load = [&](auto& processor, const std::string& model) {
    try {
      require_ok(processor.LoadFromSerializedProto(model), quoted(path.string()));
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {  // from code inside the library
      throw Error(cat(quoted(path.string()), " can't be used: ", printable(error.what())));
    }
  };
  load(processor_, summary.usable);
  // A later field of a protobuf replaces an earlier one: normalizer_spec (3) { add_dummy_prefix (3): false }.
  if (!params_.legacy) load(continued_, summary.usable + "\x1a\x02\x18" + '\0');
  ready_ = true;

  bos_id_ = params_.bos_id.value_or(processor_.bos_id());
  if (params_.prepend_bos && (bos_id_ < 0 || bos_id_ >= base_size_)) {
    throw Error(cat("tokenizer 'sentencepiece': the begin token ", bos_id_, " is not among the ", base_size_,
                    " pieces of ", quoted(path.string()), "; set bos_id, or prepend_bos: false"));
  }
  const auto pad = token_id(params_.pad_token);
  if (!pad) {
    throw Error(cat("tokenizer 'sentencepiece': pad_token ", quoted(params_.pad_token),
                    " is neither an added token nor a piece of ", quoted(path.string())));
  }
  pad_id_ = *pad;
  for (const auto& token : added_.tokens()) {
    if (processor_.PieceToId(token) != processor_.unk_id()) {
      throw Error(cat("tokenizer 'sentencepiece': ", quoted(token), " is a piece of ", quoted(path.string()),
                      " already; remove it from added_tokens"));
    }
  }
  find_symbols(summary);
  // The names of these tokens in template text stand for the tokens, but SentencePiece alone would encode
  // their characters.
  std::vector<int64_t> named = {processor_.bos_id(), processor_.eos_id(), processor_.unk_id(), bos_id_};
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  for (const int64_t id : named) {
    if (id >= 0 && id < base_size_)
      added_.split_also_at(processor_.IdToPiece(static_cast<int>(id)), id, params_.bos_id && id == bos_id_);
  }
}

std::vector<int64_t> SentencePiece::encode(const MarkedText& text, bool add_bos) const {
  loaded();
  if (text.str().size() > kLongestText)  // the library needs a few hundred times as much memory
    throw Error(cat("a text of ", text.str().size(), " bytes; at most ", kLongestText, " are taken"));
  std::vector<int64_t> ids;
  if (add_bos && params_.prepend_bos) ids.push_back(bos_id_);
  added_.encode(
      text,
      [&](const MarkedText& segment, bool first, std::vector<int64_t>& out) {
        encode_segment(segment, first || params_.legacy ? processor_ : continued_, out);
      },
      ids);
  return ids;
}

void SentencePiece::encode_segment(const MarkedText& segment, const Processor& processor,
                                   std::vector<int64_t>& ids) const {
  if (symbols_.empty() || segment.literal().empty()) {
    std::vector<int> pieces;
    require_ok(processor.Encode(segment.str(), &pieces), "tokenizer 'sentencepiece'");
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    return;
  }
  sentencepiece::ImmutableSentencePieceText encoded;
  require_ok(processor.Encode(segment.str(), encoded.mutable_proto()), "tokenizer 'sentencepiece'");
  const auto pieces = encoded.pieces();
  // If characters were normalised together, only the last of their pieces has an extent, which covers all of
  // them.
  std::vector<size_t> ends(pieces.size());
  size_t end = segment.str().size();
  for (size_t i = pieces.size(); i-- > 0; ends[i] = end) {
    if (pieces[i].end() > pieces[i].begin()) end = pieces[i].end();
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (symbols_.contains(pieces[i].id()) && segment.touches_literal(pieces[i].begin(), ends[i])) {
      spell_out(pieces[i].piece(), ids);
    } else {
      ids.push_back(pieces[i].id());
    }
  }
}

/// Splits UTF-8 text into characters; a byte that belongs to no character is returned alone.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(1, utf8_front(text).length);
    out.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

void SentencePiece::find_symbols(const ModelSummary& summary) {
  std::vector<int64_t> candidates = summary.user_defined;
  candidates.insert(candidates.end(), {bos_id_, processor_.eos_id(), pad_id_});
  for (const int64_t id : candidates) {
    if (id < 0 || id >= base_size_ || id == processor_.unk_id()) continue;
    const auto piece = characters(processor_.IdToPiece(static_cast<int>(id)));
    const auto is_space = [](const std::string& c) {
      return c == "\u2581" || c == "\n" || c == "\t" || c == " ";
    };
    if (piece.size() > 1 && !std::all_of(piece.begin(), piece.end(), is_space)) symbols_.insert(id);
  }
}

/// Appends one id for each character, or one for each byte of a character that has no piece.
void SentencePiece::spell_out(std::string_view piece, std::vector<int64_t>& ids) const {
  for (const std::string& character : characters(piece)) {
    const int id = processor_.PieceToId(character);
    if (!processor_.IsUnknown(id) && !processor_.IsControl(id)) {
      ids.push_back(id);
      continue;
    }
    for (const unsigned char byte : character) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const int byte_id = processor_.PieceToId(cat("<0x", kDigits[byte >> 4], kDigits[byte & 15], ">"));
      if (!processor_.IsByte(byte_id)) {
        ids.push_back(processor_.unk_id());
        break;
      }
      ids.push_back(byte_id);
    }
  }
}

/// Special tokens are written as their names, with a space before one that follows text
/// (LlamaTokenizer.convert_tokens_to_string).
std::string SentencePiece::decode_run(const std::vector<int64_t>& run) const {
  std::string text;
  std::vector<int> pieces;
  const auto flush = [&] {
    std::string part;
    require_ok(processor_.Decode(pieces, &part), "tokenizer 'sentencepiece'");
    text += part;
    pieces.clear();
  };
  for (size_t i = 0; i < run.size(); ++i) {
    if (run[i] < 0) throw Error(cat("can't decode id ", run[i]));
    if (!is_special(run[i])) {
      pieces.push_back(static_cast<int>(run[i]));
      continue;
    }
    if (params_.legacy && i > 0 && !is_special(run[i - 1])) text += ' ';
    flush();
    text += processor_.IdToPiece(static_cast<int>(run[i]));
  }
  flush();
  return text;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_front(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string SentencePiece::decode_with_byte_fallback(const std::vector<int64_t>& ids) const {
  constexpr std::string_view kSpace = "\xe2\x96\x81", kReplacement = "\xef\xbf\xbd";
  std::string text, bytes;
  const auto close_run = [&] {
    if (is_utf8(bytes)) {
      text += bytes;
    } else {
      for (size_t i = 0; i < bytes.size(); ++i) text += kReplacement;
    }
    bytes.clear();
  };
  for (const int64_t id : ids) {
    if (id < 0 || (id >= base_size_ && !is_added(id))) throw Error(cat("can't decode id ", id));
    const bool added = is_added(id);
    if (!added && processor_.IsByte(static_cast<int>(id))) {  // <0xC3>
      const std::string& piece = processor_.IdToPiece(static_cast<int>(id));
      bytes += static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16));
      continue;
    }
    close_run();
    std::string_view piece = added ? added_.tokens()[static_cast<size_t>(id - base_size_)]
                                   : processor_.IdToPiece(static_cast<int>(id));
    for (size_t at; (at = piece.find(kSpace)) != piece.npos; piece.remove_prefix(at + kSpace.size()))
      text.append(piece.substr(0, at)) += ' ';
    text += piece;
  }
  close_run();
  return params_.strip_left && text.starts_with(' ') ? text.substr(1) : text;
}

/// The last run of byte tokens, and the ids behind it that are not decoded: special tokens, and ids without a
/// token.
size_t SentencePiece::unsettled_ids(const std::vector<int64_t>& ids) const {
  if (params_.decoder != Decoder::byte_fallback) return 0;
  size_t count = 0;
  for (size_t i = ids.size(); i-- > 0;) {
    if (ids[i] >= base_size_ || is_special(ids[i])) continue;
    if (!loaded().IsByte(static_cast<int>(ids[i]))) break;
    count = ids.size() - i;
  }
  return count;
}

std::string SentencePiece::decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const {
  loaded();
  std::vector<int64_t> kept = ids;
  if (skip_special_tokens) std::erase_if(kept, [&](int64_t id) { return is_special(id); });
  if (params_.decoder == Decoder::byte_fallback) {
    if (skip_special_tokens) std::erase_if(kept, [&](int64_t id) { return is_added(id); });
    return decode_with_byte_fallback(kept);
  }
  return added_.decode(kept, skip_special_tokens, [&](const auto& run) { return decode_run(run); });
}

std::optional<int64_t> SentencePiece::token_id(const std::string& token) const {
  if (const auto id = added_.id(token)) return id;
  const int id = loaded().PieceToId(token);
  // The library returns the id of the unknown piece for every token without an id.
  if (id == processor_.unk_id() && processor_.IdToPiece(id) != token) return std::nullopt;
  return id;
}

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<SentencePiece, SentencePieceParams>("sentencepiece",
                                                    "SentencePiece file with added tokens (LLaMA)");
}

}  // namespace flam
