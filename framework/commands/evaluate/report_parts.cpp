#include "framework/commands/evaluate/report_parts.h"

#include <algorithm>
#include <cmath>

#include "framework/base/text.h"
#include "framework/commands/evaluate/shots_plot.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

std::string text(const std::string& raw) {
  return report_text_html(raw);
}

std::string score_cell(const EvaluatedPass& pass, const std::string& name) {
  for (const auto& [score, value] : pass.scores) {
    if (score != name) continue;
    std::string out = significant(value, 4);
    for (const ScoreInterval& interval : pass.intervals) {
      if (interval.name == name)
        out += cat(" <span class=\"interval\">[", significant(interval.low, 3), ", ",
                   significant(interval.high, 3), "]</span>");
    }
    return out;
  }
  return "";
}

/// One row of a bar chart. `share` is that of the longest bar.
std::string bar(const std::string& name, double share, const std::string& number, bool other = false) {
  return cat("<tr><td class=\"name\">", name, "</td><td class=\"bar\"><span", other ? " class=\"other\"" : "",
             " style=\"width:", significant(100 * share, 3), "%\"></span></td><td class=\"number\">", number,
             "</td></tr>\n");
}

std::string commonest(const char* title, const std::vector<Count>& counts, int64_t total, bool other) {
  if (counts.empty()) return "";
  std::string out = cat("<div><h2>", title, "</h2>\n<table class=\"bars\">\n");
  for (const auto& [answer, count] : counts) {
    const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
    out += bar(answer.empty() ? "<span class=\"note\">(empty)</span>" : text(answer),
               static_cast<double>(count) / static_cast<double>(counts.front().second),
               cat(with_commas(count), " (", significant(100 * share, 3), "%)"), other);
  }
  return out + "</table></div>\n";
}

int64_t sum(const std::vector<int64_t>& counts) {
  int64_t out = 0;
  for (const int64_t count : counts) out += count;
  return out;
}

std::string lengths(const Report& report) {
  const int64_t answers = sum(report.answer_lengths), references = sum(report.reference_lengths);
  if (answers == 0) return "";
  const size_t longest = std::max(report.answer_lengths.size(), report.reference_lengths.size());
  const auto share = [](const std::vector<int64_t>& counts, size_t length, int64_t total) {
    return length < counts.size() && total > 0
               ? static_cast<double>(counts[length]) / static_cast<double>(total)
               : 0.0;
  };
  double most = 0;
  for (size_t length = 0; length < longest; ++length)
    most = std::max({most, share(report.answer_lengths, length, answers),
                     share(report.reference_lengths, length, references)});
  std::string out =
      "<h2>Lengths in words</h2>\n<p class=\"note\"><span class=\"key\"></span> answers &nbsp; "
      "<span class=\"key other\"></span> references</p>\n<table class=\"bars\">\n";
  for (size_t length = 0; length < longest; ++length) {
    const double ours = share(report.answer_lengths, length, answers),
                 theirs = share(report.reference_lengths, length, references);
    if (ours == 0 && theirs == 0) continue;
    out += bar(std::to_string(length), ours / most, significant(100 * ours, 3) + "%");
    if (references > 0) out += bar("", theirs / most, significant(100 * theirs, 3) + "%", true);
  }
  return out + "</table>\n";
}

}  // namespace

std::string report_text_html(const std::string& raw) {
  constexpr size_t kMost = 2000;  // bytes
  return escape_html(printable(raw, kMost));
}

std::string scores_html(const Report& report) {
  const Evaluation& evaluation = report.evaluation;
  std::string out = "<div class=\"wide\"><table>\n<tr><th>records</th><th class=\"number\">number</th>";
  for (const auto& [name, value] : evaluation.answers.scores)
    out += cat("<th class=\"number\">", text(name), "</th>");
  out += "</tr>\n";
  const auto row = [&](const std::string& label, const EvaluatedPass& pass) {
    out += cat("<tr><td>", text(label), "</td><td class=\"number\">", with_commas(pass.answered), "</td>");
    for (const auto& [name, value] : evaluation.answers.scores)
      out += cat("<td class=\"number\">", score_cell(pass, name), "</td>");
    out += "</tr>\n";
  };
  row("all", evaluation.answers);
  for (const auto& [name, pass] : evaluation.by_kind) row(name, pass);
  for (const auto& [name, pass] : evaluation.controls) row("control: " + name, pass);
  out += "</table></div>\n";
  if (!evaluation.answers.intervals.empty())
    out += "<p class=\"note\">In brackets: 95% confidence intervals (bootstrap over records).</p>\n";
  return out;
}

