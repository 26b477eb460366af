#include <algorithm>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/report_page_text.h"
#include "framework/commands/evaluate/report_parts.h"
#include "framework/report/figures.h"
#include "framework/report/page.h"

namespace flam {

namespace {

std::string text(const std::string& raw) {
  return report_text_html(raw);
}

std::string facts(const ReportedRecord& record, const std::string& score_name) {
  std::vector<std::string> out = {text(record.id)};
  if (!record.kind.empty()) out.push_back(text(record.kind));
  if (record.score) out.push_back(cat(text(score_name), " ", significant(*record.score, 3)));
  if (record.logprob) out.push_back(cat("log-probability ", significant(*record.logprob, 3)));
  return join(out, " · ");
}

std::string references_html(const ReportedRecord& record, size_t most) {
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(most, record.references.size()); ++i)
    shown.push_back(text(record.references[i]));
  std::string out = join(shown, " | ");
  if (record.references.size() > most) out += cat(" | … ", record.references.size() - most, " more");
  return out;
}

bool is_right(const ReportedRecord& record) {
  return std::find(record.references.begin(), record.references.end(), record.answer) !=
         record.references.end();
}

std::string card(const ReportedRecord& record, const std::string& score_name) {
  std::string out = is_right(record) ? "<li class=\"right\">" : "<li>";
  out += record.thumbnail.empty()
             ? "<div class=\"none\">no picture</div>"
             : cat("<img alt=\"\" src=\"data:image/jpeg;base64,", base64(record.thumbnail), "\">");
  if (!record.question.empty()) out += cat("<p>", text(record.question), "</p>");
  out += cat("<p class=\"answer\">", record.answer.empty() ? "(empty)" : text(record.answer), "</p>");
  if (!record.references.empty())
    out += cat("<p class=\"small\">references: ", references_html(record, 5), "</p>");
  out += cat("<p class=\"small\">", facts(record, score_name), "</p>");
  if (!record.shots.empty()) out += cat("<p class=\"small\">shots: ", text(join(record.shots, ", ")), "</p>");
  return out + cat("<details><summary class=\"small\">prompt</summary><pre>", text(record.prompt),
                   "</pre></details></li>\n");
}

std::string examples(const Report& report) {
  std::string out;
  if (!report.no_pictures.empty())
    out += cat("<p class=\"note\">There are no pictures, because the dataset can't be opened: ",
               text(report.no_pictures), "</p>\n");
  for (const Report::Group& group : report.examples) {
    if (group.records.empty()) continue;
    out += cat("<h2>", text(group.title), "</h2>\n");
    if (!group.note.empty()) out += cat("<p class=\"note\">", text(group.note), "</p>\n");
    out += "<ul class=\"cards\">\n";
    for (const ReportedRecord& record : group.records) out += card(record, report.score_name);
    out += "</ul>\n";
  }
  return out;
}

std::string records_table(const Report& report) {
  const bool questions = std::any_of(report.records.begin(), report.records.end(),
                                     [](const ReportedRecord& record) { return !record.question.empty(); });
  std::string out = "<h2>Records</h2>\n";
  if (static_cast<int64_t>(report.records.size()) < report.evaluation.n)
    out += cat("<p class=\"note\">The first ", with_commas(std::ssize(report.records)), " of ",
               with_commas(report.evaluation.n), "; predictions.jsonl has all.</p>\n");
  out += cat("<div class=\"wide\"><table id=\"records\">\n<thead><tr><th>id</th>",
             questions ? "<th>question</th>" : "", "<th>answer</th><th>references</th>",
             report.score_name.empty() ? "" : cat("<th class=\"number\">", text(report.score_name), "</th>"),
             "</tr></thead>\n<tbody>\n");
  for (const ReportedRecord& record : report.records) {
    out += cat("<tr><td>", text(record.id), "</td>",
               questions ? cat("<td>", text(record.question), "</td>") : "");
    if (record.error.empty()) {
      out += cat("<td>", text(record.answer), "</td>");
    } else {
      out += cat("<td class=\"failed\">error: ", text(record.error), "</td>");
    }
    out += cat("<td>", references_html(record, 3), "</td>");
    if (!report.score_name.empty())
      out += cat("<td class=\"number\">", record.score ? significant(*record.score, 3) : "", "</td>");
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string head(const Report& report) {
  const Evaluation& evaluation = report.evaluation;
  std::vector<std::string> parts = {
      cat(with_commas(evaluation.n), " records of the dataset ", text(report.dataset)),
      cat("seed ", evaluation.seed)};
  if (evaluation.shots > 0) parts.push_back(counted(evaluation.shots, "shot"));
  if (evaluation.skipped > 0) parts.push_back(cat(with_commas(evaluation.skipped), " entries skipped"));
  std::string out = cat("<h1>", text(evaluation.config), "</h1>\n<p>", join(parts, ", "), ".</p>\n");
  if (evaluation.answers.failed == 0) return out;
  out += cat("<p class=\"failed\">", with_commas(evaluation.answers.failed),
             " records could not be answered and are left out of the scores:</p>\n<ul class=\"failed\">\n");
  for (const std::string& failure : report.failures) out += cat("<li>", text(failure), "</li>\n");
  return out + "</ul>\n";
}

}  // namespace

std::string report_html(const Report& report) {
  return html_page(report.evaluation.config + ": evaluation", kReportStyle,
                   cat(head(report), scores_html(report), controls_html(report.evaluation),
                       kinds_html(report), runs_html(report), distributions_html(report), kReportFilter,
                       examples(report), records_table(report), "<script>", kReportScript, "</script>\n"));
}

}  // namespace flam
