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
td, th { vertical-align: middle; } pre { white-space: pre-wrap; }
figure { display: inline-block; margin: .3em .8em .3em 0; text-align: center; } figcaption { font-size: .9em; }
figure svg { width: 224px; height: 224px; max-width: 100%; background: var(--soft); }
.words input { position: absolute; opacity: 0; } .words label { display: inline-block; padding: .1em .35em; margin: .1em;
  border: 1px solid var(--line); border-radius: .3em; cursor: pointer; white-space: pre; }
.words input:checked + label { background: #0072b2; color: #fff; border-color: #0072b2; }
.words input:focus-visible + label { outline: 2px solid #d55e00; }
.map use { filter: grayscale(1); } .word { display: none; } .scale { width: 224px; height: .8em; background: linear-gradient(90deg, rgb(255 64 0 / 0), rgb(255 64 0 / .8));
  border: 1px solid var(--line); }
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

/// Draws the picture, in grey, under a smooth layer of colour: the stronger the colour of a patch, the larger
/// its share of attention in `looks` [grid_h,grid_w]. A patch with the share `largest` has the full colour.
void draw(std::ostream& out, size_t picture, const at::Tensor& looks, double largest) {
  const at::Tensor shares = looks.contiguous();
  const int64_t rows = shares.size(0), columns = shares.size(1);
  out << "<svg class=\"map\" viewBox=\"0 0 " << columns << ' ' << rows
      << "\" preserveAspectRatio=\"none\"><use href=\"#p" << picture << "\" width=\"" << columns
      << "\" height=\"" << rows << "\"/><g filter=\"url(#smooth)\">";
  const float* share = shares.const_data_ptr<float>();
  for (int64_t i = 0; i < rows * columns; ++i) {
    const double strength = largest > 0 ? std::min(share[i] / largest, 1.0) : 0;
    if (strength < 0.01) continue;
    out << "<rect x=\"" << i % columns << "\" y=\"" << i / columns
        << "\" width=\"1\" height=\"1\" fill=\"#ff4000\" fill-opacity=\"" << number(0.8 * strength) << "\"/>";
  }
  out << "</g></svg>";
}

/// The picture alone.
void draw(std::ostream& out, size_t picture) {
  out << "<svg viewBox=\"0 0 1 1\"><use href=\"#p" << picture << "\" width=\"1\" height=\"1\"/></svg>";
}

void list_pictures(std::ostream& out, const std::vector<SeenPicture>& pictures) {
  out << "<svg style=\"position:absolute;width:0;height:0\"><defs>";
  for (size_t i = 0; i < pictures.size(); ++i) {
    out << "<symbol id=\"p" << i
        << "\" viewBox=\"0 0 1 1\" preserveAspectRatio=\"none\"><image width=\"1\" height=\"1\" "
           "preserveAspectRatio=\"none\" href=\"data:image/png;base64,"
        << base64(encode_png(pictures[i].picture)) << "\"/></symbol>";
  }
  // Half a patch of blur, so that no edges of patches are seen.
  out << "<filter id=\"smooth\" filterUnits=\"userSpaceOnUse\" x=\"-1\" y=\"-1\" width=\"1000\" "
         "height=\"1000\">"
         "<feGaussianBlur stdDeviation=\"0.5\"/></filter></defs></svg>\n";
}

/// Pictures without attention: there is nothing to show over them.
void show_pictures(std::ostream& out, const std::vector<SeenPicture>& pictures) {
  out << "<h2>Input pictures</h2>\n";
  for (size_t i = 0; i < pictures.size(); ++i) {
    out << "<figure>";
    draw(out, i);
    out << "<figcaption>" << escape_html(pictures[i].name) << "</figcaption></figure>\n";
  }
}

/// The words in a row, of which one is chosen, by mouse or arrow keys; below, what belongs to it.
void list_words(std::ostream& out, const Explanation& explanation) {
  double largest = 0;
  for (const SeenWord& word : explanation.words)
    if (word.looks.defined()) largest = std::max(largest, word.looks.max().item().toDouble());
  out << "<h2>Attention of each word</h2>\n";
  if (!explanation.why_no_looks.empty()) out << "<p>" << escape_html(explanation.why_no_looks) << ".</p>\n";
  out << "<p>Choose a word of the answer, or step through them with the arrow keys. Each has a probability "
         "given "
         "all previous words, and its attention is distributed over the pictures, averaged over heads and "
         "layers.</p>\n";
  if (largest > 0)
    out << "<p class=\"note\">Share of a word's attention that a patch has, on one scale for all words: none "
           "<span class=\"scale\" style=\"display:inline-block\"></span> "
        << percent(std::log(largest)) << "</p>\n";
  out << "<div class=\"words\">\n";
  for (size_t w = 0; w < explanation.words.size(); ++w) {
    out << "<input type=\"radio\" name=\"word\" id=\"w" << w << "\"" << (w == 0 ? " checked" : "")
        << "><label for=\"w" << w << "\">" << escape_html(printable(explanation.words[w].text, 1000))
        << "</label>\n";
  }
  for (size_t w = 0; w < explanation.words.size(); ++w) {
    const SeenWord& word = explanation.words[w];
    out << "<div class=\"word\" id=\"of-w" << w << "\"><p>Probability " << percent(word.logprob) << "</p>\n";
    for (size_t i = 0; i < explanation.pictures.size() && word.looks.defined(); ++i) {
      const at::Tensor looks = word.looks.select(0, static_cast<int64_t>(i));
      out << "<div><figure>";
      draw(out, i);
      out << "<figcaption>" << escape_html(explanation.pictures[i].name) << "</figcaption></figure><figure>";
      draw(out, i, looks, largest);
      out << "<figcaption>" << percent(std::log(looks.sum().item().toDouble()))
          << " of the attention</figcaption></figure></div>\n";
    }
    out << "</div>\n";
  }
  out << "</div>\n";
}

/// Shows what belongs to the chosen word.
std::string choosing_rules(size_t words) {
  std::string out;
  for (size_t w = 0; w < words; ++w) out += cat("#w", w, ":checked ~ #of-w", w, " { display: block; }\n");
  return out;
}

}  // namespace

std::string explanation_page(const Explanation& explanation, const std::string& title) {
  std::ostringstream out;
  out << "<h1>" << escape_html(printable(explanation.answer, 100'000)) << "</h1>\n<p>" << escape_html(title)
      << "; probability of the whole answer " << percent(explanation.logprob) << ".</p>\n";
  list_pictures(out, explanation.pictures);
  const auto has_looks = [](const SeenWord& word) { return word.looks.defined(); };
  if (std::none_of(explanation.words.begin(), explanation.words.end(), has_looks))
    show_pictures(out, explanation.pictures);
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
  return html_page(title, kStyle + choosing_rules(explanation.words.size()), out.str());
}

}  // namespace flam