std::string controls_html(const Evaluation& evaluation) {
  std::string out;
  for (const auto& [name, pass] : evaluation.controls) {
    for (const PairedTest& test : pass.tests) {
      out += cat("<tr><td>", text(name), "</td><td>", text(test.name), "</td><td class=\"number\">",
                 significant(test.difference, 3), "</td><td class=\"number\">[", significant(test.low, 3),
                 ", ", significant(test.high, 3), "]</td><td class=\"number\">", significant(test.p_value, 2),
                 "</td></tr>\n");
    }
  }
  if (out.empty()) return "";
  return cat(
      "<h2>Does the model use the picture?</h2>\n<div class=\"wide\"><table>\n<tr><th>control</th>"
      "<th>score</th><th class=\"number\">answers − control</th><th class=\"number\">95% interval</th>"
      "<th class=\"number\">p</th></tr>\n",
      out,
      "</table></div>\n<p class=\"note\">blind: without pictures; swapped: with the picture of "
      "another record. Paired bootstrap test over the same records.</p>\n");
}

std::string kinds_html(const Report& report) {
  const Evaluation& evaluation = report.evaluation;
  if (evaluation.by_kind.empty() || evaluation.answers.scores.empty()) return "";
  const std::string& name = evaluation.answers.scores.front().first;
  double most = 0;
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [kind, pass] : evaluation.by_kind) {
    for (const auto& [score, value] : pass.scores) {
      if (score != name || !std::isfinite(value)) continue;
      values.emplace_back(kind, value);
      most = std::max(most, value);
    }
  }
  std::string out = cat("<h2>", text(name), " by kind of record</h2>\n<table class=\"bars\">\n");
  for (const auto& [kind, value] : values)
    out += bar(text(kind), most > 0 ? std::max(0.0, value) / most : 0, significant(value, 3));
  return out + "</table>\n";
}

std::string runs_html(const Report& report) {
  if (report.runs.size() < 2) return "";
  std::vector<std::string> names;
  for (const ScoreInterval& score : report.runs.front().scores) names.push_back(score.name);
  std::string out =
      "<h2>Scores by shots</h2>\n<div class=\"wide\"><table>\n<tr><th>run</th>"
      "<th class=\"number\">shots</th><th class=\"number\">records</th>";
  for (const std::string& name : names) out += cat("<th class=\"number\">", text(name), "</th>");
  out += "</tr>\n";
  std::vector<Report::Run> sorted = report.runs;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Report::Run& a, const Report::Run& b) { return a.shots < b.shots; });
  for (const Report::Run& run : sorted) {
    out += cat("<tr><td>", text(run.folder), "</td><td class=\"number\">", run.shots,
               "</td><td class=\"number\">", with_commas(run.n), "</td>");
    for (const std::string& name : names) {
      const auto found = std::ranges::find(run.scores, name, &ScoreInterval::name);
      out += "<td class=\"number\">";
      if (found != run.scores.end()) {
        out += cat(significant(found->value, 4), " <span class=\"interval\">[", significant(found->low, 3),
                   ", ", significant(found->high, 3), "]</span>");
      }
      out += "</td>";
    }
    out += "</tr>\n";
  }
  out += "</table></div>\n<div class=\"columns\">";
  for (const std::string& name : names) out += svg_plot(shots_plot(report, name));
  return out + "</div>\n";
}

std::string distributions_html(const Report& report) {
  const int64_t references = sum(report.reference_lengths);
  return cat("<div class=\"columns\">\n",
             commonest("Commonest answers", report.answers, report.evaluation.answers.answered, false),
             commonest("Commonest references", report.references, references, true), "</div>\n",
             lengths(report));
}

}  // namespace flam
