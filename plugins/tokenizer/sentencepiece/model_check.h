#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flam {

/// What is read from a SentencePiece file before it is passed to the library.
struct ModelSummary {
  int64_t pieces = 0;
  std::vector<int64_t> user_defined;  // ids of the pieces that the library matches as a whole in any text
  std::string
      usable;  // the file without its self-test (field 4), which the library runs and prints when loading
};

/// Reads the protobuf of a SentencePiece file (sentencepiece_model.proto: ModelProto) with bounds checks.
/// Version 0.1.97 of the library crashes on pieces of great length, on normalisation tables that point
/// outside themselves, and on many pieces or rules that begin with one another, so these are refused. Error:
/// the file is not a SentencePiece file, is truncated, or exceeds the limits; the message names `file`.
ModelSummary check_model(std::string_view bytes, const std::string& file);

}  // namespace flam
