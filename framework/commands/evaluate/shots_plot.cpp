#include "framework/commands/evaluate/shots_plot.h"

#include <algorithm>
#include <set>

#include "framework/base/file.h"
#include "framework/base/text.h"

namespace flam {

namespace {

/// Adds the score of a run to the line of this name.
void add_point(Plot& plot, const std::string& line, int64_t shots, const std::vector<ScoreInterval>& scores,
               const std::string& score) {
  const auto found = std::ranges::find(scores, score, &ScoreInterval::name);
  if (found == scores.end()) return;
  auto series = std::ranges::find(plot.series, line, &PlotSeries::name);
  if (series == plot.series.end())
    series = plot.series.insert(series, PlotSeries{line, plot.series.size(), {}});
  const auto x = static_cast<double>(shots);
  series->points.push_back({x, found->value, x, x, found->low, found->high});
}

}  // namespace

Plot shots_plot(const Report& report, const std::string& score) {
  Plot plot{score + " by shots", "shots", score, true, {}};
  std::vector<Report::Run> runs = report.runs;
  std::ranges::stable_sort(runs, {}, &Report::Run::shots);
  std::set<int64_t> different;
  std::set<std::string> configs;
  for (const Report::Run& run : runs) {
    different.insert(run.shots);
    configs.insert(run.config);
  }
  if (different.size() < 2) return plot;
  // The lines are in the order in which the runs are named.
  for (const Report::Run& named : report.runs) {
    const std::string line = configs.size() > 1 ? named.config : "answers";
    if (std::ranges::find(plot.series, line, &PlotSeries::name) != plot.series.end()) continue;
    for (const Report::Run& run : runs) {
      if (run.config != named.config) continue;
      add_point(plot, line, run.shots, run.scores, score);
      for (const auto& [control, scores] : run.controls)
        add_point(plot, configs.size() > 1 ? cat(line, ", ", control) : control, run.shots, scores, score);
    }
  }
  plot.legend = plot.series.size() > 1;
  return plot;
}

void write_shots_plot(const Report& report, const std::string& file) {
  const std::vector<ScoreInterval>& scores = report.runs.front().scores;
  const std::string svg = scores.empty() ? "" : svg_file(shots_plot(report, scores.front().name));
  if (svg.empty())
    throw Error("a plot by shots needs results of runs with different numbers of shots; name their folders");
  write_file(file, svg);
}

}  // namespace flam
