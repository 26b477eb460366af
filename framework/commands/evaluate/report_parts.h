#pragma once
// The parts of a report above its examples, as HTML.

#include <string>

#include "framework/commands/evaluate/report.h"

namespace flam {

/// Text from outside, escaped, and cut if it is very long.
std::string report_text_html(const std::string& raw);

/// The scores of all records, of each kind and of the controls.
std::string scores_html(const Report& report);
/// What the controls say about the use of the pictures; "" if there are no tests.
std::string controls_html(const Evaluation& evaluation);
/// The first score by kind of record; "" if there are no kinds.
std::string kinds_html(const Report& report);
/// The scores of several runs by their number of shots; "" if there is one run.
std::string runs_html(const Report& report);
/// The commonest answers and references, and the lengths of all.
std::string distributions_html(const Report& report);

}  // namespace flam
