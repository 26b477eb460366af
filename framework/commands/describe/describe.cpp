#include "framework/commands/describe/describe.h"

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/model/cost.h"
#include "framework/model/memory_need.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/weights_files.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

constexpr PictureSize kExample{480, 640};  // pixels

std::string one_picture(const Description::Layout& layout) {
  return layout.max_crops > 1 ? cat("one picture of ", layout.max_crops, " crops") : "one picture";
}

std::string layout_text(const Description::Layout& layout) {
  std::string out = cat("├─ media_layout '", layout.type, "'\n│    picture [H,W,3] → ");
  if (layout.tile_slots > 1) {
    out += cat(layout.tile_slots, " tile slots, of which up to ", layout.max_crops, " are filled");
  } else {
    out += layout.max_crops > 1 ? cat("1 to ", layout.max_crops, " crops") : "1 crop";
  }
  return out + cat("; in the prompt, one of ", kExample.width, "×", kExample.height, " pixels is ",
                   quoted(layout.example), "\n");
}

std::string adapter_output(const Model& model, const Description& out) {
  std::vector<std::string> effects;
  if (out.positions != out.prompt_tokens) {
    effects.push_back(cat("hidden [B,S,", model.language_decoder().hidden_size(), "], S = ", out.positions,
                          " for ", one_picture(out.layout), " and ", out.prompt_tokens, " tokens"));
  }
  std::vector<std::string> layers;
  for (const int64_t layer : model.adapter().layers()) layers.push_back(std::to_string(layer));
  if (!layers.empty()) effects.push_back("hidden, before layers " + join(layers, ", "));
  return join(effects, "; ");
}

/// Takes the schemes of matrices that are quantised in the files. Returns whether there are any.
bool take_schemes_of_files(Model& model, const RunConfig& config, const std::string& chosen) {
  const auto files = existing_files(config, chosen);
  try {
    return files && take_schemes(model.weights(), *files, namings_of(model));
  } catch (const Error&) {
    if (!chosen.empty()) throw;
    return false;  // the config's files are of another structure, which is no matter here
  }
}

}  // namespace

std::optional<WeightsConfig> existing_files(const RunConfig& config, const std::string& chosen) {
  if (chosen == "random" || (chosen.empty() && config.weights.files.empty())) return {};
  WeightsConfig weights = weights_files(config, chosen);
  if (!chosen.empty()) {
    require_files(weights);
    return weights;
  }
  std::error_code problem;
  for (const WeightsFile& file : weights.files) {
    if (!std::filesystem::exists(weights.path_of(file), problem)) return {};
  }
  return weights;
}

Description describe(const RunConfig& config, const Registry& registry, int64_t prompt_tokens,
                     const std::string& weights) {
  const auto model = Model::assemble(config.model, registry);
  std::vector<NotQuantized> left = choose_schemes(model->weights(), config.weights.quantize);
  const bool in_files = take_schemes_of_files(*model, config, weights);
  if (const int64_t context = model->language_decoder().max_positions(); prompt_tokens > context) {
    throw Error(cat("a prompt of ", prompt_tokens, " tokens can't be described: the context of ",
                    quoted(config.model.language_decoder.type->name), " has ", context,
                    "; give fewer with --prompt-tokens"));
  }
  const MediaLayout& layout = model->media_layout();
  if (!config.transforms.empty())
    TransformChain(config.transforms, registry)
        .check_output(layout, model->vision_backbone().image_size(), config.model.vision_backbone);
  const FeatureShape features = model->vision_backbone().shape();
  const MediaShape media = model->resampler().shape();
  const LanguageDecoder& decoder = model->language_decoder();
  const int64_t size = model->vision_backbone().image_size();

  Description out;
  out.config = config.name;
  if (in_files || config.weights.quantize.wanted())
    out.quantized = quantized_bytes_of(model->weights(), std::move(left));
  if (const Value* unused = config.meta.find("unused_parameters")) {
    for (const Value::Member& tensors : unused->as_map())
      out.unused.emplace_back(tensors.key, tensors.value.as_int());
  }
  out.prompt_tokens = prompt_tokens;
  out.layout = {config.model.media_layout.type->name, layout.max_crops(), layout.tile_slots(),
                layout.text(layout.plan(kExample, /*may_split=*/true))};
  out.parts = {
      {"vision_backbone", config.model.vision_backbone.type->name, cat("pixels [N,3,", size, ",", size, "]"),
       cat("features [N,", features.tokens(), ",", features.width, "]")},
      {"resampler", config.model.resampler.type->name,
       cat("features [B,T,F,", features.tokens(), ",", features.width, "]"),
       cat("media tokens [B,T,", media.tokens, ",", media.width, "]")},
      {"adapter", config.model.adapter.type->name,
       cat("hidden [B,L,", decoder.hidden_size(), "] and media tokens"), ""},
      {"language_decoder", config.model.language_decoder.type->name, "ids [B,L]",
       cat("logits [B,L,", model->token_count(), "], ", decoder.num_layers(), " layers of width ",
           decoder.hidden_size())},
  };
  const ModelCost cost = count_cost(*model, prompt_tokens);
  out.parameters = cost.parameters;
  out.positions = cost.positions;
  out.prompt_flops = cost.prompt_flops;
  out.step_flops = cost.step_flops;
  for (size_t i = 0; i < out.parts.size(); ++i) {
    Description::Part& part = out.parts[i];
    part.parameters = cost.parts[i].parameters;
    part.flops = cost.parts[i].flops;
    for (const auto& slot : model->weights().slots()) {
      if (slot->name.starts_with(part.slot + "."))
        part.tensors.push_back({slot->name, slot->shape, slot->scheme ? scheme_name(*slot->scheme) : ""});
    }
  }
  out.parts[2].output = adapter_output(*model, out);
  return out;
}

