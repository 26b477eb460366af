#include "framework/report/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

constexpr double kWidth = 560, kHeight = 320, kLeft = 64, kRight = 16, kTop = 34, kBottom = 48;

/// An axis maps values to pixels, and has ticks at round numbers.
class Axis {
 public:
  Axis(double low, double high, double from, double to) : from_(from), to_(to) {
    if (high - low < 1e-12 * std::max({1.0, std::abs(low), std::abs(high)})) {
      const double half = high == 0 ? 0.5 : std::abs(high) * 0.1;
      low -= half;
      high += half;
    }
    const double rough = (high - low) / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
    const double ratio = rough / power;
    step_ = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    low_ = std::floor(low / step_) * step_;
    high_ = std::ceil(high / step_) * step_;
  }

  double at(double value) const { return from_ + (value - low_) / (high_ - low_) * (to_ - from_); }
  std::vector<double> ticks() const {
    std::vector<double> out;
    const auto count = static_cast<int>(std::lround((high_ - low_) / step_));
    for (int i = 0; i <= count; ++i) out.push_back(low_ + i * step_);
    return out;
  }
  std::string text(double tick) const { return significant(std::abs(tick) < step_ * 1e-6 ? 0 : tick, 6); }

 private:
  double from_, to_, low_ = 0, high_ = 1, step_ = 1;
};

bool is_finite(const PlotPoint& p) {
  return std::isfinite(p.x + p.y + p.x_low + p.x_high + p.y_low + p.y_high);
}

std::string number(double value) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(1);
  out << value;
  return out.str();
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return cat("<line x1=\"", number(x1), "\" y1=\"", number(y1), "\" x2=\"", number(x2), "\" y2=\"",
             number(y2), "\" ", style, "/>\n");
}

std::string text_at(double x, double y, const std::string& text, const std::string& style) {
  return cat("<text x=\"", number(x), "\" y=\"", number(y), "\" ", style, ">", escape_html(text),
             "</text>\n");
}

std::string draw_axes(const Plot& plot, const Axis& x, const Axis& y) {
  std::string out;
  for (const double tick : x.ticks()) {
    out += line(x.at(tick), kTop, x.at(tick), kHeight - kBottom, "class=\"grid\"");
    out += text_at(x.at(tick), kHeight - kBottom + 16, x.text(tick), "text-anchor=\"middle\"");
  }
  for (const double tick : y.ticks()) {
    out += line(kLeft, y.at(tick), kWidth - kRight, y.at(tick), "class=\"grid\"");
    out += text_at(kLeft - 6, y.at(tick) + 4, y.text(tick), "text-anchor=\"end\"");
  }
  out += text_at(kWidth / 2, 18, plot.title, "text-anchor=\"middle\" class=\"title\"");
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 10, plot.x_label, "text-anchor=\"middle\"");
  const double middle = (kTop + kHeight - kBottom) / 2;
  out += text_at(16, middle, plot.y_label,
                 cat("text-anchor=\"middle\" transform=\"rotate(-90 16 ", number(middle), ")\""));
  return out;
}

std::string draw_series(const Plot& plot, const PlotSeries& series, const std::vector<PlotPoint>& points,
                        const Axis& x, const Axis& y) {
  const std::string colour = plot_colour(series.colour);
  std::string out = cat("<g><title>", escape_html(series.name), "</title>\n");
  if (plot.lines) {
    std::string upper, lower, path;
    for (const PlotPoint& p : points) {
      path += cat(number(x.at(p.x)), ",", number(y.at(p.y)), " ");
      upper += cat(number(x.at(p.x)), ",", number(y.at(p.y_high)), " ");
      lower = cat(number(x.at(p.x)), ",", number(y.at(p.y_low)), " ") + lower;
    }
    out += cat("<polygon points=\"", upper, lower, "\" fill=\"", colour, "\" opacity=\"0.15\"/>\n");
    out +=
        cat("<polyline points=\"", path, "\" fill=\"none\" stroke=\"", colour, "\" stroke-width=\"1.8\"/>\n");
  }
  for (const PlotPoint& p : points) {
    if (plot.lines && points.size() > 1) break;
    const std::string style = cat("stroke=\"", colour, "\" stroke-width=\"1.4\"");
    if (p.y_low != p.y_high) out += line(x.at(p.x), y.at(p.y_low), x.at(p.x), y.at(p.y_high), style);
    if (p.x_low != p.x_high) out += line(x.at(p.x_low), y.at(p.y), x.at(p.x_high), y.at(p.y), style);
    out += cat("<circle cx=\"", number(x.at(p.x)), "\" cy=\"", number(y.at(p.y)), "\" r=\"4.5\" fill=\"",
               colour, "\"/>\n");
    if (!plot.lines) {
      const bool right = x.at(p.x) > kWidth * 0.7;
      out += text_at(x.at(p.x) + (right ? -8 : 8), y.at(p.y) - 7, series.name,
                     cat("style=\"fill:", colour, "\" text-anchor=\"", right ? "end" : "start", "\""));
    }
  }
  return out + "</g>\n";
}

}  // namespace

std::string plot_colour(size_t index) {
  // Okabe and Ito's palette, which is suitable for colour-blind readers, without its yellow; then darker
  // shades of it.
  static constexpr std::array<const char*, 14> kColours = {
      "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333",
      "#004c77", "#8f3f00", "#006a4d", "#8a5170", "#3a789b", "#9a6a00", "#888888"};
  return kColours[index % kColours.size()];
}

std::string svg_plot(const Plot& plot) {
  std::vector<std::vector<PlotPoint>> points;
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const PlotSeries& series : plot.series) {
    auto& kept = points.emplace_back();
    std::copy_if(series.points.begin(), series.points.end(), std::back_inserter(kept), is_finite);
    for (const PlotPoint& p : kept) {
      x_low = std::min(x_low, p.x_low);
      x_high = std::max(x_high, p.x_high);
      y_low = std::min(y_low, p.y_low);
      y_high = std::max(y_high, p.y_high);
    }
  }
  if (x_low > x_high) return "";
  const Axis x(x_low, x_high, kLeft, kWidth - kRight), y(y_low, y_high, kHeight - kBottom, kTop);
  std::string out =
      cat("<svg viewBox=\"0 0 ", kWidth, " ", kHeight, "\" width=\"", kWidth, "\" role=\"img\">\n");
  out += draw_axes(plot, x, y);
  for (size_t i = 0; i < plot.series.size(); ++i)
    if (!points[i].empty()) out += draw_series(plot, plot.series[i], points[i], x, y);
  return out + "</svg>\n";
}

}  // namespace flam
