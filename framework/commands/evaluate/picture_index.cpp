#include "framework/commands/evaluate/picture_index.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <filesystem>

#include "framework/base/hash.h"
#include "framework/base/interrupted.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/shots.h"
#include "framework/session/session_parts.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace {

constexpr int64_t kEncodedTogether = 32;  // records
constexpr const char* kVectors = "picture_vectors";
constexpr const char* kKey = "picture_index_key";

const PictureSource& last_picture(const Request& request) {
  for (size_t i = request.parts.size(); i-- > 0;)
    if (!request.parts[i].pictures.empty()) return request.parts[i].pictures.front();
  throw Error(cat("record ", quoted(request.id), " has no picture to compare; use shots.selection=random"));
}

/// Everything that the vectors depend on.
std::string key_of(const Session& session, const Dataset& records) {
  const SessionParts& parts = session.parts();
  std::string text = parts.feature_setting() + hash_of_backbone(parts.model->weights());
  for (int64_t i = 0; i < records.size(); ++i) {
    const Request request = records.at(i).request;
    text += request.id + "\n" + picture_identity(request);
  }
  return sha256(text);
}

at::Tensor stored_vectors(const std::string& file, const std::string& key, int64_t records) {
  if (file.empty() || !std::filesystem::exists(file)) return {};
  const auto opened = open_checkpoint(file);
  const auto metadata = opened->metadata();
  const auto found = metadata.find(kKey);
  if (found == metadata.end())
    throw Error(cat("`shots.index`, ", quoted(file), ", is not an index of pictures; name another file"));
  if (found->second != key) {
    log_info(cat(quoted(file), " is of other pictures or another backbone; it is made anew"));
    return {};
  }
  const at::Tensor vectors = opened->tensor(kVectors);
  if (vectors.dim() == 2 && vectors.size(0) == records && vectors.scalar_type() == at::kFloat) return vectors;
  throw Error(cat("`shots.index`, ", quoted(file), ", is damaged; delete it"));
}

}  // namespace

PictureIndex::PictureIndex(const Session& session, const Dataset& records, const std::string& file,
                           const Hooks& hooks)
    : session_(session) {
  const std::string key = key_of(session, records);
  vectors_ = stored_vectors(file, key, records.size());
  if (vectors_.defined()) return;
  std::vector<at::Tensor> blocks;
  for (int64_t first = 0; first < records.size(); first += kEncodedTogether) {
    if (hooks.cancelled && hooks.cancelled()) throw Interrupted();
    std::vector<Request> requests;
    for (int64_t i = first; i < std::min(records.size(), first + kEncodedTogether); ++i)
      requests.push_back(records.at(i).request);
    blocks.push_back(vectors_of(requests));
    if (hooks.progress) hooks.progress(first + std::ssize(requests), records.size());
  }
  vectors_ = at::cat(blocks);
  if (!file.empty()) write_safetensors(file, {{kVectors, vectors_}}, {{kKey, key}});
}

at::Tensor PictureIndex::vectors_of(const std::vector<Request>& requests) const {
  const SessionParts& parts = session_.parts();
  std::vector<Prompt> prompts;
  for (const Request& request : requests) {
    Prompt prompt{template_text(parts.model->tokenizer().image_token()), {}};
    prompt.media.push_back({Part::Kind::image, "", {last_picture(request)}});
    prompts.push_back(std::move(prompt));
  }
  const EncodedMedia encoded = parts.media->load(prompts, {});
  const FeatureShape shape = parts.model->vision_backbone().shape();
  std::vector<at::Tensor> vectors;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (encoded.errors[i]) std::rethrow_exception(encoded.errors[i]);
    const at::Tensor& features = encoded.features[static_cast<size_t>(encoded.places[i][0][0])];
    const at::Tensor whole = features.select(0, 0).to(at::kFloat);  // the first crop
    const at::Tensor vector = shape.prefix_tokens > 0 ? whole.select(0, 0) : whole.mean(0);
    vectors.push_back(vector / at::linalg_vector_norm(vector).clamp_min(1e-12));
  }
  return at::stack(vectors).cpu();
}

std::vector<int64_t> PictureIndex::nearest(const Request& request, int64_t count,
                                           const std::vector<int64_t>& excluded) const {
  at::Tensor likeness = at::mv(vectors_, vectors_of({request}).select(0, 0));
  for (const int64_t record : excluded) likeness.select(0, record).fill_(-2);  // less than any cosine
  const auto [values, order] = at::topk(likeness, std::min(count, likeness.size(0)));
  const auto* first = order.const_data_ptr<int64_t>();
  return {first, first + order.numel()};
}

}  // namespace flam
