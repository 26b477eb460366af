#include "framework/report/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <sstream>

#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam {

namespace {

constexpr double kWidth = 560, kHeight = 320, kLeft = 64, kRight = 16, kTop = 34, kBottom = 48, kLegend = 240;

/// An axis maps values to pixels, and has ticks at round numbers.
class Axis {
 public:
  Axis(double low, double high, double from, double to, bool log) : from_(from), to_(to), log_(log) {
    if (log_)
      set_powers(low, high);
    else
      set_steps(low, high);
  }

  double at(double value) const {
    const double share =
        log_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
  }
  const std::vector<double>& ticks() const { return ticks_; }
  std::string text(double tick) const {
    return significant(std::abs(tick) < (high_ - low_) * 1e-7 ? 0 : tick, 6);
  }
  /// A value that the axis has no place for, at its end.
  double clamp(double value) const { return std::clamp(value, low_, high_); }

 private:
  void set_steps(double low, double high) {
    if (high - low < 1e-12 * std::max({1.0, std::abs(low), std::abs(high)})) {
      const double half = high == 0 ? 0.5 : std::abs(high) * 0.1;
      low = low >= 0 ? std::max(low - half, 0.0) : low - half;
      high += half;
    }
    const double rough = (high - low) / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
    const double ratio = rough / power;
    const double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    low_ = std::floor(low / step) * step;
    high_ = std::ceil(high / step) * step;
    const auto count = static_cast<int>(std::lround((high_ - low_) / step));
    for (int i = 0; i <= count; ++i) ticks_.push_back(low_ + i * step);
  }

  /// Ticks at 1, 2 and 5 times the powers of ten, or at the powers alone if there are many.
  void set_powers(double low, double high) {
    const int first = static_cast<int>(std::floor(std::log10(low))),
              last = static_cast<int>(std::ceil(std::log10(high)));
    for (int power = first; power <= last; ++power)
      for (const double part : last - first > 3 ? std::vector<double>{1} : std::vector<double>{1, 2, 5})
        ticks_.push_back(part * std::pow(10.0, power));
    // The ticks that enclose the values.
    while (ticks_.size() > 2 && ticks_[1] <= low) ticks_.erase(ticks_.begin());
    while (ticks_.size() > 2 && ticks_[ticks_.size() - 2] >= high) ticks_.pop_back();
    low_ = ticks_.front();
    high_ = ticks_.back();
  }

  double from_, to_, low_ = 0, high_ = 1;
  bool log_;
  std::vector<double> ticks_;
};

bool is_finite(const PlotPoint& p) {
  return std::isfinite(p.x + p.y + p.x_low + p.x_high + p.y_low + p.y_high);
}

/// The labels of a plot's dots, none of which covers another one or a dot.
class Labels {
 public:
  void keep_free(double x, double y) { taken_.push_back({x - 5, y - 5, x + 5, y + 5}); }

  /// Where the text may begin, near the dot at x, y; nothing if there is no room.
  std::optional<std::pair<double, double>> place(double x, double y, const std::string& text) {
    const double width = 6.2 * static_cast<double>(text.size()), height = 11;
    for (const double up : {-8.0, 17.0, -20.0, 29.0}) {
      for (const double left : {x + 8, x - 8 - width}) {
        const Box box{left, y + up - height, left + width, y + up + 2};
        const bool fits = box.left > kLeft && box.right < kWidth - kRight && box.top > kTop &&
                          box.bottom < kHeight - kBottom;
        if (!fits || std::any_of(taken_.begin(), taken_.end(), [&](const Box& b) { return box.meets(b); }))
          continue;
        taken_.push_back(box);
        return std::pair(left, y + up);
      }
    }
    return std::nullopt;
  }

 private:
  struct Box {
    double left, top, right, bottom;
    bool meets(const Box& b) const {
      return left < b.right && b.left < right && top < b.bottom && b.top < bottom;
    }
  };
  std::vector<Box> taken_;
};

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
                        const Axis& x, const Axis& y, Labels& labels) {
  const std::string colour = plot_colour(series.colour);
  std::string out = cat("<g class=\"v", series.colour, "\"><title>", escape_html(series.name), "</title>\n");
  if (plot.lines) {
    std::string upper, lower, path;
    for (const PlotPoint& p : points) {
      path += cat(number(x.at(p.x)), ",", number(y.at(p.y)), " ");
      upper += cat(number(x.at(p.x)), ",", number(y.at(p.y_high)), " ");
      lower = cat(number(x.at(p.x)), ",", number(y.at(y.clamp(p.y_low))), " ") + lower;
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
      if (const auto place = labels.place(x.at(p.x), y.at(p.y), series.name))
        out += text_at(place->first, place->second, series.name, cat("style=\"fill:", colour, "\""));
    }
  }
  return out + "</g>\n";
}

std::string draw_legend(const Plot& plot) {
  std::string out;
  double y = kTop + 10;
  for (const PlotSeries& series : plot.series) {
    out += line(kWidth, y, kWidth + 18, y,
                cat("stroke=\"", plot_colour(series.colour), "\" stroke-width=\"3\""));
    out += text_at(kWidth + 24, y + 4, series.name, "class=\"legend\"");
    y += 18;
  }
  return out;
}

std::string draw(const Plot& plot, const std::string& attributes, const std::string& head) {
  std::vector<std::vector<PlotPoint>> points;
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const PlotSeries& series : plot.series) {
    auto& kept = points.emplace_back();
    std::copy_if(series.points.begin(), series.points.end(), std::back_inserter(kept),
                 [&](const PlotPoint& p) { return is_finite(p) && (!plot.log_y || p.y > 0); });
    for (const PlotPoint& p : kept) {
      x_low = std::min(x_low, p.x_low);
      x_high = std::max(x_high, p.x_high);
      y_low = std::min(y_low, plot.log_y ? p.y : p.y_low);
      y_high = std::max(y_high, p.y_high);
    }
  }
  if (x_low > x_high) return "";
  const Axis x(x_low, x_high, kLeft, kWidth - kRight, false),
      y(y_low, y_high, kHeight - kBottom, kTop, plot.log_y);
  Labels labels;
  for (const auto& series : points)
    for (const PlotPoint& p : series) labels.keep_free(x.at(p.x), y.at(p.y));
  const double width = kWidth + (plot.legend ? kLegend : 0);
  std::string out = cat("<svg", attributes, " viewBox=\"0 0 ", width, " ", kHeight, "\" width=\"", width,
                        "\" role=\"img\">\n", head);
  out += draw_axes(plot, x, y);
  if (plot.legend) out += draw_legend(plot);
  for (size_t i = 0; i < plot.series.size(); ++i)
    if (!points[i].empty()) out += draw_series(plot, plot.series[i], points[i], x, y, labels);
  return out + "</svg>\n";
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
  return draw(plot, "", "");
}

std::string svg_file(const Plot& plot) {
  return draw(plot, " xmlns=\"http://www.w3.org/2000/svg\"",
              "<style>text { font: 11px system-ui, sans-serif; fill: #555; } .title { font-size: 13px; fill: "
              "#111; } .grid { stroke: #ddd; }</style>\n"
              "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
}

}  // namespace flam
