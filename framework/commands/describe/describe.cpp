#include "framework/commands/describe/describe.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <c10/core/InferenceMode.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/model/forward.h"
#include "framework/model/transform_chain.h"
#include "framework/nn/flops.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

constexpr std::pair<const char*, int64_t> kBytesOf[] = {{"float32", 4}, {"bfloat16", 2}, {"float16", 2}};

// Counts what each stage does for one picture and `prompt_tokens` tokens, on the meta device.
void count_flops_of(const Model& model, Description& out) {
  const c10::InferenceMode inference;
  const auto meta = at::TensorOptions().device(at::kMeta);
  const auto count = [](int64_t& into, const auto& stage) {
    const FlopScope scope;
    stage();
    into += scope.flops();
  };
  const int64_t size = model.vision_backbone().image_size();
  Features features;
  count(out.parts[0].flops, [&] {
    features = model.encode_images(at::empty({1, 3, size, size}, meta.dtype(at::kFloat)));
  });
  at::Tensor media;
  features.tokens = features.tokens.unsqueeze(0).unsqueeze(0);
  count(out.parts[1].flops, [&] { media = model.resampler().forward(features); });
  // The picture's marker is the first of the tokens.
  Sequence sequence;
  const auto prompt_of = [&](int64_t tokens) {
    const Batch batch{at::where(at::arange(tokens, at::kLong) == 0, model.image_token_id(), 0).unsqueeze(0),
                      at::ones({1, tokens}, at::kBool), media};
    int64_t flops = 0;
    count(flops, [&] {
      sequence = model.forward(batch);
      model.logits(sequence.hidden.narrow(1, sequence.hidden.size(1) - 1, 1));
    });
    return flops;
  };
  // A forward of n positions costs a·n² + b·n + c, a cached step after them a·(n + 1) + b: each token before
  // it is attended to once.
  const int64_t fewer = std::max<int64_t>(out.prompt_tokens - 2, 1);
  const int64_t first = prompt_of(fewer), n = sequence.hidden.size(1), second = prompt_of(fewer + 1);
  const int64_t a = (prompt_of(fewer + 2) - 2 * second + first) / 2, b = second - first - a * (2 * n + 1);
  const int64_t all = prompt_of(out.prompt_tokens);
  out.positions = sequence.hidden.size(1);
  out.step_flops = a * (out.positions + 1) + b;
  // The decoder alone, to tell the adapter's share.
  const LanguageDecoder& decoder = model.language_decoder();
  count(out.parts[3].flops, [&] {
    const at::Tensor hidden =
        decoder.run(0, decoder.num_layers(), sequence.hidden, prompt_step(sequence, nullptr, nullptr));
    decoder.head(hidden.narrow(1, out.positions - 1, 1), nullptr);
  });
  out.parts[2].flops = all - out.parts[3].flops;
  for (const auto& part : out.parts) out.prompt_flops += part.flops;
  count(out.step_flops, [&] {
    decoder.head(at::empty({1, 1, decoder.hidden_size()}, meta.dtype(model.dtype())), nullptr);
  });
}

std::string adapter_output(const Model& model, const Description& out) {
  std::vector<std::string> effects;
  if (out.positions != out.prompt_tokens) {
    effects.push_back(cat("hidden [B,S,", model.language_decoder().hidden_size(), "], S = ", out.positions,
                          " for one picture and ", out.prompt_tokens, " tokens"));
  }
  std::vector<std::string> layers;
  for (const int64_t layer : model.adapter().layers()) layers.push_back(std::to_string(layer));
  if (!layers.empty()) effects.push_back("hidden, before layers " + join(layers, ", "));
  return join(effects, "; ");
}

}  // namespace

