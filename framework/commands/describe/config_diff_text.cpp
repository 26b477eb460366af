// Writes a ConfigDiff as text and as JSON.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "framework/base/text.h"
#include "framework/commands/describe/config_diff.h"
#include "framework/config/config.h"
#include "framework/report/figures.h"
#include "framework/report/json.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

/// "layers.3.norm" → "layers.*.norm": equal layers share a line.
std::string without_numbers(const std::string& name) {
  std::string out;
  std::istringstream steps(name);
  for (std::string step; std::getline(steps, step, '.');) {
    const bool number = step.find_first_not_of("0123456789") == std::string::npos;
    out += (out.empty() ? "" : ".") + (number ? "*" : step);
  }
  return out;
}

std::string tensors_text(const std::vector<ConfigDiff::TensorChange>& tensors) {
  struct Line {
    std::string text;
    int64_t count = 0;
    std::string only;
  };
  std::vector<Line> lines;
  for (const auto& tensor : tensors) {
    const std::string shapes = tensor.a && tensor.b ? shape_text(*tensor.a) + " → " + shape_text(*tensor.b)
                                                    : shape_text(tensor.a ? *tensor.a : *tensor.b);
    const std::string mark = tensor.a && tensor.b ? "  ~ " : tensor.a ? "  - " : "  + ";
    const std::string text = mark + without_numbers(tensor.name) + " " + shapes;
    auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& l) { return l.text == text; });
    if (line == lines.end()) line = lines.insert(line, {text, 0, mark + tensor.name + " " + shapes});
    ++line->count;
  }
  std::string out;
  for (const Line& line : lines)
    out += line.count == 1 ? line.only + "\n" : cat(line.text, "  (", line.count, " tensors)\n");
  return out;
}

std::string change_text(int64_t a, int64_t b, const std::string& unit) {
  if (a == b) return cat(with_commas(a), unit);
  return cat(with_commas(a), " → ", with_commas(b), unit, " (", b > a ? "+" : "-",
             with_commas(b > a ? b - a : a - b), ")");
}

std::string value_text(const std::optional<Value>& value) {
  return value ? write_json(*value) : "";
}

}  // namespace

std::string section_text(const ConfigDiff::Section& section) {
  std::string out = section.name;
  if (!section.type_a.empty() || !section.type_b.empty()) {
    const std::string a = section.type_a.empty() ? "nothing" : quoted(section.type_a);
    const std::string b = section.type_b.empty() ? "nothing" : quoted(section.type_b);
    out += " " + (a == b ? a : a + " → " + b);
  }
  out += "\n";
  for (const auto& change : section.changes) {
    const std::string what = change.parameter.empty() ? "" : printable(change.parameter) + ": ";
    out += change.a && change.b
               ? cat("  ~ ", what, value_text(change.a), " → ", value_text(change.b), "\n")
               : cat(change.a ? "  - " : "  + ", what, value_text(change.a ? change.a : change.b), "\n");
  }
  return out;
}

std::string diff_text(const ConfigDiff& diff) {
  if (diff.equal()) return "";
  std::string out = cat("a: ", diff.a.config, "\nb: ", diff.b.config, "\n\n");
  for (const auto& section : diff.sections) out += section_text(section);
  const Description &a = diff.a, &b = diff.b;
  std::string parts;
  for (size_t i = 0; i < a.parts.size(); ++i) {
    const auto &of_a = a.parts[i], &of_b = b.parts[i];
    const bool same = of_a.parameters == of_b.parameters && of_a.flops == of_b.flops &&
                      of_a.input == of_b.input && of_a.output == of_b.output;
    if (same) continue;
    parts += cat("  ", of_a.slot, "\n");
    for (const auto& [what, in_a, in_b] :
         {std::tuple("in", of_a.input, of_b.input), std::tuple("out", of_a.output, of_b.output)}) {
      if (in_a != in_b) parts += cat("    ", what, ": ", in_a, "\n    ", what, " → ", in_b, "\n");
    }
    parts += cat("    ", change_text(of_a.parameters, of_b.parameters, " parameters"), "\n    ",
                 change_text(of_a.parameters * 4, of_b.parameters * 4, " bytes in float32"), "\n    ",
                 change_text(of_a.flops, of_b.flops, " FLOP"), "\n");
  }
  const bool same_cost = a.prompt_flops == b.prompt_flops && a.step_flops == b.step_flops;
  if (parts.empty() && same_cost && diff.tensors.empty())
    return out +
           cat("\nthe models have the same tensors and FLOPs (", with_commas(a.parameters), " parameters)\n");
  out +=
      cat("\nparts\n", parts, "  whole model\n    ", change_text(a.parameters, b.parameters, " parameters"),
          "\n    ", change_text(a.parameters * 4, b.parameters * 4, " bytes in float32"), "\n    ",
          change_text(a.prompt_flops, b.prompt_flops, " FLOP"), " for one picture and ", a.prompt_tokens,
          " prompt tokens\n    ", change_text(a.step_flops, b.step_flops, " FLOP"), " for each new token\n");
  if (!diff.tensors.empty()) out += "\ntensors\n" + tensors_text(diff.tensors);
  return out;
}

nlohmann::ordered_json diff_json(const ConfigDiff& diff) {
  Json out = {{"equal", diff.equal()},     {"a", diff.a.config},     {"b", diff.b.config},
              {"sections", Json::array()}, {"parts", Json::array()}, {"tensors", Json::array()}};
  const auto either = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  for (const auto& section : diff.sections) {
    Json changes = Json::array();
    for (const auto& change : section.changes) {
      Json node = {{"parameter", change.parameter}};
      if (change.a) node["a"] = to_json(*change.a);
      if (change.b) node["b"] = to_json(*change.b);
      changes.push_back(node);
    }
    out["sections"].push_back({{"name", section.name},
                               {"type", {{"a", either(section.type_a)}, {"b", either(section.type_b)}}},
                               {"changes", changes}});
  }
  const auto sides = [](const auto& a, const auto& b) { return Json{{"a", a}, {"b", b}}; };
  const Description &a = diff.a, &b = diff.b;
  for (size_t i = 0; i < a.parts.size(); ++i) {
    out["parts"].push_back({{"slot", a.parts[i].slot},
                            {"type", sides(a.parts[i].type, b.parts[i].type)},
                            {"input", sides(a.parts[i].input, b.parts[i].input)},
                            {"output", sides(a.parts[i].output, b.parts[i].output)},
                            {"parameters", sides(a.parts[i].parameters, b.parts[i].parameters)},
                            {"flops", sides(a.parts[i].flops, b.parts[i].flops)}});
  }
  out["parameters"] = sides(a.parameters, b.parameters);
  out["bytes"] = sides(describe_json(a)["bytes"], describe_json(b)["bytes"]);
  out["prompt_tokens"] = a.prompt_tokens;
  out["prompt_flops"] = sides(a.prompt_flops, b.prompt_flops);
  out["step_flops"] = sides(a.step_flops, b.step_flops);
  for (const auto& tensor : diff.tensors) {
    Json node = {{"name", tensor.name},
                 {"change", tensor.a && tensor.b ? "changed"
                            : tensor.a           ? "removed"
                                                 : "added"}};
    if (tensor.a) node["a"] = *tensor.a;
    if (tensor.b) node["b"] = *tensor.b;
    out["tensors"].push_back(node);
  }
  return out;
}

}  // namespace flam
