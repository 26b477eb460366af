#include "framework/commands/compare/compare_tables.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "framework/base/text.h"
#include "framework/commands/compare/compare_cell.h"
#include "framework/report/svg_plot.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& node) {
  return escape_html(node.get<std::string>());
}

/// Returns the index of the variant with the best mean, or nothing if all means are equal.
std::optional<size_t> best_of(const Json& report, const Json& column) {
  std::optional<size_t> best;
  double value = 0;
  bool differ = false;
  const std::string key = column["key"];
  for (size_t i = 0; i < report["variants"].size(); ++i) {
    const Json& values = report["variants"][i]["values"];
    if (!values.contains(key)) continue;
    const double mean = values[key]["mean"];
    differ = differ || (best && mean != value);
    if (!best || (column["lower_is_better"].get<bool>() ? mean < value : mean > value)) {
      best = i;
      value = mean;
    }
  }
  return differ ? best : std::nullopt;
}

/// A name may be broken after an underscore, so that columns are narrow.
std::string header(const Json& column) {
  const std::string unit = column["unit"];
  std::string title;
  for (const char c : text_of(column["title"])) title += c == '_' ? "_<wbr>" : std::string(1, c);
  return cat("<th class=\"number\">", title, unit.empty() ? "" : ", " + unit, "</th>");
}

std::string cell(const Json& report, const Json& column, size_t index) {
  const bool control = column.contains("control");
  const char* const style = control ? " control" : best_of(report, column) == index ? " best" : "";
  return cat("<td class=\"number", style, "\">", escape_html(cell_text(column, report["variants"][index])),
             "</td>");
}

/// The table of the columns that `belongs` takes; "" if there are none.
template <class Belongs>
std::string table(const Json& report, const char* title, const Belongs& belongs) {
  std::string head, body;
  for (const Json& column : report["columns"])
    if (belongs(column["key"].get<std::string>())) head += header(column);
  if (head.empty()) return "";
  for (size_t i = 0; i < report["variants"].size(); ++i) {
    body += cat("<tr class=\"v", i, "\"><td>", swatch(i), text_of(report["variants"][i]["name"]), "</td>");
    for (const Json& column : report["columns"])
      if (belongs(column["key"].get<std::string>())) body += cell(report, column, i);
    body += "</tr>\n";
  }
  return cat("<h2>", title, "</h2>\n<div class=\"wide\"><table>\n<tr><th>variant</th>", head, "</tr>\n", body,
             "</table></div>\n");
}

std::string unfinished(const Json& report) {
  std::string out;
  for (size_t i = 0; i < report["variants"].size(); ++i) {
    const Json& variant = report["variants"][i];
    const std::string status = variant["status"];
    if (status == "done") continue;
    out += cat("<p class=\"v", i, status == "failed" ? " failed" : " note", "\">", swatch(i),
               text_of(variant["name"]), ": ", status,
               variant.contains("reason") ? ": " + text_of(variant["reason"]) : "", "</p>\n");
  }
  return out;
}

}  // namespace

std::string swatch(size_t index) {
  return cat("<span class=\"swatch\" style=\"background:", plot_colour(index), "\"></span> ");
}

std::string report_tables(const Json& report) {
  const auto is_score = [](const std::string& key) { return key.starts_with("score "); };
  const auto is_loss = [](const std::string& key) { return key.starts_with("loss "); };
  const std::string note = interval_note(report);
  return cat(unfinished(report), table(report, "Scores", is_score),
             table(report, "Costs", [&](const std::string& key) { return !is_score(key) && !is_loss(key); }),
             table(report, "Losses of the last stage", is_loss), "<p class=\"note\">",
             note.empty() ? "" : note.substr(0, note.size() - 1) + ". ",
             "Bold: the best mean of the column. In parentheses: the same score under a control, for example "
             "without the pictures (blind). FLOPs are for one picture and ",
             report["prompt_tokens"].dump(), " prompt tokens, and for each new token.</p>\n");
}

}  // namespace flam
