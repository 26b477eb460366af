#include "apps/flam/inputs.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <set>

#include "framework/base/text.h"
#include "framework/request/request_json.h"

namespace flam::cli {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxStdinBytes = size_t{256} << 20;
constexpr size_t kMaxLine = size_t{16} << 20;

Part text_part(const std::string& text) {
  return {Part::Kind::text, text, {}};
}
Part image_part(const std::string& path) {
  return {Part::Kind::image, "", {PictureSource{path, nullptr, {}}}};
}

bool looks_like_picture(const fs::path& path) {
  static const std::set<std::string> kSuffixes = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".pnm",
                                                  ".ppm", ".pgm", ".tif",  ".tiff", ".gif"};
  std::string suffix = path.extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return kSuffixes.contains(suffix);
}

std::vector<std::string> pictures_in(const fs::path& folder, bool recursive) {
  std::vector<std::string> found;
  const auto take = [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored) && looks_like_picture(entry.path()))
      found.push_back(entry.path().string());
  };
  std::error_code problem;
  const auto walk = [&](auto at) {
    for (; !problem && at != fs::end(at); at.increment(problem)) take(*at);
  };
  if (recursive) {
    walk(fs::recursive_directory_iterator(folder, problem));
  } else {
    walk(fs::directory_iterator(folder, problem));
  }
  if (problem) throw Error(cat("folder ", quoted(folder.string()), " can't be read: ", problem.message()));
  if (found.empty()) {
    throw Error(cat("no pictures in folder ", quoted(folder.string()),
                    recursive ? "" : " (--recursive looks below it, too)"));
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// A request on the command line holds text, as one in a file does.
void require_text(const char* option, const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = utf8_front(rest).length;
    if (length == 0) throw Error(cat(option, " ", quoted(text), ": not UTF-8"));
    rest.remove_prefix(length);
  }
}

// "IMAGE=TEXT" or "IMAGE=QUESTION=>ANSWER"; a file name may hold '=', so the first prefix that is a file is
// the picture.
void add_shot(const std::string& shot, bool with_question, Request& request) {
  const std::string form = with_question ? "IMAGE=QUESTION=>ANSWER" : "IMAGE=TEXT";
  for (size_t at = shot.find('='); at != std::string::npos; at = shot.find('=', at + 1)) {
    const std::string image = shot.substr(0, at);
    std::error_code ignored;
    if (image.empty() || !fs::is_regular_file(image, ignored)) continue;
    const std::string text = shot.substr(at + 1);
    require_text("--shot", text);
    request.parts.push_back(image_part(image));
    if (!with_question) {
      request.parts.push_back(text_part(text));
      return;
    }
    const size_t arrow = text.find("=>");
    if (arrow == std::string::npos) throw Error(cat("--shot ", quoted(shot), ": expected ", form));
    request.parts.push_back(text_part(text.substr(0, arrow)));
    request.parts.push_back(text_part(text.substr(arrow + 2)));
    return;
  }
  throw Error(cat("--shot ", quoted(shot),
                  shot.find('=') == std::string::npos ? ": has no '='" : ": no picture file before '='",
                  "; expected ", form));
}

std::shared_ptr<const std::string> standard_input() {
  std::string bytes;
  std::string chunk(1 << 20, '\0');
  while (std::cin.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || std::cin.gcount() > 0) {
    bytes.append(chunk, 0, static_cast<size_t>(std::cin.gcount()));
    if (bytes.size() > kMaxStdinBytes) throw Error("standard input: larger than 256 MiB");
  }
  if (bytes.empty()) throw Error("standard input is empty; it should hold the bytes of one picture");
  return std::make_shared<const std::string>(std::move(bytes));
}

