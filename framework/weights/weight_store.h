#pragma once
// Declared weights. A component's constructor declares its tensors and keeps handles. Loading decides what
// fills them, for example random values or a mapped file. Until then they are on the meta device and take no
// memory.

#include <ATen/core/Tensor.h>
#include <functional>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "framework/base/error.h"
#include "framework/weights/quant_scheme.h"

namespace flam {

class MappedFile;
struct QuantizedMatrix;

/// The initial values of a tensor that no file provides. They depend only on the run's seed and the tensor's
/// name. Xavier and kaiming divide the variance by a fan, as in torch.nn.init: for a weight [out,in,k,…],
/// in · k · … or out · k · …, or the mean of both. Each part of a fused tensor is a matrix of its own.
///
///   weights.tensor("proj", {out, in}, Init::xavier_uniform());
struct FLAM_API Init {
  enum class Kind { zeros, ones, constant, normal, truncated_normal, uniform, orthogonal };
  enum class Fan { none, in, out, mean };

  Kind kind = Kind::zeros;
  double value = 0;  // the constant, standard deviation, bound of uniform or gain
  Fan fan = Fan::none;

  static Init zeros() { return {Kind::zeros, 0}; }
  static Init ones() { return {Kind::ones, 0}; }
  static Init constant(double v) { return {Kind::constant, v}; }
  static Init normal(double standard_deviation) { return {Kind::normal, standard_deviation}; }
  /// A normal distribution of this standard deviation, cut at two of them; what is left has 0.9 of it.
  static Init truncated_normal(double standard_deviation) {
    return {Kind::truncated_normal, standard_deviation};
  }
  /// Between −bound and bound.
  static Init uniform(double bound) { return {Kind::uniform, bound}; }
  /// Standard deviation gain · √(2 / (in + out)) (Glorot and Bengio 2010, equation 16).
  static Init xavier_normal(double gain = 1) { return {Kind::normal, gain, Fan::mean}; }
  static Init xavier_uniform(double gain = 1) { return {Kind::uniform, gain, Fan::mean}; }
  /// Standard deviation gain / √fan (He et al. 2015, equations 10 and 14); √2 is the gain of a rectifier.
  static Init kaiming_normal(Fan fan = Fan::in, double gain = kRectifierGain) {
    return {Kind::normal, gain, fan};
  }
  static Init kaiming_uniform(Fan fan = Fan::in, double gain = kRectifierGain) {
    return {Kind::uniform, gain, fan};
  }
  /// Orthonormal rows, or columns if there are fewer of them, times `gain` (Saxe et al. 2014). All but the
  /// first dimension count as one.
  static Init orthogonal(double gain = 1) { return {Kind::orthogonal, gain}; }

  bool is_random() const { return kind >= Kind::normal; }
  /// The standard deviation (for uniform the bound) of a matrix of `rows` rows in a tensor of this shape.
  double scale(const std::vector<int64_t>& shape, int64_t rows) const;

  static constexpr double kRectifierGain = 1.4142135623730951;  // √2
};

/// One tensor of a file that fills a slot, or a part of it. The file stays mapped, so that the loaded bytes
/// remain available even if the file at its path is replaced.
struct WeightOrigin {
  std::shared_ptr<const MappedFile> file;
  std::string key;
};

struct WeightStack;

/// One declared tensor.
struct FLAM_API WeightSlot {
  std::string name;  // full, with the scope: "resampler.layers.0.0.to_q.weight"
  std::vector<int64_t> shape;
  Init init;
  bool statistic = false;   // measured (a batch norm's mean), not trained and not counted as a parameter
  bool vocabulary = false;  // the rows are tokens; a file may have fewer or more
  std::optional<Init>
      missing_rows;            // of a vocabulary: initial values of rows that the file lacks; not set: `init`
  int64_t padding_rows = 0;    // of a vocabulary: rows of the file after those of `shape`
  std::vector<int64_t> parts;  // row counts of the tensors fused into this one; empty: not fused
  std::vector<std::string> aliases;    // names tied to this slot
  at::Tensor tensor;                   // meta until filled; of tensor_shape()
  std::vector<WeightOrigin> origins;   // the sources in files; empty: none
  std::shared_ptr<WeightStack> stack;  // slots beside which it lies in memory; null: none
  bool matrix = false;                 // of a Linear layer, which also takes quantised values
  std::optional<QuantScheme> scheme;   // in which its values are or will be stored; not set: numbers
  std::shared_ptr<const QuantizedMatrix> quantized;  // the values, if quantised; `tensor` then stays meta

