#include "framework/request/request_source.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/media/picture_format.h"
#include "framework/report/path_text.h"
#include "framework/request/folder.h"
#include "framework/request/picture_request.h"
#include "framework/request/request_file.h"
#include "framework/request/shots.h"
#include "framework/request/video_part.h"

namespace flam {

namespace {

constexpr size_t kMaxStdinBytes = size_t{256} << 20;

/// Error: the text is not UTF-8. Requests in files are JSON, so they have the same restriction.
void require_text(const char* option, const std::string& text) {
  if (!is_utf8(text)) throw Error(cat(option, " ", quoted(text), ": not UTF-8"));
}

void check(const InputOptions& options, bool needs_question) {
  require_text("--question", options.question);
  for (const std::string& candidate : options.candidates) require_text("--candidate", candidate);
  if (options.images.empty())
    throw Error("no picture given; name files or folders, `-` for standard input, or use --request FILE");
  if (std::count(options.images.begin(), options.images.end(), "-") > 1)
    throw Error("standard input holds one picture; `-` was given more than once");
  const auto is_picture = [](const std::string& image) {
    std::error_code ignored;
    return image == "-" || (std::filesystem::is_regular_file(image, ignored) && !is_meant_as_video(image));
  };
  if (!options.sampling.is_default() && std::ranges::all_of(options.images, is_picture))
    throw Error("--frames, --fps and --key-frames choose frames of videos, but no video is given");
  if (needs_question && options.question.empty())
    throw Error("this model answers questions; give one with --question");
  if (!needs_question && !options.question.empty()) {
    throw Error(
        "this model takes a picture alone, without --question; choose a model that answers questions (see "
        "`flam list models`)");
  }
}

std::shared_ptr<const std::string> standard_input() {
  std::string bytes;
  std::string chunk(1 << 20, '\0');
  while (std::cin.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || std::cin.gcount() > 0) {
    bytes.append(chunk, 0, static_cast<size_t>(std::cin.gcount()));
    if (bytes.size() > kMaxStdinBytes) throw Error("standard input: larger than 256 MiB");
  }
  if (bytes.empty()) throw Error("standard input is empty; expected the bytes of one picture");
  return std::make_shared<const std::string>(std::move(bytes));
}

/// One argument of the command line: a folder with its files, or a picture.
struct Input {
  std::string path;
  bool is_folder = false;
  std::vector<FolderEntry> entries;
};

class Source {
 public:
  Source(const InputOptions& options, const Request& shots, const RequestSink& sink)
      : options_(options), sink_(sink), shots_(shots) {}

  void run() {
    const std::vector<Input> inputs = list();
    expect();
    for (const Input& input : inputs) {
      if (!input.is_folder) {
        take(input.path);
      } else {
        take_folder(input);
      }
    }
    if (sink_.left_out && !left_out_.empty()) sink_.left_out(left_out_.summary());
  }

 private:
  bool stopped() const { return sink_.stopped && sink_.stopped(); }
  void expect() const {
    if (sink_.expect) sink_.expect(expected_);
  }

  std::vector<Input> list() {
    std::vector<Input> inputs;
    for (const std::string& image : options_.images) {
      std::error_code ignored;
      Input input{image, image != "-" && std::filesystem::is_directory(image, ignored), {}};
      if (input.is_folder) input.entries = list_folder(image, options_.recursive, left_out_, sink_.stopped);
      expected_ += input.is_folder ? static_cast<int64_t>(input.entries.size()) : 1;
      inputs.push_back(std::move(input));
    }
    return inputs;
  }

  void take_folder(const Input& folder) {
    bool empty = true;
    for (const FolderEntry& entry : folder.entries) {
      if (stopped()) return;
      if (!entry.problem && !is_meant_as_picture(entry.path) && !is_meant_as_video(entry.path)) {
        left_out_.add_file(entry.path);
        --expected_;
        expect();
        continue;
      }
      empty = false;
      if (entry.problem) {
        sink_.fail(path_text(entry.path),
                   cat("folder ", quoted(entry.path), " can't be read: ", entry.problem.message()));
      } else {
        take(entry.path);
      }
    }
    if (empty && !stopped()) {
      ++expected_;
      expect();
      sink_.fail(path_text(folder.path),
                 cat("no pictures in folder ", quoted(folder.path),
                     options_.recursive ? "" : " (--recursive also searches its subfolders)"));
    }
  }

  void take(const std::string& image) {
    if (stopped()) return;
    Request query = picture_request(image, options_.question);
    query.candidates = options_.candidates;
    if (is_video_file_part(query.parts.front()))
      query.parts.front() = video_file_part(image, options_.sampling);
    try {
      if (image == "-") query.parts.front().pictures.front() = {"standard input", standard_input(), {}};
    } catch (const Error& error) {
      return sink_.fail(image, error.what());
    }
    sink_.take(after_shots(shots_, std::move(query)));
  }

  const InputOptions& options_;
  const RequestSink& sink_;
  const Request& shots_;
  LeftOut left_out_;
  int64_t expected_ = 0;
};

}  // namespace

bool asks_about_one_picture(const InputOptions& inputs) {
  std::error_code ignored;
  return inputs.images.size() == 1 && inputs.request_file.empty() &&
         !std::filesystem::is_directory(inputs.images.front(), ignored);
}

void check_inputs(const InputOptions& options) {
  if (!options.request_file.empty() && options.request_file != "-") check_request_file(options.request_file);
  const auto is_there = [](const std::string& image) {
    std::error_code unreadable;
    return image == "-" || std::filesystem::exists(image, unreadable) || unreadable;
  };
  if (options.images.empty() || std::ranges::any_of(options.images, is_there)) return;
  ErrorList errors;
  for (const std::string& image : options.images) {
    const auto why = why_not_a_path(image);
    errors.add(why ? cat(quoted(image), ' ', *why) : cat("no picture file ", quoted(image)));
  }
  errors.throw_if_any();
}

Shots shots_of(const InputOptions& options, bool needs_question) {
  Shots shots;
  if (!options.shots_file.empty()) shots = read_shots(options.shots_file, needs_question);
  for (const std::string& shot : options.shots) {
    std::vector<Part>& parts = shots.request.parts;
    const size_t first = parts.size();
    add_shot(shot, needs_question, shots.request);
    for (size_t i = first; i < parts.size(); ++i) require_text("--shot", parts[i].text);
    shots.ids.push_back(path_text(parts[first].pictures.front().path));
  }
  return shots;
}

void for_each_request(const InputOptions& options, bool needs_question, const RequestSink& sink) {
  for_each_request(options, shots_of(options, needs_question).request, needs_question, sink);
}

void for_each_request(const InputOptions& options, const Request& shots, bool needs_question,
                      const RequestSink& sink) {
  if (options.request_file.empty()) {
    check(options, needs_question);
    return Source(options, shots, sink).run();
  }
  if (!options.images.empty() || !options.shots.empty() || !options.question.empty() ||
      !options.candidates.empty() || options.recursive || !options.sampling.is_default()) {
    throw Error(
        "--request holds whole requests and can't be combined with pictures, --question, --shot, "
        "--candidate, --recursive, --frames, --fps or --key-frames");
  }
  RequestSink after = sink;
  after.take = [&](Request request) {
    const std::string id = request.id;
    try {
      request = after_shots(shots, std::move(request));
    } catch (const Error& error) {
      return sink.fail(id, error.what());
    }
    sink.take(std::move(request));
  };
  requests_of_file(options.request_file, after);
}

}  // namespace flam