/// The next line, of which at most `limit` bytes are kept; false at the end. `length` is the whole line's.
bool bounded_line(std::istream& in, std::string& line, size_t& length, size_t limit) {
  line.clear();
  length = 0;
  std::streambuf& bytes = *in.rdbuf();
  for (int next = bytes.sbumpc();; next = bytes.sbumpc()) {
    if (next == std::char_traits<char>::eof()) return length > 0;
    if (next == '\n') return true;
    if (length++ < limit) line.push_back(static_cast<char>(next));
  }
}

void requests_of_file(const std::string& name, const RequestSink& sink) {
  std::ifstream file;
  const bool from_stdin = name == "-";
  if (!from_stdin) {
    std::error_code ignored;
    if (!fs::exists(name, ignored)) throw Error(cat("--request ", quoted(name), ": no such file"));
    if (!fs::is_regular_file(name, ignored))
      throw Error(cat("--request ", quoted(name), ": not a regular file"));
    file.open(name);
    if (!file) throw Error(cat("--request ", quoted(name), ": can't be read"));
  }
  std::istream& in = from_stdin ? std::cin : file;
  const auto source = std::make_shared<const std::string>(from_stdin ? "standard input" : name);
  const fs::path folder = from_stdin ? fs::path() : fs::path(name).parent_path();
  int line_number = 0;
  int64_t seen = 0;
  size_t length = 0;
  for (std::string line; bounded_line(in, line, length, kMaxLine);) {
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    ++seen;
    const Location where{source, line_number, 0};
    if (length > kMaxLine) {
      sink.fail(where.str(),
                cat(where.str(), ": a line of ", length, " bytes; at most ", kMaxLine, " are taken"));
      continue;
    }
    try {
      Request request = parse_request(line, folder, where);
      if (request.id.empty()) request.id = where.str();
      request.source = where.str();
      sink.take(std::move(request));
    } catch (const Error& error) {
      sink.fail(where.str(), error.what());
    }
  }
  if (seen == 0) throw Error(cat(*source, ": no requests (one JSON object a line)"));
}

}  // namespace

void for_each_request(const InputOptions& options, bool needs_question, const RequestSink& sink) {
  if (!options.request_file.empty()) {
    if (!options.images.empty() || !options.shots.empty() || !options.question.empty() ||
        !options.candidates.empty()) {
      throw Error(
          "--request holds whole requests; it doesn't go with pictures, --question, --shot or --candidate");
    }
    return requests_of_file(options.request_file, sink);
  }
  require_text("--question", options.question);
  for (const std::string& candidate : options.candidates) require_text("--candidate", candidate);
  if (options.images.empty())
    throw Error("no picture given; name files, folders, `-` for standard input, or --request FILE");
  if (needs_question && options.question.empty())
    throw Error("this model answers questions; give one with --question");
  if (!needs_question && !options.question.empty()) {
    throw Error(
        "this model takes a picture alone and no --question; choose a model for questions (see `flam list "
        "models`)");
  }
  Request shots;
  shots.candidates = options.candidates;
  for (const std::string& shot : options.shots) add_shot(shot, needs_question, shots);

  std::vector<std::string> images;
  for (const std::string& image : options.images) {
    std::error_code ignored;
    if (image != "-" && fs::is_directory(image, ignored)) {
      try {
        const auto found = pictures_in(image, options.recursive);
        images.insert(images.end(), found.begin(), found.end());
      } catch (const Error& error) {
        sink.fail(image, error.what());
      }
    } else {
      images.push_back(image);
    }
  }
  if (std::count(images.begin(), images.end(), "-") > 1)
    throw Error("standard input holds one picture; `-` was given more than once");
  sink.expect(static_cast<int64_t>(images.size()));
  for (const std::string& image : images) {
    Request request = shots;
    request.id = image;
    Part picture = image_part(image);
    try {
      if (image == "-") picture.pictures.front() = {"standard input", standard_input(), {}};
    } catch (const Error& error) {
      sink.fail(image, error.what());
      continue;
    }
    request.parts.push_back(std::move(picture));
    if (needs_question) request.parts.push_back(text_part(options.question));
    sink.take(std::move(request));
  }
}

}  // namespace flam::cli
