// Contexts in safetensors files.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device_memory.h"
#include "framework/device/dtype.h"
#include "framework/device/one_thread.h"
#include "framework/model/kept_prompt.h"
#include "framework/report/json.h"
#include "framework/report/path_text.h"
#include "framework/request/request_json.h"
#include "framework/session/prompt_beginning.h"
#include "framework/session/prompt_context.h"
#include "framework/session/session_parts.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/quantize_config.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kFormat = "flamboyance.context.1";
constexpr const char* kAgain = "; make it again with --save-context";

/// What the keys and values of a prompt depend on besides its tokens, pictures and dtype.
std::string model_hash(const SessionParts& parts) {
  Json model;
  model["model"] = to_json(parts.config.model.resolved());
  for (const ComponentConfig& transform : parts.config.transforms)
    model["transforms"].push_back(to_json(transform.resolved()));
  model["pictures"] = parts.config.pictures.key();
  for (const auto& [file, hash] : parts.weight_hashes) model["sha256"].push_back(hash);
  if (parts.weight_hashes.empty()) {
    for (const auto& file : parts.model->weights().files()) model["sha256"].push_back(sha256(file->bytes()));
  }
  for (const auto& slot : parts.model->weights().slots()) {
    if (slot->scheme) model["quantized"][slot->name] = scheme_name(*slot->scheme);
  }
  if (parts.options.weights == "random") model["weights_seed"] = parts.options.weights_seed;
  return sha256(json_line(model));
}

std::string required(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw Error(cat("its metadata have no ", quoted(key)));
  return found->second;
}

Json list_of(const std::map<std::string, std::string>& metadata, const char* key) {
  Json list = Json::parse(required(metadata, key), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) throw Error(cat(quoted(key), " of its metadata is not a list"));
  return list;
}

/// The pictures of the shots with absolute paths, so that the file may be used in another folder.
Request with_absolute_paths(Request shots) {
  for (Part& part : shots.parts) {
    for (PictureSource& picture : part.pictures) {
      if (!picture.path.empty()) picture.path = std::filesystem::absolute(picture.path).string();
    }
  }
  return shots;
}

void set_sizes(std::vector<Part>& media, const Json& sizes) {
  size_t next = 0;
  for (Part& part : media) {
    for (PictureSource& picture : part.pictures) {
      const Json size = next < sizes.size() ? sizes[next++] : Json();
      const auto edge = [&](size_t i) {
        const bool is_edge = size.is_array() && size.size() == 2 && size[i].is_number_integer();
        const int64_t pixels = is_edge ? size[i].get<int64_t>() : 0;
        if (pixels < 1 || pixels > kMostOfASize)
          throw Error("\"sizes\" of its metadata is not one size a picture");
        return pixels;
      };
      picture.height = edge(0);
      picture.width = edge(1);
    }
  }
  if (next != sizes.size()) throw Error("\"sizes\" of its metadata has more sizes than pictures");
}

at::Tensor tensor_of(const Checkpoint& file, const char* name, at::ScalarType dtype) {
  const at::Tensor tensor = file.tensor(name);
  if (tensor.scalar_type() != dtype)
    throw Error(cat("tensor ", quoted(name), " is ", tensor.scalar_type(), ", expected ", dtype));
  return tensor;
}

}  // namespace

void PromptContext::save(const std::filesystem::path& file) const {
  if (!kept_) {
    throw Error(
        "nothing of these shots can be kept, because what their tokens see depends on the query; ask without "
        "--save-context");
  }
  const SessionParts& parts = *parts_;
  Json sizes = Json::array();
  const int64_t given = parts.model->vision_backbone().image_size();  // of pictures given as features
  for (const Part& part : beginning_.media) {
    for (const PictureSource& picture : part.pictures)
      sizes.push_back(
          {picture.height > 0 ? picture.height : given, picture.width > 0 ? picture.width : given});
  }
  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"model", model_hash(parts)},
      {"dtype", dtype_name(parts.model->dtype())},
      {"prompt", text_.str()},
      {"shots", json_line(request_json(with_absolute_paths(shots_)))},
      {"sizes", sizes.dump()},
      {"contents", Json(contents_).dump()},
  };
  const at::Tensor ids = at::from_blob(const_cast<int64_t*>(kept_->ids.data()), {kept_tokens()}, at::kLong);
  std::vector<std::pair<std::string, at::Tensor>> tensors = {
      {"ids", ids},
      {"keys_values", kept_->keys_values},
      {"media_locations", kept_->media_locations.to(at::kByte)}};
  if (kept_->media.defined()) tensors.emplace_back("media", kept_->media);
  write_safetensors(file, tensors, metadata);
}

