#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "framework/component/dataset.h"
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// The R rows of one task: each record's prompt and the answer that it should give, as ids, padded on the
/// right to length L. On the CPU.
struct TextRows {
  at::Tensor ids;     // [R,L] int64
  at::Tensor mask;    // [R,L] bool: false for padding
  at::Tensor target;  // [R,L] int64: the id that follows each position; −100 where none or a media marker
                      // follows
  at::Tensor in_answer;  // [R,L] bool: that id belongs to the record's answer, or to an example's answer that
                         // is learnt
};

/// What the decoder is given besides the ids of a row.
enum class TextSees { pictures, nothing };
/// Which of the targets of a row are learnt.
enum class LearntText { answers, everything };

/// The pictures and records that are differentiated at a time, a whole batch or a micro-batch, and what the
/// model computes from them. Everything is computed when it is asked for, once for all objectives, with
/// gradients in training. Tensors are on the model's device unless said otherwise; they must not be changed.
/// It belongs to one thread.
class FLAM_API TrainingBatch {
 public:
  virtual ~TrainingBatch();
  virtual at::Device device() const = 0;
  /// N, the number of pictures that the records are about.
  virtual int64_t pictures() const = 0;
  virtual size_t tasks() const = 0;
  /// The R records of a task, as many of each picture, in the order of the pictures. Without needs_text(),
  /// there is one task.
  virtual const std::vector<Record>& records(size_t task) const = 0;
  /// Features of the pictures: first the N of the records, then those of examples in the prompts.
  virtual const Features& features() const = 0;
  /// Media tokens of the same pictures: [≥ N,1,L,D].
  virtual const at::Tensor& media() const = 0;
  /// What the resampler records for its Probe while media() are computed; undefined if it records no such
  /// stage.
  virtual at::Tensor media_stage(const std::string& name) const = 0;
  /// Error: a record has no reference.
  virtual const TextRows& text(size_t task) const = 0;
  /// Hidden states after the decoder's last layer, at each token of text(task): [R,L,D]. With
  /// TextSees::nothing, the decoder runs alone, without the adapter.
  virtual const at::Tensor& hidden(size_t task, TextSees sees) const = 0;
  /// The final norm and the output matrix: [...,D] → [...,V].
  virtual at::Tensor logits(const at::Tensor& hidden) const = 0;

  /// The first record of a picture, which has its labels.
  const Record& record_of(int64_t picture) const;
  /// The labels of all pictures, `&Record::patch_labels` or `&Record::media_labels`: [N,G,K] int64.
  at::Tensor labels(at::Tensor Record::*which) const;
};

/// objective: what a model computes of a batch → named losses. Training minimises the sum of the losses of
/// `train.objectives`, each multiplied by its objective's weight; the key `weight` of a node in that list is
/// the trainer's, so no parameter can have that name.
///
/// An objective may declare weights of its own, which are trained at the first rate of `train.trained`. They
/// are stored in checkpoints and are not part of the output.
///
/// Errors are messages for the user, and are shown unchanged.
class FLAM_API Objective : public Component {
 public:
  static constexpr const char* kKind = "objective";
  struct Input {
    FeatureShape features;                     // of the backbone
    MediaShape media;                          // of the resampler
    int64_t hidden_size = 0;                   // of the decoder
    std::vector<std::string> tasks;            // the answer field of each task: "pred_caption"
    std::vector<int64_t> patch_label_classes;  // of the dataset, for each column of the labels
    std::vector<int64_t> media_label_classes;
    bool from_features = false;  // the dataset gives features, so the backbone doesn't run
    int64_t pictures = 1;        // N of a batch, or of a micro-batch; fewer at the end of a validation
  };

  ~Objective() override;
  /// Whether it asks a batch for features, media tokens, or hidden states that see them; by default, true.
  virtual bool needs_pictures() const;
  /// Whether it asks a batch for text and hidden states; by default, true.
  virtual bool needs_text() const;
  /// What its losses are called in logs: {"pred_caption", "pred_answer"}. If two losses of a run have the
  /// same name, the later one gets a number behind it.
  virtual std::vector<std::string> names() const = 0;
  /// One loss for each name: a number (no dimensions) of a floating-point type. It may be called from several
  /// threads at once, for the micro-batches of a step, whose losses are averaged.
  virtual std::vector<at::Tensor> losses(const TrainingBatch& batch) const = 0;
};

/// The M positions of a task at which an id is learnt.
struct LearntTokens {
  at::Tensor logits;  // [M,V] float32
  at::Tensor target;  // [M] int64
  at::Tensor row;     // [M] int64: which of records(task) it belongs to
};
FLAM_API LearntTokens learnt_tokens(const TrainingBatch& batch, size_t task, TextSees sees,
                                    LearntText learnt);

}  // namespace flam
