#pragma once
// Scores of several runs by their number of shots.

#include <string>

#include "framework/commands/evaluate/report.h"
#include "framework/report/svg_plot.h"

namespace flam {

/// A line for each config and each of its controls, with 95% intervals. Without points if the runs do not
/// have different numbers of shots.
Plot shots_plot(const Report& report, const std::string& score);

/// Writes the plot of the first score, an SVG file. Error: there is nothing to plot. RunError: the file can't
/// be written.
void write_shots_plot(const Report& report, const std::string& file);

}  // namespace flam
