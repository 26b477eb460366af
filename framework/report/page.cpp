#include "framework/report/page.h"

#include "framework/base/text.h"

namespace flam {

namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --text: #222; --note: #5c5c5c; --line: #ddd; --page: #fff; --soft: #f4f4f4; --good: #006a4d;
  --bad: #a00; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e4e4; --note: #a4a4a4; --line: #444; --page: #191919; --soft: #262626;
  --good: #4fc79c; --bad: #ff8a80; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: var(--text);
  background: var(--page); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } td, th { padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  text-align: left; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { background: var(--soft); padding: .6rem; } .note { color: var(--note); }
)";

}  // namespace

std::string html_page(const std::string& title, const std::string& style, const std::string& body,
                      int reload) {
  return html_page_begin(title, style, reload) + body + html_page_end();
}

std::string html_page_begin(const std::string& title, const std::string& style, int reload) {
  return cat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
             escape_html(title), "</title>\n",
             reload > 0 ? cat("<meta http-equiv=\"refresh\" content=\"", reload, "\">\n") : "",
             "<meta name=\"viewport\" content=\"width=device-width\">\n<style>", kStyle, style,
             "</style>\n</head>\n<body>\n");
}

std::string html_page_end() {
  return "</body>\n</html>\n";
}

}  // namespace flam
