#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flam {

/// The type of a piece in sentencepiece_model.proto; a GGUF file has the same numbers.
enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/// A SentencePiece file of type BPE: of two pieces that could be joined, those whose whole has the larger
/// score are joined first.
struct PieceModel {
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::normal;
  };
  std::vector<Piece> pieces;
  std::optional<int64_t> unk_id, bos_id, eos_id;
  bool add_dummy_prefix = true;  // a space in front of each text
  bool remove_extra_whitespaces = false;

  /// The bytes of the file.
  std::string serialize() const;
};

}  // namespace flam