int64_t Description::unused_parameters() const {
  int64_t sum = 0;
  for (const auto& [name, count] : unused) sum += count;
  return sum;
}

std::string describe_text(const Description& description, bool tensors) {
  std::ostringstream out;
  out << description.config << ": " << with_commas(description.parameters) << " parameters\n";
  if (!description.unused.empty()) {
    out << "The weights files have " << with_commas(description.unused_parameters())
        << " more, which are never used:\n";
    for (const auto& [name, count] : description.unused)
      out << "  " << with_commas(count) << "  " << name << "\n";
  }
  out << layout_text(description.layout);
  for (const auto& part : description.parts) {
    out << "├─ " << part.slot << " '" << part.type << "'\n│    " << part.input << " → " << part.output
        << "\n│    " << with_commas(part.parameters) << " parameters, "
        << shortened(static_cast<double>(part.flops), "FLOP") << "\n";
    if (!tensors) continue;
    for (const auto& tensor : part.tensors)
      out << "│      " << tensor.name << " " << shape_text(tensor.shape)
          << (tensor.scheme.empty() ? "" : " " + tensor.scheme) << "\n";
  }
  out << "weights:";
  for (const auto& [dtype, bytes] : weight_bytes(description.parameters))
    out << "  " << dtype << " " << shortened(static_cast<double>(bytes), "B");
  out << "\n";
  if (description.quantized) out << quantized_text(*description.quantized);
  out << one_picture(description.layout) << " and " << description.prompt_tokens
      << " prompt tokens: " << shortened(static_cast<double>(description.prompt_flops), "FLOP")
      << "; each new token: " << shortened(static_cast<double>(description.step_flops), "FLOP") << "\n";
  return out.str();
}

nlohmann::ordered_json describe_json(const Description& description) {
  nlohmann::ordered_json out;
  out["config"] = description.config;
  out["parameters"] = description.parameters;
  for (const auto& [name, count] : description.unused) out["unused_parameters"][name] = count;
  for (const auto& [dtype, bytes] : weight_bytes(description.parameters)) out["bytes"][dtype] = bytes;
  if (description.quantized) out["quantized"] = quantized_json(*description.quantized);
  out["prompt_tokens"] = description.prompt_tokens;
  out["prompt_flops"] = description.prompt_flops;
  out["step_flops"] = description.step_flops;
  out["media_layout"] = {{"type", description.layout.type},
                         {"max_crops", description.layout.max_crops},
                         {"tile_slots", description.layout.tile_slots},
                         {"example", description.layout.example}};
  for (const auto& part : description.parts) {
    nlohmann::ordered_json node = {{"slot", part.slot},
                                   {"type", part.type},
                                   {"input", part.input},
                                   {"output", part.output},
                                   {"parameters", part.parameters},
                                   {"flops", part.flops}};
    for (const auto& tensor : part.tensors) {
      node["tensors"].push_back({{"name", tensor.name}, {"shape", tensor.shape}});
      if (!tensor.scheme.empty()) node["tensors"].back()["quantized"] = tensor.scheme;
    }
    out["parts"].push_back(node);
  }
  return out;
}

}  // namespace flam
