#pragma once
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

struct PlotPoint {
  double x = 0, y = 0;
  double x_low = 0, x_high = 0, y_low = 0,
         y_high = 0;  // confidence interval; equal to x and y if there is none
};

struct PlotSeries {
  std::string name;
  size_t colour = 0;  // index into the palette; a variant has the same colour in every plot
  std::vector<PlotPoint> points;
};

struct Plot {
  std::string title, x_label, y_label;
  bool lines = false;  // true: points are joined, and the interval is a band; false: dots with error bars
  std::vector<PlotSeries> series;
  bool log_y = false;   // a logarithmic y axis; points that are not positive are left out
  bool legend = false;  // names the series on the right
};

/// One self-contained <svg> element. Points that are not finite are left out; returns "" if no point is left.
/// No axis begins below zero unless a value does. Each series is a group of the class "vN", N its colour, so
/// that a page can hide it. Dots are labelled where there is room.
FLAM_API std::string svg_plot(const Plot& plot);
/// The same as a file of its own, with its styles.
std::string svg_file(const Plot& plot);
std::string plot_colour(size_t index);

}  // namespace flam
