#include "framework/commands/compare/compare_page.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "framework/base/text.h"
#include "framework/commands/compare/compare_cell.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/report/page.h"
#include "framework/report/svg_plot.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStyle = R"(
.wide { overflow-x: auto; } .best { font-weight: 600; }
.failed { color: #a00; } .swatch { display: inline-block; width: .8em; height: .8em; border-radius: .2em; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } svg { max-width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: #444; } svg .title { font-size: 13px; fill: #222; }
svg .grid { stroke: #e4e4e4; } img { image-rendering: auto; max-width: 160px; } .same { color: #006a4d; }
pre { overflow-x: auto; }
)";

std::string swatch(size_t index) {
  return cat("<span class=\"swatch\" style=\"background:", plot_colour(index), "\"></span> ");
}

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

std::string table(const Json& report) {
  std::string out = "<div class=\"wide\"><table>\n<tr><th>variant</th>";
  for (const Json& column : report["columns"]) {
    const std::string unit = column["unit"];
    out += cat("<th class=\"number\">", text_of(column["title"]), unit.empty() ? "" : ", " + unit, "</th>");
  }
  out += "<th></th></tr>\n";
  size_t index = 0;
  for (const Json& variant : report["variants"]) {
    out += cat("<tr><td>", swatch(index), text_of(variant["name"]), "</td>");
    for (const Json& column : report["columns"]) {
      const bool best = best_of(report, column) == index;
      out += cat("<td class=\"number", best ? " best" : "", "\">", escape_html(cell_text(column, variant)),
                 "</td>");
    }
    const std::string status = variant["status"];
    out += cat("<td class=\"", status == "failed" ? "failed" : "note", "\">", status == "done" ? "" : status,
               variant.contains("reason") ? ": " + text_of(variant["reason"]) : "", "</td></tr>\n");
    ++index;
  }
  out += "</table></div>\n<p class=\"note\">";
  if (report["seeds"].size() > 1)
    out +=
        cat("±: half of the 95% confidence interval over ", report["seeds"].size(), " seeds (Student's t). ");
  return out + "Bold: the best mean of the column. FLOPs are for one picture and " +
         std::to_string(report["prompt_tokens"].get<int64_t>()) +
         " prompt tokens, and for each new token.</p>\n";
}

/// Describes what was done: training steps, records, and how answers were timed.
std::string procedure(const Json& report) {
  std::vector<std::string> parts;
  const size_t all = report["variants"].size();
  const auto add = [&](const char* what, const Json& done, const char* count) {
    const auto variants = done["variants"].get<size_t>();
    parts.push_back(cat(what, text_of(done["name"]), ", ", done[count].dump(), " ", count,
                        variants < all ? cat(" (", variants, " of ", all, " variants)") : ""));
  };
  for (const Json& stage : report["stages"]) add("trained ", stage, "steps");
  for (const Json& task : report["tasks"]) add("scored by ", task, "records");
  const auto timed = [](const Json& variant) { return variant["values"].contains("latency_ms"); };
  if (const Json& bench = report["bench"];
      std::any_of(report["variants"].begin(), report["variants"].end(), timed))
    parts.push_back(cat("timed on ", bench["records"].dump(), " records, one by one (tokens each: ",
                        bench["new_tokens"].dump(), ", threads: ", bench["threads"].dump(), ")"));
  return parts.empty()
             ? ""
             : cat("<p>For each seed: ", join(parts, "; "),
                   ". Times from different runs are comparable only if the machine was equally idle.</p>\n");
}

std::string differences(const Json& report) {
  std::string out = "<h2>What each variant changes</h2>\n";
  size_t index = 0;
  for (const Json& variant : report["variants"]) {
    out += cat("<p>", swatch(index++), text_of(variant["name"]), "</p>\n<pre>");
    for (const Json& difference : variant["differences"]) out += text_of(difference);
    if (variant["differences"].empty()) out += variant.contains("reason") ? "see the table" : "nothing";
    out += "</pre>\n";
    if (const int64_t left_out = variant["left_out"]; left_out > 0)
      out +=
          cat("<p class=\"note\">", counted(left_out, "tensor"),
              " in the files from which training starts could not be used, because of other shapes than this "
              "variant's.</p>\n");
  }
  return out;
}

std::string legend(const Json& report) {
  std::vector<std::string> names;
  size_t index = 0;
  for (const Json& variant : report["variants"]) names.push_back(swatch(index++) + text_of(variant["name"]));
  return "<p>" + join(names, " &nbsp; ") + "</p>\n";
}

PlotPoint point_of(double x, const Json& y) {
  return {x, y["mean"], x, x, y["low"], y["high"]};
}

/// One plot for each loss, with the means over the seeds that have reached a step.
std::string learning_curves(const Json& report) {
  std::map<std::string, Plot> plots;
  size_t index = 0;
  for (const Json& variant : report["variants"]) {
    std::map<std::string, std::map<int64_t, std::vector<double>>> losses;
    for (const Json& curve : variant["curves"])
      for (const Json& point : curve["points"])
        for (const auto& [name, loss] : point["losses"].items())
          if (loss.is_number()) losses[name][point["step"].get<int64_t>()].push_back(loss.get<double>());
    for (const auto& [name, steps] : losses) {
      Plot& plot = plots[name];
      PlotSeries series{variant["name"], index, {}};
      for (const auto& [step, values] : steps) {
        const Interval interval = interval_of(values);
        const auto x = static_cast<double>(step);
        series.points.push_back({x, interval.mean, x, x, interval.low, interval.high});
      }
      plot.series.push_back(std::move(series));
    }
    ++index;
  }
  std::string out;
  for (auto& [name, plot] : plots) {
    plot.title = "loss " + name + ", last stage";
    plot.x_label = "step";
    plot.y_label = "loss";
    plot.lines = true;
    out += svg_plot(plot);
  }
  return out.empty()
             ? ""
             : "<h2>Learning curves</h2>\n" + legend(report) + "<div class=\"plots\">" + out + "</div>\n";
}

std::string scores_against_latency(const Json& report) {
  std::string out;
  for (const Json& column : report["columns"]) {
    const std::string key = column["key"];
    if (!key.starts_with("score ")) continue;
    Plot plot{column["title"].get<std::string>() + " against latency", "latency, ms an answer",
              column["title"]};
    size_t index = 0;
    for (const Json& variant : report["variants"]) {
      const Json& values = variant["values"];
      if (values.contains(key) && values.contains("latency_ms")) {
        PlotPoint point = point_of(values["latency_ms"]["mean"], values[key]);
        point.x_low = values["latency_ms"]["low"];
        point.x_high = values["latency_ms"]["high"];
        plot.series.push_back({variant["name"], index, {point}});
      }
      ++index;
    }
    out += svg_plot(plot);
  }
  return out.empty() ? "" : "<h2>Scores against latency</h2>\n<div class=\"plots\">" + out + "</div>\n";
}

std::string picture_grid(const Json& report) {
  std::string out, task;
  for (const Json& shown : report["pictures"]) {
    if (shown["task"] != task) {
      if (!task.empty()) out += "</table></div>\n";
      task = shown["task"];
      out += cat("<h2>Test pictures: ", escape_html(task),
                 "</h2>\n<div class=\"wide\"><table>\n<tr><th></th>", "<th>reference</th>");
      size_t index = 0;
      for (const Json& variant : report["variants"])
        out += cat("<th>", swatch(index++), text_of(variant["name"]), "</th>");
      out += "</tr>\n";
    }
    const std::string picture = shown["picture"], question = shown["question"];
    out += "<tr><td>";
    if (picture.starts_with("data:image/png;base64,"))  // so that a browser does not fetch anything
      out += cat("<img alt=\"", text_of(shown["id"]), "\" src=\"", escape_html(picture), "\">");
    out += cat(question.empty() ? "" : "<br>", escape_html(question), "</td><td>");
    const Json& references = shown["references"];
    if (!references.empty()) out += text_of(references.front());
    out += "</td>";
    for (const Json& variant : report["variants"]) {
      const std::string name = variant["name"];
      const std::string answer = shown["answers"].value(name, "");
      const bool same = std::find(references.begin(), references.end(), answer) != references.end();
      out += cat("<td", same ? " class=\"same\"" : "", ">", escape_html(answer), "</td>");
    }
    out += "</tr>\n";
  }
  return out.empty()
             ? ""
             : out +
                   "</table></div>\n<p class=\"note\">Answers of each variant's first seed; green: equal "
                   "to a reference.</p>\n";
}

}  // namespace

std::string report_page(const Json& report) {
  std::vector<std::string> seeds;
  for (const Json& seed : report["seeds"]) seeds.push_back(seed.dump());
  const std::string head =
      cat("<h1>", text_of(report["experiment"]), "</h1>\n<p>Base: ", text_of(report["base"]),
          ". Seeds: ", join(seeds, ", "), ".</p>\n");
  return html_page(report["experiment"].get<std::string>(), kStyle,
                   cat(head, procedure(report), table(report), learning_curves(report),
                       scores_against_latency(report), picture_grid(report), differences(report)));
}

}  // namespace flam
