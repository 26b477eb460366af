#pragma once
#include <string>

namespace flam {

/// A complete, self-contained HTML page in the style that all our pages share. `title` is plain text, `style`
/// has additional CSS rules, and `body` is HTML. A browser loads the page again every `reload` seconds, or
/// never if that is 0.
std::string html_page(const std::string& title, const std::string& style, const std::string& body,
                      int reload = 0);

/// What precedes and follows the body of such a page, for a page that is written piece by piece.
std::string html_page_begin(const std::string& title, const std::string& style, int reload = 0);
std::string html_page_end();

}  // namespace flam
