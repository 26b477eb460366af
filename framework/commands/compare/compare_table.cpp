// Writes the report as a text table and as CSV.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "framework/base/text.h"
#include "framework/commands/compare/compare_cell.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

size_t width_of(const std::string& text) {
  size_t width = 0;
  for (const char c : text)
    width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // not a continuation byte of UTF-8
  return width;
}

/// Escapes a message line by line, because it may contain text from a file.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    out += printable(text.substr(0, end), 4096) + "\n";
  return out + printable(text, 4096);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string cell_text(const Json& column, const Json& variant) {
  const auto& values = variant["values"];
  const std::string key = column["key"], unit = column["unit"];
  if (!values.contains(key)) return "";
  const double mean = values[key]["mean"], half = values[key]["high"].get<double>() - mean;
  if (key == "parameters") return with_commas(static_cast<int64_t>(mean));
  if (unit == "FLOP" || unit == "B") return shortened(mean, unit.c_str());
  const int64_t n = values[key]["n"];
  if (n == 2) {
    const std::string low = significant(values[key]["low"], 3), high = significant(values[key]["high"], 3);
    return low == high ? low : low + " to " + high;
  }
  return significant(mean, 3) + (n > 2 ? " ±" + significant(half, 2) : "");
}

std::string interval_note(const Json& report) {
  const size_t seeds = report["seeds"].size();
  if (seeds < 2) return "";
  if (seeds == 2) return "Ranges: the values of two seeds\n";
  return cat("±: half of the 95% confidence interval over ", seeds, " seeds (Student's t)\n");
}

std::string report_text(const Json& report) {
  std::vector<std::vector<std::string>> rows(1, {"variant"});
  std::vector<const Json*> columns;  // without those of controls, so that a row fits on a line
  for (const Json& column : report["columns"])
    if (!column.contains("control")) columns.push_back(&column);
  for (const Json* const shown : columns) {
    const Json& column = *shown;
    const std::string unit = column["unit"];
    const bool written =
        unit == "FLOP" || unit == "B" || unit.empty();  // the cells show the unit, if there is one
    rows[0].push_back(printable(column["title"].get<std::string>()) + (written ? "" : " " + unit));
  }
  std::string notes;
  for (const Json& variant : report["variants"]) {
    auto& row = rows.emplace_back(1, printable(variant["name"].get<std::string>(), 60));
    for (const Json* const column : columns) row.push_back(cell_text(*column, variant));
    if (variant["status"] != "done")
      notes +=
          cat(row[0], ": ", variant["status"].get<std::string>(),
              variant.contains("reason") ? "; " + printable_lines(variant["reason"].get<std::string>()) : "",
              "\n");
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? row[i] + pad : "  " + pad + row[i]);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out + interval_note(report) + notes;
}

std::string report_csv(const Json& report) {
  std::string out = "variant,status,seeds";
  for (const Json& column : report["columns"]) {
    const std::string key = column["key"];
    out += cat(",", csv_field(key), ",", csv_field(key + " low"), ",", csv_field(key + " high"));
  }
  out += ",reason\n";
  for (const Json& variant : report["variants"]) {
    int64_t done = 0;
    for (const Json& run : variant["runs"]) done += run["status"] == "done";
    out += cat(csv_field(variant["name"]), ",", variant["status"].get<std::string>(), ",", done);
    for (const Json& column : report["columns"]) {
      const auto& values = variant["values"];
      const std::string key = column["key"];
      for (const char* end : {"mean", "low", "high"})
        out += values.contains(key) ? "," + values[key][end].dump() : ",";
    }
    out += "," + csv_field(variant.value("reason", "")) + "\n";
  }
  return out;
}

}  // namespace flam
