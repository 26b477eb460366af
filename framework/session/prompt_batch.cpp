#include "framework/session/prompt_batch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/model/kept_prompt.h"

namespace flam {

void encode_rows(const Model& model, Prepared& prepared) {
  const Tokenizer& tokenizer = model.tokenizer();
  const auto image_id = tokenizer.token_id(tokenizer.image_token());
  const std::vector<int64_t> kept = prepared.batch.kept ? prepared.batch.kept->ids : std::vector<int64_t>();
  size_t longest = 0;
  for (size_t row = 0; row < prepared.texts.size(); ++row) {
    auto ids = tokenizer.encode(prepared.texts[row], true);
    int64_t media = 0;
    for (const PlacedMedia& placed : prepared.media[row]) media += placed.tokens / model.media_tokens();
    const auto markers = std::count(ids.begin(), ids.end(), image_id.value());
    if (markers != media) {
      throw Error(cat("a prompt has ", markers, " media markers ", quoted(tokenizer.image_token()), " for ",
                      media, " pictures or videos"));
    }
    if (!kept.empty() &&
        (ids.size() <= kept.size() || !std::ranges::equal(kept, std::span(ids).first(kept.size()))))
      throw Error(
          "the tokens of a prompt are not those of the kept context and more; ask without the context");
    longest = std::max(longest, ids.size() - kept.size());
    prepared.rows.push_back(std::move(ids));
  }
  const auto batch = std::ssize(prepared.rows);
  const auto length = static_cast<int64_t>(longest);
  prepared.batch.ids = at::full({batch, length}, tokenizer.pad_id(), at::kLong);
  prepared.batch.attention_mask = at::zeros({batch, length}, at::kBool);
  for (int64_t row = 0; row < batch; ++row) {
    const std::span ids = std::span(prepared.rows[row]).subspan(kept.size());
    const int64_t padding = length - std::ssize(ids);
    const at::Tensor real = at::from_blob(ids.data(), {std::ssize(ids)}, at::kLong);
    prepared.batch.ids.select(0, row).narrow(0, padding, real.size(0)).copy_(real);
    prepared.batch.attention_mask.select(0, row).narrow(0, padding, real.size(0)).fill_(true);
  }
}

std::vector<uint64_t> row_seeds(const Prepared& prepared) {
  std::vector<uint64_t> seeds;
  for (size_t row = 0; row < prepared.rows.size(); ++row) {
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    const auto add = [&](std::string_view bytes) {
      for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    };
    const std::span ids = prepared.rows[row];
    add({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
    for (const std::string& content : prepared.kept_contents) add(content);
    if (prepared.index.defined()) {
      const at::Tensor pictures = prepared.index.select(0, static_cast<int64_t>(row));
      const auto* index = pictures.const_data_ptr<int64_t>();
      for (int64_t i = 0; i < pictures.numel(); ++i) add(prepared.contents[index[i]]);
    }
    seeds.push_back(hash);
  }
  return seeds;
}

}  // namespace flam
