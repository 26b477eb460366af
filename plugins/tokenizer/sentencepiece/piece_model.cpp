// Writes the protobuf of sentencepiece_model.proto.

#include "piece_model.h"

#include <algorithm>
#include <string_view>

namespace flam {

namespace {

constexpr uint64_t kBpe = 2;  // TrainerSpec.ModelType

/// A message of the protobuf wire format.
class Protobuf {
 public:
  Protobuf& number(uint64_t field, uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  Protobuf& text(uint64_t field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Protobuf& real(uint64_t field, float value) {
    varint(field << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

}  // namespace

std::string PieceModel::serialize() const {
  Protobuf model;  // ModelProto: pieces = 1, trainer_spec = 2, normalizer_spec = 3
  for (const Piece& piece : pieces) {
    model.text(1, Protobuf()
                      .text(1, piece.text)
                      .real(2, piece.score)
                      .number(3, static_cast<uint64_t>(piece.type))
                      .bytes());
  }
  const bool falls_back = std::any_of(pieces.begin(), pieces.end(),
                                      [](const Piece& piece) { return piece.type == PieceType::byte; });
  Protobuf trainer;
  trainer.number(3, kBpe).number(35, falls_back);
  struct Special {
    std::optional<int64_t> id;
    uint64_t id_field, piece_field;
  };
  for (const auto& [id, id_field, piece_field] :
       {Special{unk_id, 40, 45}, Special{bos_id, 41, 46}, Special{eos_id, 42, 47}}) {
    if (id)
      trainer.number(id_field, static_cast<uint64_t>(*id))
          .text(piece_field, pieces[static_cast<size_t>(*id)].text);
  }
  model.text(2, trainer.bytes());
  model.text(3, Protobuf()
                    .text(1, "identity")
                    .number(3, add_dummy_prefix)
                    .number(4, remove_extra_whitespaces)
                    .number(5, true)
                    .bytes());
  return model.bytes();
}

}  // namespace flam
