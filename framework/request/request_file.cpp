#include "framework/request/request_file.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/report/path_text.h"
#include "framework/request/request_json.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxLine = size_t{16} << 20;

std::ifstream open_requests(const std::string& name) {
  std::error_code ignored;
  if (!fs::exists(name, ignored)) throw Error(cat("--request ", quoted(name), ": no such file"));
  if (!fs::is_regular_file(name, ignored))
    throw Error(cat("--request ", quoted(name), ": not a regular file"));
  std::ifstream file(name);
  if (!file) throw Error(cat("--request ", quoted(name), ": can't be read"));
  return file;
}

}  // namespace

void check_request_file(const std::string& name) {
  static_cast<void>(open_requests(name));
}

void requests_of_file(const std::string& name, const RequestSink& sink) {
  const bool from_stdin = name == "-";
  std::ifstream file;
  if (!from_stdin) file = open_requests(name);
  std::istream& in = from_stdin ? std::cin : file;
  const auto source = std::make_shared<const std::string>(from_stdin ? "standard input" : path_text(name));
  const fs::path folder = from_stdin ? fs::path() : fs::path(name).parent_path();
  int line_number = 0;
  int64_t seen = 0;
  size_t length = 0;
  for (std::string line; read_line(in, line, length, kMaxLine);) {
    if (sink.stopped && sink.stopped()) return;
    ++line_number;
    if (length <= kMaxLine && line.find_first_not_of(" \t\r") == std::string::npos) continue;
    ++seen;
    const Location where{source, line_number, 0};
    if (length > kMaxLine) {
      sink.fail(where.str(),
                cat(where.str(), ": a line of ", length, " bytes; at most ", kMaxLine, " are taken"));
      continue;
    }
    Request request;
    try {
      request = parse_request(line, folder, where);
    } catch (const Error& error) {
      sink.fail(where.str(), error.what());
      continue;
    }
    if (request.id.empty()) request.id = where.str();
    request.source = where.str();
    sink.take(std::move(request));
  }
  if (seen == 0) throw Error(cat(*source, ": no requests; expected one JSON object per line"));
}

}  // namespace flam