std::shared_ptr<const PromptContext> PromptContext::load(const SessionParts& parts,
                                                         const std::filesystem::path& path) {
  const auto file = open_checkpoint(path);  // its errors name the file
  try {
    return read(parts, *file);
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    throw Error(cat("the context ", quoted(path.string()), ": ", error.what()));
  }
}

std::shared_ptr<const PromptContext> PromptContext::read(const SessionParts& parts, const Checkpoint& file) {
  const c10::InferenceMode inference;
  const ThreadCount computing(parts.options.threads);
  const Model& model = *parts.model;
  const auto metadata = file.metadata();
  if (const auto format = metadata.find("format"); format == metadata.end() || format->second != kFormat) {
    throw Error(cat("not a file of the format ", kFormat, ", found ",
                    format == metadata.end() ? "none" : quoted(printable(format->second, 60)), kAgain));
  }
  if (const std::string hash = model_hash(parts), found = required(metadata, "model"); found != hash) {
    throw Error(cat("it was made with another model, or with other weights: it names the hash ",
                    quoted(printable(found, 64)), ", and this model has ", quoted(hash), kAgain));
  }
  if (const std::string found = required(metadata, "dtype"); found != dtype_name(model.dtype())) {
    throw Error(cat("it was made with the dtype ", quoted(printable(found, 20)), ", and the model has ",
                    quoted(dtype_name(model.dtype())),
                    "; give --dtype, or make it again with --save-context"));
  }

  std::shared_ptr<PromptContext> context(new PromptContext);
  context->parts_ = &parts;
  const auto name = std::make_shared<const std::string>("its shots");
  context->shots_ = parse_request(required(metadata, "shots"), {}, {name, 0, 0});
  context->shots_.id.clear();
  context->beginning_ = prompt_beginning(*parts.task_head, context->shots_, model.tokenizer().image_token());
  set_sizes(context->beginning_.media, list_of(metadata, "sizes"));
  LaidOut laid_out = parts.media->lay_out(context->beginning_);
  if (laid_out.text.str() != required(metadata, "prompt"))
    throw Error(cat("this config makes another prompt of its shots", kAgain));
  context->text_ = std::move(laid_out.text);
  context->media_ = std::move(laid_out.media);
  for (const Json& content : list_of(metadata, "contents")) {
    if (!content.is_string()) throw Error("\"contents\" of its metadata is not a list of texts");
    context->contents_.push_back(content.get<std::string>());
  }

  KeptPrompt kept;
  const at::Tensor ids = tensor_of(file, "ids", at::kLong).flatten().contiguous();
  kept.ids.assign(ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel());
  std::vector<int64_t> expected = model.tokenizer().encode(context->text_, true);
  expected.resize(settled_ids(expected, model.tokenizer()));
  const auto markers = [&](const std::vector<int64_t>& of) {
    return std::ranges::count(of, model.image_token_id());
  };
  if (kept.ids.size() > expected.size() || markers(kept.ids) != markers(expected) ||
      !std::equal(kept.ids.begin(), kept.ids.end(), expected.begin()))
    throw Error(cat("its tokens are not those of its prompt", kAgain));
  kept.keys_values = tensor_of(file, "keys_values", model.dtype());
  kept.media_locations = tensor_of(file, "media_locations", at::kByte).ne(0);
  if (markers(kept.ids) > 0) kept.media = tensor_of(file, "media", model.dtype());
  context->kept_ = with_device_memory([&] { return model.restore(std::move(kept)); });
  return context;
}

}  // namespace flam
