#include "framework/commands/describe/inspect.h"

#include <map>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"
#include "framework/report/json.h"

namespace flam {

namespace {

const std::map<std::string, std::string> kContracts = {
    {"transform", "pixels uint8 [H,W,3] (float32 [3,H,W] after normalize) → pixels"},
    {"media_layout", "picture uint8 [H,W,3] → N crops, and the text with N media markers that stands for it"},
    {"vision_backbone", "pixels float [N,3,H,W] → features [N,P,D], P = prefix_tokens + grid_h·grid_w"},
    {"resampler", "features [B,T,F,P,D] → media tokens [B,T,L,D']"},
    {"adapter",
     "prompt [B,L,D] and media tokens [B,T,N,D'] → [B,S,D], media among the tokens; hidden [R,S,D], media "
     "tokens and "
     "which image each token sees → hidden [R,S,D], before some layers"},
    {"language_decoder", "ids [R,L] → hidden [R,L,D] → logits [R,L,vocab_size + added]"},
    {"tokenizer", "text ↔ ids, with added tokens behind the vocabulary"},
    {"task_head", "request → prompt, and candidates if it ranks; generated text or likelihoods → answer"},
    {"dataset", "index → record (request, references)"},
    {"metric", "records and answers → named scores"},
    {"objective", "features, media tokens, hidden states and records of a batch → named losses"},
    {"optimizer", "trained tensors with their gradients, and what is kept for each → new values"},
    {"step_graph", "a decode step of fixed size → the same step, recorded and repeated"},
};

std::string range_text(const ParamInfo& info) {
  if (!info.choices.empty()) return join(info.choices, ", ");
  const auto bound = [](double value) {  // whole numbers without an exponent
    return std::abs(value) < 1e15 && value == std::floor(value) ? cat(static_cast<int64_t>(value))
                                                                : cat(value);
  };
  std::string out;
  if (info.minimum) out = cat(info.minimum_exclusive ? "> " : "≥ ", bound(*info.minimum));
  if (info.maximum) out += cat(out.empty() ? "" : ", ", "≤ ", bound(*info.maximum));
  return out;
}

std::string default_text(const ParamDoc& doc) {
  return doc.info.required ? "required" : write_json(doc.default_value);
}

ComponentPage page_of(const ComponentType& type) {
  ComponentPage page{type.kind, type.name, type.doc, kContracts.at(type.kind), type.origin, {}, {}};
  const auto params = type.make_params();
  page.params = document_params(ParamsRef(params.get(), type.visit));
  if (!type.origin.empty()) page.stamp = *open_plugin(type.origin);
  return page;
}

nlohmann::ordered_json params_json(const std::vector<ParamDoc>& docs) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const ParamDoc& doc : docs) {
    nlohmann::ordered_json node = {{"name", doc.info.name}, {"type", doc.type}, {"doc", doc.info.doc}};
    if (doc.info.required) {
      node["required"] = true;
    } else {
      node["default"] = to_json(doc.default_value);
    }
    if (doc.info.minimum) node["minimum"] = *doc.info.minimum;
    if (doc.info.maximum) node["maximum"] = *doc.info.maximum;
    if (!doc.info.choices.empty()) node["choices"] = doc.info.choices;
    if (!doc.members.empty()) node["members"] = params_json(doc.members);
    out.push_back(node);
  }
  return out;
}

void params_text(const std::vector<ParamDoc>& docs, const std::string& indent, std::string& out) {
  for (const ParamDoc& doc : docs) {
    const std::string range = range_text(doc.info);
    out += cat(indent, doc.info.name, " (", doc.type, range.empty() ? "" : ": " + range,
               ") = ", default_text(doc), "\n", indent, "    ", doc.info.doc, "\n");
    params_text(doc.members, indent + "  ", out);
  }
}

void params_rows(const std::vector<ParamDoc>& docs, const std::string& prefix, std::string& out) {
  for (const ParamDoc& doc : docs) {
    out += cat("| `", prefix, doc.info.name, "` | ", doc.type, " | `", default_text(doc), "` | ",
               range_text(doc.info), " | ", doc.info.doc, " |\n");
    params_rows(doc.members, prefix + doc.info.name + ".", out);
  }
}

}  // namespace

const std::string& kind_contract(const std::string& kind) {
  return kContracts.at(kind);
}

std::vector<ComponentPage> inspect(const std::string& what, Registry& registry) {
  std::vector<ComponentPage> pages;
  const std::filesystem::path as_path(what);
  std::error_code ignored;
  if (as_path.extension() == ".so" || std::filesystem::is_regular_file(as_path, ignored)) {
    const auto library = std::filesystem::absolute(as_path).lexically_normal();
    Registry alone;
    alone.load(library);
    for (const auto& entry : alone.list()) pages.push_back(page_of(alone.find(entry.kind, entry.name)));
    return pages;
  }
  const auto slash = what.find('/');
  const std::string kind = slash == std::string::npos ? "" : what.substr(0, slash);
  const std::string name = slash == std::string::npos ? what : what.substr(slash + 1);
  if (!kind.empty()) return {page_of(registry.find(kind, name))};
  std::vector<std::string> names;
  for (const auto& entry : registry.list()) {
    names.push_back(entry.name);
    if (entry.name == name) pages.push_back(page_of(registry.find(entry.kind, entry.name)));
  }
  if (pages.empty()) {
    const auto& kinds = component_kinds();
    names.insert(names.end(), kinds.begin(), kinds.end());
    for (const auto& [model, file] : list_configs(configs_root())) names.push_back(model);
    throw Error(cat("no component, kind or model ", quoted(name), did_you_mean(name, names),
                    " (`flam list` shows them all)"));
  }
  return pages;
}

std::string page_text(const ComponentPage& page) {
  std::string out = cat(page.kind, " '", page.name, "'\n  ", page.doc, "\n  ", page.contract, "\n");
  if (!page.origin.empty()) {
    out += cat("  origin: ", page.origin.string(), "\n  stamp: SDK ", page.stamp.sdk_major, ".",
               page.stamp.sdk_minor, ", ", page.stamp.compiler, ", ", page.stamp.stdlib_abi, ", libtorch ",
               page.stamp.torch, "\n");
  }
  out += page.params.empty() ? "  no parameters\n" : "  parameters:\n";
  params_text(page.params, "    ", out);
  return out;
}

std::string page_markdown(const ComponentPage& page) {
  std::string out =
      cat("# ", page.kind, " `", page.name, "`\n\n", page.doc, "\n\nContract: ", page.contract, "\n\n");
  if (page.params.empty()) return out + "No parameters.\n";
  out += "| parameter | type | default | range | meaning |\n| --- | --- | --- | --- | --- |\n";
  params_rows(page.params, "", out);
  return out;
}

nlohmann::ordered_json page_json(const ComponentPage& page) {
  return {{"kind", page.kind},
          {"name", page.name},
          {"doc", page.doc},
          {"contract", page.contract},
          {"origin", page.origin.string()},
          {"stamp",
           {{"sdk", cat(page.stamp.sdk_major, ".", page.stamp.sdk_minor)},
            {"compiler", page.stamp.compiler},
            {"stdlib_abi", page.stamp.stdlib_abi},
            {"torch", page.stamp.torch}}},
          {"parameters", params_json(page.params)}};
}

}  // namespace flam
