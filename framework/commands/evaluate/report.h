#pragma once
// A page about the results in a folder.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/commands/evaluate/rescore.h"

namespace flam {

/// A record with its answer, as a report shows it.
struct ReportedRecord {
  int64_t index = 0;
  std::string id, kind, question, answer, prompt, error;
  std::vector<std::string> references, shots;
  std::optional<double> score, logprob;  // the first score of this record alone
  std::string thumbnail;                 // JPEG; "" if there is none
};

/// How often something occurs.
using Count = std::pair<std::string, int64_t>;

struct Report {
  std::string folder, dataset, score_name;  // of ReportedRecord::score; "" if records have none alone
  Evaluation evaluation;
  struct Run {
    std::string folder, config;
    int64_t shots = 0, n = 0;
    std::vector<ScoreInterval> scores;  // low and high equal the value if there is no interval
    std::vector<std::pair<std::string, std::vector<ScoreInterval>>> controls;  // by name
  };
  std::vector<Run> runs;                                   // this one and those it is shown beside
  std::vector<int64_t> answer_lengths, reference_lengths;  // [words] how many answers have so many words
  std::vector<Count> answers, references;                  // the commonest
  struct Group {
    std::string title, note;
    std::vector<ReportedRecord> records;
  };
  std::vector<Group> examples;          // with pictures
  std::vector<ReportedRecord> records;  // the first ones, without pictures
  std::vector<std::string> failures;    // "ID: message" of the first ones
  std::string no_pictures;              // why there are none; "" if there are
};

struct ReportOptions {
  RescoreOptions scoring;
  int64_t examples = 12;            // of each group
  int64_t records = 2000;           // in the table
  std::vector<std::string> beside;  // folders of other runs whose scores are shown, too
  std::string plot;                 // file for the plot of the scores by shots, an SVG; "": none
};

/// Gathers what the page shows. Pictures come from the dataset of the stored config; if it can't be opened,
/// the page has none and says why. Error: as in rescore().
FLAM_API Report gather_report(const std::string& folder, const ReportOptions& options);

/// The page: one self-contained HTML file.
std::string report_html(const Report& report);

/// Writes the page of a folder; `file` "" is its report.html. Returns the name of the file. RunError: it
/// can't be written.
FLAM_API std::string write_report(const std::string& folder, const std::string& file,
                                  const ReportOptions& options);

}  // namespace flam
