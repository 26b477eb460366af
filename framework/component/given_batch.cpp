#include "framework/component/given_batch.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include "framework/base/text.h"

namespace flam {

namespace {

constexpr int64_t kRecordsOfPicture = 2, kLength = 6, kPrompt = 3, kVocabulary = 11;

const at::Tensor& required(const at::Tensor& given, const char* what) {
  if (!given.defined()) throw RunError(cat("asks for ", what, ", which this batch does not have"));
  return given;
}

at::Tensor leaf(at::IntArrayRef shape, const at::Generator& generator) {
  return at::randn(shape, generator).set_requires_grad(true);
}

/// Classes of `places` places: [places,K].
at::Tensor random_labels(int64_t places, const std::vector<int64_t>& classes,
                         const at::Generator& generator) {
  if (classes.empty()) return {};
  std::vector<at::Tensor> columns;
  for (const int64_t count : classes)
    columns.push_back(at::randint(0, count, {places}, generator, at::kLong));
  return at::stack(columns, 1);
}

/// Rows of kLength tokens, every second one a token shorter; the answer begins after kPrompt tokens.
TextRows random_rows(int64_t rows, const at::Generator& generator) {
  TextRows out;
  out.ids = at::randint(0, kVocabulary, {rows, kLength}, generator, at::kLong);
  const at::Tensor places = at::arange(kLength, at::kLong).unsqueeze(0);
  const at::Tensor lengths = kLength - at::arange(rows, at::kLong).remainder(2).unsqueeze(1);
  out.mask = places < lengths;
  const at::Tensor has_next = places < lengths - 1;
  out.target = at::where(has_next, out.ids.roll(-1, 1), at::full_like(out.ids, -100));
  out.in_answer = has_next.logical_and(places >= kPrompt - 1);
  return out;
}

}  // namespace

GivenBatch::Given GivenBatch::random(const Objective::Input& in, uint64_t seed) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  Given out;
  out.pictures = in.pictures;
  const int64_t media = in.media.tokens;
  out.features = {leaf({in.pictures, in.features.tokens(), in.features.width}, generator), in.features.grid_h,
                  in.features.grid_w, in.features.prefix_tokens};
  out.media = leaf({in.pictures, 1, media, in.media.width}, generator);
  if (in.media_label_classes.size() == 1) {
    const at::Tensor logits = leaf({in.pictures, 1, 1, media, in.media_label_classes.front()}, generator);
    out.stages["class_probabilities"] = logits.softmax(-1);
  }
  out.output = leaf({kVocabulary, in.hidden_size}, generator);
  const int64_t rows = in.pictures * kRecordsOfPicture;
  for (size_t t = 0; t < in.tasks.size(); ++t) {
    Task task;
    for (int64_t r = 0; r < rows; ++r) {
      Record record;
      record.request.id = cat("record ", r);
      record.references = {"a reference"};
      record.patch_labels =
          random_labels(in.features.grid_h * in.features.grid_w, in.patch_label_classes, generator);
      record.media_labels = random_labels(1, in.media_label_classes, generator);
      task.records.push_back(std::move(record));
    }
    task.text = random_rows(rows, generator);
    task.seeing = leaf({rows, kLength, in.hidden_size}, generator);
    task.alone = leaf({rows, kLength, in.hidden_size}, generator);
    out.tasks.push_back(std::move(task));
  }
  return out;
}

const Features& GivenBatch::features() const {
  required(given_.features.tokens, "features");
  return given_.features;
}

const at::Tensor& GivenBatch::media() const {
  return required(given_.media, "media tokens");
}

at::Tensor GivenBatch::media_stage(const std::string& name) const {
  media();
  const auto found = given_.stages.find(name);
  return found == given_.stages.end() ? at::Tensor() : found->second;
}

const TextRows& GivenBatch::text(size_t task) const {
  required(given_.tasks.at(task).text.ids, "text");
  return given_.tasks[task].text;
}

const at::Tensor& GivenBatch::hidden(size_t task, TextSees sees) const {
  const Task& of = given_.tasks.at(task);
  return sees == TextSees::pictures ? required(of.seeing, "hidden states that see the pictures")
                                    : required(of.alone, "hidden states of text alone");
}

at::Tensor GivenBatch::logits(const at::Tensor& hidden) const {
  return hidden.matmul(required(given_.output, "logits").t());
}

}  // namespace flam
