#pragma once
#include <string>

namespace flam {

/// A whole HTML page that refers to nothing outside it, in the style that all our pages share. `title` is
/// text; `style` holds CSS rules that the page needs besides, `body` is HTML.
std::string html_page(const std::string& title, const std::string& style, const std::string& body);

}  // namespace flam
