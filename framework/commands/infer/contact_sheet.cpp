#include "framework/commands/infer/contact_sheet.h"

#include <algorithm>
#include <filesystem>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/commands/infer/answer_record.h"
#include "framework/commands/infer/contact_sheet_page.h"
#include "framework/media/decode.h"
#include "framework/media/encode.h"
#include "framework/media/video.h"
#include "framework/report/figures.h"
#include "framework/report/page.h"
#include "framework/report/path_text.h"
#include "framework/request/video_part.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

constexpr int64_t kSide = 160;  // pixels
constexpr size_t kMostPictures = 4, kMostWaiting = 64;
constexpr size_t kMostText = 100'000;

std::string thumbnail(const PictureSource& source, const DecodeOptions& options) {
  try {
    if (source.picture) return encode_thumbnail(*source.picture, kSide);
    const std::string read = source.bytes ? "" : read_picture_file(source.path, options);
    return encode_thumbnail(
        decode_reduced(source.bytes ? *source.bytes : read, source.name(), options, kSide), kSide);
  } catch (const Error&) {
    return "";  // the record says why the picture can't be read
  }
}

/// Four frames of a video file.
std::vector<std::string> thumbnails_of_video(const std::string& path) {
  std::vector<std::string> out;
  try {
    for (const Picture& frame : decode_video(path, {.frames = kMostPictures}).frames)
      out.push_back(encode_thumbnail(frame, kSide));
  } catch (const Error&) {
    out = {""};
  }
  return out;
}

/// The index of the part that the request asks about.
size_t shown_part(const Request& request) {
  size_t shown = request.parts.size();
  for (size_t i = 0; i < request.parts.size(); ++i) {
    if (request.parts[i].kind != Part::Kind::text) shown = i;
  }
  return shown;
}

/// Its pictures, at most kMostPictures of them, at equal distances.
std::vector<PictureSource> shown_pictures(const Request& request) {
  const size_t part = shown_part(request);
  if (part == request.parts.size()) return {};
  const auto& pictures = request.parts[part].pictures;
  const size_t count = std::min(pictures.size(), kMostPictures);
  std::vector<PictureSource> shown;
  for (size_t i = 0; i < count; ++i) shown.push_back(pictures[i * pictures.size() / count]);
  return shown;
}

/// The text after the pictures: the question. Without pictures, all text.
std::string question_of(const Request& request) {
  const size_t part = shown_part(request);
  std::vector<std::string> texts;
  for (size_t i = part == request.parts.size() ? 0 : part + 1; i < request.parts.size(); ++i)
    if (request.parts[i].kind == Part::Kind::text) texts.push_back(request.parts[i].text);
  return join(texts, " ");
}

std::string text(const std::string& raw) {
  return escape_html(printable(raw, kMostText));
}

/// A name with its folder apart, since cards show it without.
std::string name_html(const std::string& id) {
  const size_t slash = id.rfind('/');
  if (slash == std::string::npos || slash + 1 == id.size()) return text(id);
  return cat("<span class=\"folder\">", text(id.substr(0, slash + 1)), "</span>", text(id.substr(slash + 1)));
}

std::string link_to(const PictureSource& picture, const std::string& folder) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(picture.path, ignored)) return "";
  return relative_link(picture.path, folder);
}

}  // namespace

std::string contact_card(const Request& request, const Json& record,
                         const std::vector<std::string>& thumbnails, const std::string& folder) {
  const auto pictures = shown_pictures(request);
  const std::string link = pictures.empty() ? "" : link_to(pictures.front(), folder);
  const bool failed = record.contains("error");
  const auto confidence = record.find("confidence");
  const bool sure = confidence != record.end() && confidence->is_number();
  std::string out = failed ? "<li class=\"failed\"" : "<li";
  if (sure) out += cat(" data-confidence=\"", confidence->get<double>(), "\"");
  if (!link.empty()) out += cat(" data-link=\"", escape_html(link), "\"");
  out += "><button type=\"button\"><span class=\"pictures\">";
  for (const std::string& jpeg : thumbnails) {
    out += jpeg.empty()
               ? "<span class=\"none\">no picture</span>"
               : cat("<img alt=\"\" decoding=\"async\" src=\"data:image/jpeg;base64,", base64(jpeg), "\">");
  }
  if (thumbnails.empty()) out += "<span class=\"none\">no picture</span>";
  out += "</span>";
  if (const std::string question = question_of(request); !question.empty())
    out += cat("<span class=\"question\">", text(question), "</span>");
  out += "<span class=\"answer\">";
  if (failed) {
    out += cat("error: ", text(record_text(record, "error")));
  } else {
    std::vector<std::string> answers;
    for (const std::string& field : answer_fields(record))
      answers.push_back(text(record_text(record, field)));
    out += join(answers, "\n");
  }
  out += "</span><span class=\"facts\">";
  if (sure) {
    out += cat("<span class=\"confidence\"><span class=\"unseen\">confidence </span>",
               significant(100 * confidence->get<double>(), 3), "%</span>");
  }
  return out + cat("<span class=\"name\">", name_html(request.id), "</span></span></button></li>\n");
}

ContactSheet::ContactSheet(const std::string& path)
    : folder_(std::filesystem::path(path).parent_path().string()), file_(path) {}

ContactSheet::~ContactSheet() = default;

void ContactSheet::begin(const Session& session) {
  options_ = &session.config().pictures;
  threads_ = std::make_unique<LoaderThreads>(std::clamp(session.options().threads / 2, 1, 4));
  const std::string title = session.config().name;
  file_.write(html_page_begin(title + ": contact sheet", kSheetStyle));
  file_.write(cat("<header><h1>", escape_html(title), "</h1>\n", kSheetControls,
                  "</header>\n<ul id=\"cards\" aria-label=\"answers\">\n"));
}

void ContactSheet::make_thumbnails(Card& card, const std::function<std::vector<std::string>()>& make) {
  const auto job = std::make_shared<std::packaged_task<std::vector<std::string>()>>(make);
  threads_->add([job] { (*job)(); });
  card.thumbnails.push_back(job->get_future().share());
}

void ContactSheet::add(const Request& request, const Json& record) {
  Card card{request, record, {}};
  const size_t part = shown_part(request);
  if (part < request.parts.size() && is_video_file_part(request.parts[part])) {
    make_thumbnails(card,
                    [path = request.parts[part].pictures.front().path] { return thumbnails_of_video(path); });
  } else {
    for (const PictureSource& source : shown_pictures(request))
      make_thumbnails(card, [this, source] { return std::vector{thumbnail(source, *options_)}; });
  }
  cards_.push_back(std::move(card));
  while (cards_.size() > kMostWaiting) write_first();
}

void ContactSheet::write_first() {
  const Card card = std::move(cards_.front());
  cards_.pop_front();
  std::vector<std::string> thumbnails;
  for (const auto& made : card.thumbnails) {
    threads_->wait(made);
    thumbnails.insert(thumbnails.end(), made.get().begin(), made.get().end());
  }
  file_.write(contact_card(card.request, card.record, thumbnails, folder_));
}

void ContactSheet::commit() {
  while (!cards_.empty()) write_first();
  file_.write(
      cat("</ul>\n<p></p>\n", kSheetDialog, "<script>", kSheetScript, "</script>\n", html_page_end()));
  file_.commit();
}

}  // namespace flam
