#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "framework/commands/evaluate/evaluation.h"
#include "framework/commands/evaluate/prediction_file.h"

namespace flam {

/// The folder that `flam evaluate --output` writes:
///
///   receipt.json            what was run: resolved config, hashes of the weights, seeds, shots, times
///   predictions.jsonl       a prediction for each record (see predictions.h)
///   blind.jsonl, swapped.jsonl   the same for the controls
///   scores.json             evaluation_json(); absent while predictions are being added
///   vqa_results.json, captions_results.json   for the servers of VQAv2 and COCO, if the records have the
///                           facts question_id or image_id
namespace results {

inline constexpr const char* kReceipt = "receipt.json";
inline constexpr const char* kScores = "scores.json";
inline constexpr const char* kPage = "report.html";
inline constexpr const char* kAnswers = "predictions";  // the name of the pass with the right pictures
inline constexpr const char* kControls[] = {"blind", "swapped"};

std::filesystem::path pass_file(const std::filesystem::path& folder, const std::string& pass);

/// Error: files of these passes can't be written into the folder, or it has files that `flam evaluate` did
/// not write, which `overwrite` would replace. The folder need not exist; nothing is made or changed.
void require_usable(const std::filesystem::path& folder, const std::vector<std::string>& passes,
                    bool overwrite);

/// What predictions depend on besides the record, of a receipt.
nlohmann::ordered_json identity_of(const nlohmann::ordered_json& receipt);
/// "generation.num_beams is 3 THERE and 1 NOW; …", with the first few; "" if there are none.
std::string differences(const nlohmann::ordered_json& before, const nlohmann::ordered_json& after,
                        const std::string& there, const std::string& now);

}  // namespace results

class ResultsFolder {
 public:
  /// Creates the folder, unless it exists. Error: it can't be written.
  ResultsFolder(std::filesystem::path folder, bool overwrite);

  /// Says what is run; `receipt` is that of the run, without its results. Opens a file of predictions for
  /// each pass. Error: the folder has results of another run, of more than `records` records, or of a
  /// program that is not `flam evaluate`; or another process writes to it.
  void begin(const nlohmann::ordered_json& receipt, const std::vector<std::string>& passes, int64_t records);
  /// Joins a run that rank 0 of the group has begun, as the process of another rank.
  void join(const nlohmann::ordered_json& receipt, const std::vector<std::string>& passes, int64_t rank);
  /// Takes what the other processes have stored into the files of rank 0.
  void take_in_others();
  /// Equal for runs whose predictions may stand in one folder.
  const std::string& run() const { return run_; }
  PredictionFile& pass(const std::string& name) { return *passes_.at(name); }
  /// Called before predictions are added: removes the scores, which will not be those of the predictions.
  void change();

  /// Puts all files in place. RunError: one can't be written.
  void commit(const Evaluation& evaluation, const nlohmann::ordered_json& receipt);

 private:
  void compare(const nlohmann::ordered_json& receipt) const;
  void write_server_files() const;

  const std::filesystem::path folder_;
  const bool overwrite_;
  bool changed_ = false;
  std::string run_;
  std::map<std::string, std::unique_ptr<PredictionFile>> passes_;
};

/// Reads a complete folder of results, for `flam score` and `flam report`.
class StoredResults {
 public:
  /// Error: the folder is none of `flam evaluate`, or its run has not ended.
  explicit StoredResults(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const nlohmann::ordered_json& receipt() const { return receipt_; }
  /// The config of the run, with the places of its values in the receipt.
  const Value& config() const { return config_; }
  /// What evaluation_json() gave for the run.
  const nlohmann::ordered_json& scores() const { return scores_; }
  /// Calls `take` with each prediction of a pass, in the order of the records.
  void each(const std::string& pass, const std::function<void(StoredPrediction)>& take) const;

 private:
  const std::filesystem::path folder_;
  nlohmann::ordered_json receipt_, scores_;
  Value config_;
};

}  // namespace flam
