#pragma once
// Compares a model with a stored dump of a reference, stage by stage: the largest error of each stage, and
// the first stage that differs.

#include <filesystem>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// What counts as equal in a comparison.
struct FLAM_API VerifyOptions {
  double tolerance = 1e-4;  // for activations: |ours − reference| ≤ tolerance · max(1, max|reference|)
  bool judge_answers =
      true;  // true: generated ids and texts must be equal; false: differences are only reported

  /// Options that allow for the rounding of a dtype. float32: the defaults. bfloat16: tolerance 5e-2,
  /// float16: 1e-2, and differences of answers are only reported, because rounding can change the order of
  /// tokens with close probabilities.
  static VerifyOptions of(at::ScalarType dtype);
};

/// The result of comparing one stage.
struct StageCheck {
  std::string stage;
  std::string shape;         // shape of the compared tensor; "" for texts
  double largest_error = 0;  // for activations: max |ours − reference|; for ids and texts: how many differ
  double tolerance = 0;      // for activations; 0 for ids and texts
  double cosine = 1;
  bool passed = false;
  bool compared = true;  // false: nothing depends on it, and `note` says why
  std::string note;      // for ids and texts: what differs
};

struct FLAM_API VerifyReport {
  std::string reference;
  std::vector<StageCheck> stages;
  std::vector<std::string> skipped;  // stages that the reference doesn't have

  int64_t num_compared() const;
  bool passed() const;  // at least one stage is compared, and all that are pass
  /// The first stage, in the order of the computation, that does not pass; "" if all pass.
  std::string first_departure() const;
};

/// Runs the session's model on the prompts and pictures of a reference, and compares every stage that the
/// reference has, at positions whose attention mask is 1. The reference is NAME.safetensors and NAME.json in
/// the same folder, in the format of docs/verify.md. Error: the reference is malformed, belongs to another
/// model, or has no stage that can be compared.
FLAM_API VerifyReport verify(const Session& session, const std::filesystem::path& reference,
                             const VerifyOptions& options);
/// Uses the options for the session's dtype.
FLAM_API VerifyReport verify(const Session& session, const std::filesystem::path& reference);

}  // namespace flam
