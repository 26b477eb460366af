#pragma once
// The page that --contact-sheet names.

#include <deque>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "framework/base/file.h"
#include "framework/session/loader_threads.h"
#include "framework/session/session.h"

namespace flam {

/// Writes a self-contained HTML page with a card for each request: small pictures, answer, confidence, name.
/// Cards are written as they come, so memory does not grow with their number. The page is complete or absent.
///
/// A request's pictures are those of its last part that has any, which is the one that is asked about; of a
/// video, four frames. Small pictures are made in separate threads, beside the model. For this, a picture is
/// or video is decoded a second time, a JPEG picture at a fraction of its size.
class ContactSheet {
 public:
  /// Error: the file can't be written.
  explicit ContactSheet(const std::string& path);
  ~ContactSheet();

  /// Writes the beginning of the page. `session` must outlive the sheet.
  void begin(const Session& session);
  /// Adds a card; `record` is the request's outcome_json(). RunError: the file can't be written.
  void add(const Request& request, const nlohmann::ordered_json& record);
  /// Writes the end of the page, and puts it in place.
  void commit();

 private:
  struct Card {
    Request request;
    nlohmann::ordered_json record;
    std::vector<std::shared_future<std::vector<std::string>>> thumbnails;  // JPEG; "": it can't be read
  };
  void make_thumbnails(Card& card, const std::function<std::vector<std::string>()>& make);
  void write_first();

  const std::string folder_;
  AtomicFile file_;
  const DecodeOptions* options_ = nullptr;
  std::deque<Card> cards_;  // whose small pictures are being made
  std::unique_ptr<LoaderThreads> threads_;
};

/// One card as HTML. `thumbnails` are JPEG files, `folder` is that of the page.
FLAM_API std::string contact_card(const Request& request, const nlohmann::ordered_json& record,
                                  const std::vector<std::string>& thumbnails, const std::string& folder);

}  // namespace flam
