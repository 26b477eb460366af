#include "framework/commands/compare/compare_page.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "framework/base/text.h"
#include "framework/commands/compare/compare_cell.h"
#include "framework/commands/compare/compare_tables.h"
#include "framework/commands/compare/compare_values.h"
#include "framework/report/page.h"
#include "framework/report/svg_plot.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStyle = R"(
.wide { overflow-x: auto; } th.number { white-space: normal; } td + td { overflow-wrap: anywhere; } .best { font-weight: 600; } .control { color: var(--note); }
.failed { color: var(--bad); } .swatch { display: inline-block; width: .8em; height: .8em; border-radius: .2em; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } svg { max-width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--note); } svg .title { font-size: 13px; fill: var(--text); }
svg .grid { stroke: var(--line); } img { image-rendering: auto; max-width: 160px; } .same { color: var(--good); }
pre { overflow-x: auto; } .legend { position: sticky; top: 0; background: var(--page); padding: .4rem 0; z-index: 1; }
.legend label { margin-right: 1.2em; cursor: pointer; white-space: nowrap; }
)";

constexpr int kSecondsToReload = 10;

std::string class_of(size_t index) {
  return cat("v", index);
}

std::string text_of(const Json& node) {
  return escape_html(node.get<std::string>());
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

/// Says what is being run, on a page that is written before the end.
std::string running_note(const Json& report) {
  const auto found = report.find("running");
  if (found == report.end()) return "";
  const Json& running = *found;
  std::string out = cat("<p>Running: ", text_of(running["variant"]), ", seed ", running["seed"].dump());
  if (running.contains("unit")) out += ", " + text_of(running["unit"]);
  if (running.contains("step"))
    out += cat(", step ", running["step"].dump(), " of ", running["steps"].dump());
  return out + ". This page reloads itself while the experiment runs.</p>\n";
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

/// A box for each variant that shows and hides it everywhere on the page, by styles alone.
std::string legend(const Json& report) {
  std::string out = "<p class=\"legend\">";
  size_t index = 0;
  for (const Json& variant : report["variants"]) {
    out += cat("<label><input type=\"checkbox\" id=\"show-", class_of(index), "\" checked> ", swatch(index),
               text_of(variant["name"]), "</label> ");
    ++index;
  }
  return out + "</p>\n";
}

std::string hiding_rules(const Json& report) {
  std::string out;
  for (size_t i = 0; i < report["variants"].size(); ++i)
    out += cat("body:has(#show-", class_of(i), ":not(:checked)) .", class_of(i), " { display: none; }\n");
  return out;
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
    plot.log_y = true;
    out += svg_plot(plot);
  }
  return out.empty() ? "" : "<h2>Learning curves</h2>\n<div class=\"plots\">" + out + "</div>\n";
}

std::string scores_against_latency(const Json& report) {
  std::string out;
  for (const Json& column : report["columns"]) {
    const std::string key = column["key"];
    if (!key.starts_with("score ") || column.contains("control")) continue;
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
    const auto same = [&](const PlotSeries& series) {
      return series.points[0].y == plot.series[0].points[0].y;
    };
    if (!std::all_of(plot.series.begin(), plot.series.end(), same)) out += svg_plot(plot);
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
        out += cat("<th class=\"", class_of(index), "\">", swatch(index), text_of(variant["name"]), "</th>"),
            ++index;
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
    size_t index = 0;
    for (const Json& variant : report["variants"]) {
      const std::string name = variant["name"];
      const std::string answer = shown["answers"].value(name, "");
      const bool same = std::find(references.begin(), references.end(), answer) != references.end();
      out += cat("<td class=\"", class_of(index++), same ? " same" : "", "\">", escape_html(answer), "</td>");
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
  std::string origin;
  if (!report.value("date", "").empty())
    origin =
        cat(" Newest result: ", text_of(report["date"]), ", flamboyance ", text_of(report["version"]), ".");
  const Json machines = report.value("machines", Json::array());
  for (const Json& machine : machines) origin += cat(" ", text_of(machine), ".");
  const std::string head =
      cat("<h1>", text_of(report["experiment"]), "</h1>\n<p>Base: ", text_of(report["base"]),
          ". Seeds: ", join(seeds, ", "), ".", origin, "</p>\n");
  return html_page(
      report["experiment"].get<std::string>(), kStyle + hiding_rules(report),
      cat(head, running_note(report), procedure(report), legend(report), report_tables(report),
          learning_curves(report), scores_against_latency(report), picture_grid(report), differences(report)),
      report.contains("running") ? kSecondsToReload : 0);
}

}  // namespace flam
