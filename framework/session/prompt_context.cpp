#include "framework/session/prompt_context.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "framework/device/device_memory.h"
#include "framework/device/one_thread.h"
#include "framework/model/kept_prompt.h"
#include "framework/request/shots.h"
#include "framework/session/prompt_beginning.h"
#include "framework/session/session_parts.h"

namespace flam {

namespace {

/// The contents of the pictures of row 0, in the order of the media and their frames.
std::vector<std::string> contents_of(const Prepared& prepared) {
  std::vector<std::string> out;
  if (!prepared.index.defined()) return out;
  const at::Tensor index = prepared.index.select(0, 0).contiguous();
  const auto* place = index.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) out.push_back(prepared.contents[static_cast<size_t>(place[i])]);
  return out;
}

}  // namespace

std::shared_ptr<const PromptContext> PromptContext::make(const SessionParts& parts, const Request& shots) {
  const c10::InferenceMode inference;
  const ThreadCount computing(parts.options.threads);
  const Model& model = *parts.model;
  std::shared_ptr<PromptContext> context(new PromptContext);
  context->parts_ = &parts;
  context->shots_ = shots;
  context->beginning_ = prompt_beginning(*parts.task_head, shots, model.tokenizer().image_token());
  parts.media->measure(context->beginning_.media);
  Prepared prepared = parts.prepare({&context->beginning_, 1});
  parts.encode_media(prepared);
  context->text_ = prepared.texts.front();
  context->media_ = prepared.media.front();
  context->contents_ = contents_of(prepared);

  std::vector<int64_t>& ids = prepared.rows.front();
  ids.resize(settled_ids(ids, model.tokenizer()));
  if (ids.empty()) return context;
  const at::Tensor row = at::from_blob(ids.data(), {1, std::ssize(ids)}, at::kLong);
  context->kept_ = with_device_memory([&] {
    return model.keep({row, at::ones(row.sizes(), at::kBool), prepared.batch.media});
  });
  return context;
}

Request PromptContext::request(Request query) const {
  return after_shots(shots_, std::move(query));
}

int64_t PromptContext::kept_tokens() const {
  return kept_ ? std::ssize(kept_->ids) : 0;
}

bool PromptContext::begins(const Prompt& prompt) const {
  const size_t length = beginning_.text.str().size(), media = media_count();
  return kept_ && prompt.text.str().size() >= length && prompt.media.size() >= media &&
         std::equal(beginning_.media.begin(), beginning_.media.end(), prompt.media.begin(), same_part) &&
         prompt.text.slice(0, length) == beginning_.text;
}

Prompt PromptContext::rest(const Prompt& prompt) const {
  return {prompt.text.slice(beginning_.text.str().size(), prompt.text.str().size()),
          {prompt.media.begin() + static_cast<std::ptrdiff_t>(media_count()), prompt.media.end()}};
}

void PromptContext::put_before(Prepared& prepared) const {
  for (MarkedText& text : prepared.texts) text = text_ + text;
  for (std::vector<PlacedMedia>& media : prepared.media)
    media.insert(media.begin(), media_.begin(), media_.end());
  prepared.batch.kept = kept_;
  prepared.kept_contents = contents_;
}

void PromptContext::know_media(Prompt& prompt) const {
  if (begins(prompt)) std::ranges::copy(beginning_.media, prompt.media.begin());
}

}  // namespace flam
