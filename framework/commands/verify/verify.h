#pragma once
// A model beside a stored dump of a reference: stage by stage, largest error and the first stage that
// departs.

#include <filesystem>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// What counts as equal.
struct FLAM_API VerifyOptions {
  double tolerance = 1e-4;    // of activations: |ours − reference| ≤ tolerance · max(1, max|reference|)
  bool judge_answers = true;  // generated ids and texts must be equal; else they are compared and only told

  /// What rounding to a type allows. float32: as above. bfloat16: 5e-2, float16: 1e-2, and answers are told,
  /// as close candidates change places.
  static VerifyOptions of(at::ScalarType dtype);
};

/// One stage compared.
struct StageCheck {
  std::string stage;
  std::string shape;         // of the compared tensor, "" for texts
  double largest_error = 0;  // of activations: max |ours − reference|; of ids and texts: how many differ
  double tolerance = 0;      // of activations; 0 for ids and texts
  double cosine = 1;
  bool passed = false;
  std::string note;  // what differs, for ids and texts
};

struct FLAM_API VerifyReport {
  std::string reference;
  std::vector<StageCheck> stages;
  std::vector<std::string> skipped;  // stages that the reference doesn't hold

  bool passed() const;  // at least one stage, and none departs
  /// The first stage in the order of the computation that departs, or "".
  std::string first_departure() const;
};

/// Runs the session's model on the prompts and pictures of a reference, NAME.safetensors with NAME.json
/// beside it in the format of docs/verify.md, and compares every stage the reference holds, on positions
/// whose attention mask is 1.
FLAM_API VerifyReport verify(const Session& session, const std::filesystem::path& reference,
                             const VerifyOptions& options);
/// With the options of the session's dtype.
FLAM_API VerifyReport verify(const Session& session, const std::filesystem::path& reference);

}  // namespace flam