  int64_t numel() const;
  std::vector<int64_t> tensor_shape() const;  // `shape` with the padding rows
};

/// RunError: a component uses a Weight, or a layer, that its constructor has not made from a WeightScope.
[[noreturn]] FLAM_API void weight_is_undeclared();
/// RunError: the numbers of a quantised tensor are read as a tensor.
[[noreturn]] FLAM_API void weight_is_quantized(const WeightSlot& slot);

/// A component's handle on a declared tensor. Cheap to copy; reading it in a forward pass follows one
/// pointer.
class Weight {
 public:
  Weight() = default;
  explicit Weight(std::shared_ptr<WeightSlot> slot) : slot_(std::move(slot)) {}
  explicit operator bool() const { return slot_ != nullptr; }
  const at::Tensor& tensor() const {
    if (declared().quantized) [[unlikely]]
      weight_is_quantized(*slot_);
    return slot_->tensor;
  }
  const QuantizedMatrix* quantized() const { return declared().quantized.get(); }  // null: not quantised
  const std::vector<int64_t>& shape() const { return declared().shape; }
  const std::shared_ptr<WeightSlot>& slot() const { return slot_; }

 private:
  const WeightSlot& declared() const {
    if (!slot_) [[unlikely]]
      weight_is_undeclared();
    return *slot_;
  }
  std::shared_ptr<WeightSlot> slot_;
};

/// Asks for the rows of these tensors to lie one after the other in memory, in the order declared, so that
/// one product can read them (StackedLinear). Tensors that are mapped from a file stay where they are.
FLAM_API void stack_rows(const std::vector<Weight>& weights);
/// Undoes stack_rows() for this slot and those beside it.
void unstack_rows(WeightSlot& slot);

/// All tensors of a model, in the order declared.
class FLAM_API WeightStore {
 public:
  Weight declare(const std::string& name, std::vector<int64_t> shape, Init init);
  /// `name` is another name of `target`; a tied tensor counts once.
  Weight tie(const std::string& name, const Weight& target);

  const std::vector<std::shared_ptr<WeightSlot>>& slots() const { return slots_; }
  std::shared_ptr<WeightSlot> find(const std::string& name) const;  // by name or alias; null when unknown
  /// The files that gave tensors, each once, sorted by path.
  std::vector<std::shared_ptr<const MappedFile>> files() const;
  /// The number of trainable parameters. Tied tensors count once, and statistics do not count.
  int64_t parameter_count(const std::string& prefix = "") const;

  /// Called after each slot that is initialised or loaded; may be empty.
  std::function<void(int64_t done, int64_t total)> progress;

  /// Gives every slot that is still on the meta device its initial values. The values of a slot depend only
  /// on the seed and the slot's name, not on the order.
  void initialise(at::Device device, at::ScalarType dtype, uint64_t seed);
  /// Initialises one slot's rows [first_row, end): all of it by `init` with first_row 0, else by
  /// `missing_rows`.
  static void initialise_rows(WeightSlot& slot, int64_t first_row, uint64_t seed);
  /// Converts and moves every filled slot.
  void to(at::Device device, at::ScalarType dtype);

 private:
  std::shared_ptr<WeightSlot>& claim(const std::string& name);
  std::vector<std::shared_ptr<WeightSlot>> slots_;
  std::unordered_map<std::string, std::shared_ptr<WeightSlot>> by_name_;  // aliases too
};

/// A place in the store, with a name prefix: weights / "layers" / 0.
class FLAM_API WeightScope {
 public:
  WeightScope(WeightStore& store, std::string prefix) : store_(&store), prefix_(std::move(prefix)) {}

  WeightScope scope(const std::string& name) const;
  WeightScope scope(int64_t index) const { return scope(std::to_string(index)); }
  WeightScope operator/(const std::string& name) const { return scope(name); }
  WeightScope operator/(int64_t index) const { return scope(index); }

  Weight tensor(const std::string& name, std::vector<int64_t> shape, Init init) const;
  /// Stored in checkpoints, but measured rather than learned: running statistics of a batch norm.
  Weight statistic(const std::string& name, std::vector<int64_t> shape, Init init) const;
  /// Rows are tokens. A file may have fewer rows; the others are initialised by `missing_rows` (not set:
  /// `init`) with a warning. It may also have more rows (padding). The tensor then has them after the rows of
  /// `shape`, so take the number of rows from the tensor, and narrow() it where other rows must follow.
  Weight vocabulary(const std::string& name, std::vector<int64_t> shape, Init init,
                    std::optional<Init> missing_rows = {}) const;
  /// One tensor whose rows are several tensors of the files ("qkv" from q_proj, k_proj, v_proj): parts are
  /// row counts.
  Weight fused(const std::string& name, std::vector<int64_t> shape, std::vector<int64_t> parts,
               Init init) const;
  Weight tie(const std::string& name, const Weight& target) const;

  const std::string& prefix() const { return prefix_; }

 private:
  std::string full(const std::string& name) const;
  WeightStore* store_;
  std::string prefix_;
};

}  // namespace flam