Description describe(const RunConfig& config, const Registry& registry, int64_t prompt_tokens) {
  const auto model = Model::assemble(config.model, registry);
  if (const int64_t context = model->language_decoder().max_positions(); prompt_tokens > context) {
    throw Error(cat("a prompt of ", prompt_tokens, " tokens can't be described: the context of ",
                    quoted(config.model.language_decoder.type->name), " has ", context,
                    "; give fewer with --prompt-tokens"));
  }
  if (!config.transforms.empty())
    TransformChain(config.transforms, registry)
        .check_output(model->vision_backbone().image_size(), config.model.vision_backbone);
  const FeatureShape features = model->vision_backbone().shape();
  const MediaShape media = model->resampler().shape();
  const LanguageDecoder& decoder = model->language_decoder();
  const int64_t size = model->vision_backbone().image_size();
  const auto vocabulary =
      decoder.vocab_size() + static_cast<int64_t>(model->tokenizer().added_tokens().size());

  Description out;
  out.config = config.name;
  out.prompt_tokens = prompt_tokens;
  out.parts = {
      {"vision_backbone", config.model.vision_backbone.type->name, cat("pixels [N,3,", size, ",", size, "]"),
       cat("features [N,", features.tokens(), ",", features.width, "]")},
      {"resampler", config.model.resampler.type->name,
       cat("features [B,T,F,", features.tokens(), ",", features.width, "]"),
       cat("media tokens [B,T,", media.tokens, ",", media.width, "]")},
      {"adapter", config.model.adapter.type->name,
       cat("hidden [B,L,", decoder.hidden_size(), "] and media tokens"), ""},
      {"language_decoder", config.model.language_decoder.type->name, "ids [B,L]",
       cat("logits [B,L,", vocabulary, "], ", decoder.num_layers(), " layers of width ",
           decoder.hidden_size())},
  };
  for (auto& part : out.parts) {
    part.parameters = model->weights().parameter_count(part.slot);
    for (const auto& slot : model->weights().slots()) {
      if (slot->name.starts_with(part.slot + ".")) part.tensors.push_back({slot->name, slot->shape});
    }
    out.parameters += part.parameters;
  }
  count_flops_of(*model, out);
  out.parts[2].output = adapter_output(*model, out);
  return out;
}

std::string describe_text(const Description& description, bool tensors) {
  std::ostringstream out;
  out << description.config << ": " << with_commas(description.parameters) << " parameters\n";
  for (const auto& part : description.parts) {
    out << "├─ " << part.slot << " '" << part.type << "'\n│    " << part.input << " → " << part.output
        << "\n│    " << with_commas(part.parameters) << " parameters, "
        << shortened(static_cast<double>(part.flops), "FLOP") << "\n";
    if (!tensors) continue;
    for (const auto& tensor : part.tensors)
      out << "│      " << tensor.name << " " << shape_text(tensor.shape) << "\n";
  }
  out << "weights:";
  for (const auto& [dtype, bytes] : kBytesOf) {
    out << "  " << dtype << " " << shortened(static_cast<double>(description.parameters * bytes), "B");
  }
  out << "\none picture and " << description.prompt_tokens
      << " prompt tokens: " << shortened(static_cast<double>(description.prompt_flops), "FLOP")
      << "; each new token: " << shortened(static_cast<double>(description.step_flops), "FLOP") << "\n";
  return out.str();
}

nlohmann::ordered_json describe_json(const Description& description) {
  nlohmann::ordered_json out;
  out["config"] = description.config;
  out["parameters"] = description.parameters;
  for (const auto& [dtype, bytes] : kBytesOf) out["bytes"][dtype] = description.parameters * bytes;
  out["prompt_tokens"] = description.prompt_tokens;
  out["prompt_flops"] = description.prompt_flops;
  out["step_flops"] = description.step_flops;
  for (const auto& part : description.parts) {
    nlohmann::ordered_json node = {{"slot", part.slot},
                                   {"type", part.type},
                                   {"input", part.input},
                                   {"output", part.output},
                                   {"parameters", part.parameters},
                                   {"flops", part.flops}};
    for (const auto& tensor : part.tensors)
      node["tensors"].push_back({{"name", tensor.name}, {"shape", tensor.shape}});
    out["parts"].push_back(node);
  }
  return out;
}

}  // namespace flam
