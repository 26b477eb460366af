// A tokenizer.json of LLaMA lists, for each piece, the pairs of pieces that it can be joined of, in the order
// of the scores (transformers, convert_slow_tokenizer.py, SentencePieceExtractor.extract).

#include "json_model.h"

#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "framework/sdk.h"
#include "piece_model.h"

namespace flam {

namespace {

using nlohmann::json;

constexpr int kDeepest = 16;
constexpr size_t kMostPieces = 1 << 20, kLongestPiece = 256;

const json& member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : kNull;
}

class Converter {
 public:
  Converter(const std::string& bytes, const std::string& file) : file_(file) {
    const auto shallow = [&](int depth, json::parse_event_t, json&) {
      if (depth > kDeepest) refuse("it is nested too deeply");
      return true;
    };
    try {
      json_ = json::parse(bytes, shallow);
    } catch (const json::exception& error) {
      refuse(cat("it is not JSON: ", printable(error.what())));
    }
  }

  std::string run() {
    const json& bpe = member(json_, "model");
    if (member(bpe, "type") != "BPE" || !member(bpe, "vocab").is_object() ||
        !member(bpe, "merges").is_array())
      refuse("its model is not a BPE with `vocab` and `merges`");
    add_pieces(member(bpe, "vocab"), member(bpe, "byte_fallback") == true);
    add_specials(bpe);
    add_scores(member(bpe, "merges"));
    check_merges();
    return model_.serialize();
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(cat("tokenizer 'sentencepiece': ", quoted(file_),
                    " was not made of a SentencePiece file: ", what, "; use its tokenizer.model"));
  }

  void add_pieces(const json& vocab, bool falls_back) {
    if (vocab.size() > kMostPieces) refuse(cat("it has more than ", kMostPieces, " pieces"));
    model_.pieces.resize(vocab.size());
    std::vector<bool> seen(vocab.size());
    for (const auto& [text, id] : vocab.items()) {
      if (!id.is_number_unsigned() || id.get<uint64_t>() >= vocab.size() || seen[id.get<size_t>()])
        refuse(cat("the ids of `vocab` are not 0 to ", vocab.size() - 1, ", each once"));
      if (text.empty() || text.size() > kLongestPiece)
        refuse(cat("a piece of ", text.size(), " bytes; expected 1 to ", kLongestPiece));
      const auto index = id.get<size_t>();
      seen[index] = true;
      const bool byte = falls_back && text.size() == 6 && text.starts_with("<0x") && text.ends_with(">");
      model_.pieces[index] = {text, 0, byte ? PieceType::byte : PieceType::normal};
      ids_.emplace(text, index);
    }
  }

  std::optional<int64_t> id_of(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? std::nullopt : std::optional(static_cast<int64_t>(found->second));
  }

  /// The names of the begin and the end token are those that SentencePiece gives them.
  void add_specials(const json& bpe) {
    for (const json& token : member(json_, "added_tokens")) {
      const json& content = member(token, "content");
      const auto id = content.is_string() ? id_of(content.get<std::string>()) : std::nullopt;
      if (id) model_.pieces[static_cast<size_t>(*id)].type = PieceType::control;
    }
    const json& unknown = member(bpe, "unk_token");
    model_.unk_id = unknown.is_string() ? id_of(unknown.get<std::string>()) : std::nullopt;
    if (!model_.unk_id) refuse("its model has no `unk_token`");
    model_.pieces[static_cast<size_t>(*model_.unk_id)].type = PieceType::unknown;
    for (const auto& [name, id] : {std::pair("<s>", &model_.bos_id), std::pair("</s>", &model_.eos_id)}) {
      *id = id_of(name);
      if (*id) model_.pieces[static_cast<size_t>(**id)].type = PieceType::control;
    }
  }

  /// The score of a piece is the negative number of its first merge. Pieces that no merge gives are last.
  void add_scores(const json& merges) {
    std::vector<bool> scored(model_.pieces.size());
    size_t last = model_.pieces.size();
    float rank = 0;
    for (const json& merge : merges) {
      std::string left, right;
      if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        left = merge[0].get<std::string>();
        right = merge[1].get<std::string>();
      } else if (merge.is_string()) {  // "LEFT RIGHT"
        const auto text = merge.get<std::string>();
        const size_t space = text.find(' ');
        left = text.substr(0, space);
        right = space == text.npos ? "" : text.substr(space + 1);
      }
      const auto whole = id_of(left + right);
      if (left.empty() || right.empty() || !id_of(left) || !id_of(right) || !whole)
        refuse(cat("its merge ", printable(merge.dump()), " is not of two pieces that make a third"));
      const auto index = static_cast<size_t>(*whole);
      if (index != last) {
        if (scored[index])
          refuse(cat("the merges that give ", quoted(left + right), " do not follow one another"));
        scored[index] = true;
        model_.pieces[index].score = -(rank++);
        last = index;
      }
      merges_.emplace(left, right);
    }
    for (size_t i = 0; i < scored.size(); ++i) {
      if (!scored[i]) model_.pieces[i].score = -rank;
    }
  }

  /// SentencePiece joins any two neighbours whose whole is a piece, so all of these pairs must be merges.
  void check_merges() const {
    for (const PieceModel::Piece& piece : model_.pieces) {
      if (piece.type != PieceType::normal) continue;
      for (size_t at = utf8_front(piece.text).length; at > 0 && at < piece.text.size();) {
        const std::string left = piece.text.substr(0, at), right = piece.text.substr(at);
        if (is_symbol(left) && is_symbol(right) && !merges_.contains({left, right}))
          refuse(cat("it has the piece ", quoted(piece.text), ", but no merge of ", quoted(left), " and ",
                     quoted(right)));
        const size_t length = utf8_front(right).length;
        at = length == 0 ? piece.text.size() : at + length;
      }
    }
  }

  /// Whether SentencePiece may have this text before it joins it with another one: a character or a piece.
  bool is_symbol(const std::string& text) const {
    if (utf8_front(text).length == text.size()) return true;
    const auto id = id_of(text);
    return id && model_.pieces[static_cast<size_t>(*id)].type == PieceType::normal;
  }

  std::string file_;
  json json_;
  PieceModel model_;
  std::unordered_map<std::string, size_t> ids_;
  std::set<std::pair<std::string, std::string>> merges_;
};

}  // namespace

std::string sentencepiece_of_json(const std::string& bytes, const std::string& file) {
  return Converter(bytes, file).run();
}

}  // namespace flam
