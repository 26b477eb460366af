#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

class TaskHead;

/// One record of a dataset: a request and its correct answers.
struct Record {
  Request request;
  std::vector<std::string> references;
  std::string kind;  // of question, for scores by kind of question; "" if there is none
  Value facts;       // data that a metric may need besides the references
  // For pretraining, otherwise undefined: the classes that the backbone's patches and the resampler's media
  // tokens should represent.
  at::Tensor patch_labels;  // [grid_h·grid_w,K] int64
  at::Tensor media_labels;  // [L,K] int64, of the first L media tokens
};

/// dataset: records that are created on demand. at(i) is deterministic, and several threads may call it.
class FLAM_API Dataset : public Component {
 public:
  static constexpr const char* kKind = "dataset";
  struct Input {
    bool with_question = false;    // the task head wants one in each record
    bool with_candidates = false;  // and the answers to choose from, where they differ by question
    std::optional<int64_t> seed;   // overrides the config's
    std::optional<int64_t> limit;
    std::optional<int64_t>
        records_per_picture;  // in training: the number of consecutive records that share a picture

    /// Returns the input for records from which this head makes requests.
    static Input of(const TaskHead& head);
  };

  ~Dataset() override;
  virtual int64_t size() const = 0;
  virtual Record at(int64_t index) const = 0;
  /// The number of entries of its files that the dataset skips, because its parameters ask for that; by
  /// default, 0.
  virtual int64_t skipped() const;
  /// Number of classes of each column of the labels; empty if the dataset has no labels.
  virtual std::vector<int64_t> patch_label_classes() const;
  virtual std::vector<int64_t> media_label_classes() const;
  /// The names of the classes in the first column of media_labels, in order; by default, empty: they have
  /// none.
  virtual std::vector<std::string> class_names() const;
};

}  // namespace flam
