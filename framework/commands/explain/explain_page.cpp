// The page of `flam infer --explain`. It is plain HTML and SVG, and embeds every picture once as PNG.
#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/explain/explain.h"
#include "framework/media/encode.h"
#include "framework/report/page.h"

namespace flam {

namespace {

constexpr const char* kStyle = R"(
td, th { vertical-align: middle; }
figure { display: inline-block; margin: .3em; text-align: center; } figcaption { font-size: .9em; }
svg { width: 150px; height: 150px; background: #eee; } pre { white-space: pre-wrap; }
)";

std::string percent(double logprob) {
  std::ostringstream out;
  const double p = 100 * std::exp(logprob);
  out << std::setprecision(p < 1 ? 2 : 4) << p << "%";
  return out.str();
}

std::string number(double value) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << value;
  return out.str();
}

/// Draws the picture with its patches darkened: the brighter a patch, the larger its share of attention in
/// `looks` [grid_h,grid_w].
void draw(std::ostream& out, size_t picture, const at::Tensor& looks, double largest) {
  const at::Tensor shares = looks.contiguous();
  const int64_t rows = shares.size(0), columns = shares.size(1);
  out << "<svg viewBox=\"0 0 " << columns << ' ' << rows << "\" preserveAspectRatio=\"none\"><use href=\"#p"
      << picture << "\" width=\"" << columns << "\" height=\"" << rows << "\"/>";
  const float* share = shares.const_data_ptr<float>();
  for (int64_t i = 0; i < rows * columns; ++i) {
    const double strength = largest > 0 ? share[i] / largest : 0;
    out << "<rect x=\"" << i % columns << "\" y=\"" << i / columns
        << "\" width=\"1\" height=\"1\" fill=\"#000\""
        << " fill-opacity=\"" << number(0.85 * (1 - strength)) << "\"/>";
  }
  out << "</svg>";
}

void list_pictures(std::ostream& out, const std::vector<SeenPicture>& pictures) {
  out << "<svg style=\"position:absolute;width:0;height:0\"><defs>";
  for (size_t i = 0; i < pictures.size(); ++i) {
    out << "<symbol id=\"p" << i
        << "\" viewBox=\"0 0 1 1\" preserveAspectRatio=\"none\"><image width=\"1\" height=\"1\" "
           "preserveAspectRatio=\"none\" href=\"data:image/png;base64,"
        << base64(encode_png(pictures[i].picture)) << "\"/></symbol>";
  }
  out << "</defs></svg>\n<h2>Input pictures</h2>\n";
  for (size_t i = 0; i < pictures.size(); ++i) {
    out << "<figure><svg viewBox=\"0 0 1 1\"><use href=\"#p" << i
        << "\" width=\"1\" height=\"1\"/></svg><figcaption>" << escape_html(pictures[i].name)
        << "</figcaption></figure>\n";
  }
}

void list_words(std::ostream& out, const Explanation& explanation) {
  out << "<h2>Attention of each word</h2>\n";
  if (!explanation.why_no_looks.empty()) out << "<p>" << escape_html(explanation.why_no_looks) << ".</p>\n";
  out << "<p>Each row is one word of the answer. It shows the probability of the word given all previous "
         "words, and how its attention is distributed over the pictures, averaged over heads and layers. The "
         "brightest patch of a row has the largest share.</p>\n<table>\n"
         "<tr><th>word</th><th>probability</th>";
  for (size_t i = 0; i < explanation.pictures.size(); ++i) out << "<th>picture " << i + 1 << "</th>";
  out << "</tr>\n";
  for (const SeenWord& word : explanation.words) {
    out << "<tr><td><b>" << escape_html(printable(word.text, 1000)) << "</b></td><td class=\"number\">"
        << percent(word.logprob) << "</td>";
    const double largest = word.looks.defined() ? word.looks.max().item().toDouble() : 0;
    for (size_t i = 0; i < explanation.pictures.size() && word.looks.defined(); ++i) {
      const at::Tensor looks = word.looks.select(0, static_cast<int64_t>(i));
      out << "<td>";
      draw(out, i, looks, largest);
      out << "<br>" << percent(std::log(looks.sum().item().toDouble())) << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</table>\n";
}

}  // namespace

std::string explanation_page(const Explanation& explanation, const std::string& title) {
  std::ostringstream out;
  out << "<h1>" << escape_html(printable(explanation.answer, 100'000)) << "</h1>\n<p>" << escape_html(title)
      << "; probability of the whole answer " << percent(explanation.logprob) << ".</p>\n";
  list_pictures(out, explanation.pictures);
  if (!explanation.left_out.empty()) {
    out << "<h2>Influence of shots and pictures</h2>\n<table>\n<tr><th>prompt</th><th>probability of this "
           "answer</th>"
           "<th>log-probability</th></tr>\n<tr><td>unchanged</td><td class=\"number\">"
        << percent(explanation.logprob) << "</td><td class=\"number\">" << number(explanation.logprob)
        << "</td></tr>\n";
    for (const WithoutPart& left : explanation.left_out) {
      out << "<tr><td>" << escape_html(left.what) << "</td><td class=\"number\">" << percent(left.logprob)
          << "</td><td class=\"number\">" << number(left.logprob) << "</td></tr>\n";
    }
    out << "</table>\n";
  }
  list_words(out, explanation);
  out << "<h2>Prompt</h2>\n<pre>" << escape_html(printable(explanation.prompt, 100'000)) << "</pre>\n";
  return html_page(title, kStyle, out.str());
}

}  // namespace flam
