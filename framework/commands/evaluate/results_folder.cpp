#include "framework/commands/evaluate/results_folder.h"

#include <algorithm>
#include <system_error>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/json_reader.h"
#include "framework/report/json.h"
#include "framework/session/record_key.h"

namespace flam {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kMostOfAReceipt = size_t{64} << 20;
constexpr size_t kShownDifferences = 5;
constexpr const char* kVqaResults = "vqa_results.json";
constexpr const char* kCaptionResults = "captions_results.json";

Json read_receipt(const fs::path& path) {
  const Json receipt = Json::parse(read_file(path, kMostOfAReceipt), nullptr, /*allow_exceptions=*/false);
  if (receipt.is_object() && receipt.contains("config") && receipt.contains("evaluation")) return receipt;
  throw Error(cat(quoted(path.string()), " is not a receipt of `flam evaluate`"));
}

void require_folder(const fs::path& path, std::error_code failed) {
  std::error_code unknown;
  if (fs::is_directory(path, unknown)) return;
  throw Error(cat("cannot write to the folder ", quoted(path.string()), ": ",
                  failed ? failed.message() : "it is a file"));
}

/// Error: there is such a file, which this command did not write.
void refuse_foreign(const fs::path& file) {
  if (!fs::exists(file)) return;
  throw Error(cat(quoted(file.string()), " exists, but the folder has no ", results::kReceipt,
                  " of `flam evaluate`; name another --output, or start anew with --overwrite"));
}

/// A file for an evaluation server, if every record has the fact `key`; it is removed otherwise.
class ServerFile {
 public:
  ServerFile(const char* key, const char* answer) : key_(key), answer_(answer) {}

  void add(const StoredPrediction& prediction) {
    const Value* id = prediction.record.facts.find(key_);
    complete_ = complete_ && id && (id->is_int() || id->is_string());
    if (!complete_ || prediction.error) return;
    out_ += out_.empty() ? "[" : ",\n";
    out_ += json_line({{key_, to_json(*id)}, {answer_, prediction.prediction.text}});
  }
  bool write(const fs::path& path) const {
    std::error_code ignored;
    if (complete_ && !out_.empty()) {
      write_file(path, out_ + "]\n");
      return true;
    }
    fs::remove(path, ignored);
    return false;
  }

 private:
  const char *key_, *answer_;
  bool complete_ = true;
  std::string out_;
};

}  // namespace

Json results::identity_of(const Json& receipt) {
  Json out = receipt["config"];
  for (const char* part : {"shots", "metrics", "train", "meta"}) out.erase(part);
  if (out.contains("weights") && out["weights"].is_object()) out["weights"].erase("root");
  for (const Json& file : receipt.value("weights", Json::array()))
    out["sha256"].push_back(file.value("sha256", ""));
  if (receipt.value("weights_option", "") == "random") out["weights_seed"] = receipt["weights_seed"];
  out["dtype"] = receipt["dtype"];
  for (const char* part : {"seed", "shots"}) {
    if (receipt["evaluation"].contains(part)) out[part] = receipt["evaluation"][part];
  }
  return out;
}

std::string results::differences(const Json& before, const Json& after, const std::string& there,
                                 const std::string& now) {
  const Json one = before.flatten(), other = after.flatten();
  std::vector<std::string> found;
  const auto add = [&](const std::string& pointer) {
    std::string name = pointer.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    const auto value = [&](const Json& in) {
      return in.contains(pointer) ? printable(in[pointer].dump(), 60) : std::string("nothing");
    };
    if (value(one) != value(other))
      found.push_back(cat(name, " is ", value(one), " ", there, " and ", value(other), " ", now));
  };
  for (const auto& [pointer, value] : other.items()) add(pointer);
  for (const auto& [pointer, value] : one.items())
    if (!other.contains(pointer)) add(pointer);
  const size_t more = found.size() > kShownDifferences ? found.size() - kShownDifferences : 0;
  found.resize(found.size() - more);
  if (more > 0) found.push_back(cat("and ", more, " more"));
  return join(found, "; ");
}

fs::path results::pass_file(const fs::path& folder, const std::string& pass) {
  return folder / (pass + ".jsonl");
}

void results::require_usable(const fs::path& folder, const std::vector<std::string>& passes, bool overwrite) {
  std::error_code ignored;
  fs::path missing;  // the first folder to be made
  for (fs::path above = fs::absolute(folder); !fs::exists(above, ignored); above = above.parent_path()) {
    missing = above;
    if (!above.has_relative_path()) break;
  }
  if (!missing.empty()) {
    const AtomicFile can_be_made(missing);
    return;
  }
  require_folder(folder, {});
  std::vector<fs::path> files = {folder / kScores, folder / kVqaResults, folder / kCaptionResults};
  for (const std::string& pass : passes) files.push_back(pass_file(folder, pass));
  const fs::path receipt = folder / kReceipt;
  const AtomicFile can_be_written(receipt);
  for (const fs::path& file : files) const AtomicFile can_be_written_too(file);
  if (overwrite) return;
  if (fs::exists(receipt)) return static_cast<void>(read_receipt(receipt));
  for (const fs::path& file : files) refuse_foreign(file);
}

ResultsFolder::ResultsFolder(fs::path folder, bool overwrite)
    : folder_(std::move(folder)), overwrite_(overwrite) {
  std::error_code failed;
  fs::create_directories(folder_, failed);
  require_folder(folder_, failed);
}

void ResultsFolder::begin(const Json& receipt, const std::vector<std::string>& passes, int64_t records) {
  results::require_usable(folder_, passes, overwrite_);
  const fs::path path = folder_ / results::kReceipt;
  const bool continued = !overwrite_ && fs::exists(path);
  if (continued) compare(receipt);
  run_ = short_hash(json_line(results::identity_of(receipt)));
  for (const std::string& pass : passes) {
    const fs::path file = results::pass_file(folder_, pass);
    auto opened = std::make_unique<PredictionFile>(file.string(), overwrite_);
    if (opened->size() > records) {
      throw Error(opened->where(opened->size() - 1),
                  cat("the results have the record with index ", opened->size() - 1, ", and this run has ",
                      counted(records, "record"),
                      "; raise --limit, name another --output, or start anew with --overwrite"));
    }
    passes_.emplace(pass, std::move(opened));
  }
  if (!continued) {
    change();
    write_file(path, json_lines(receipt, 2));
  }
}

void ResultsFolder::compare(const Json& receipt) const {
  const fs::path path = folder_ / results::kReceipt;
  const std::string found = results::differences(results::identity_of(read_receipt(path)),
                                                 results::identity_of(receipt), "there", "now");
  if (found.empty()) return;
  throw Error(
      cat(quoted(folder_.string()),
          " has results of another run; name another --output, or start anew with --overwrite: ", found));
}

void ResultsFolder::join(const Json& receipt, const std::vector<std::string>& passes, int64_t rank) {
  run_ = short_hash(json_line(results::identity_of(receipt)));
  for (const std::string& pass : passes)
    passes_.emplace(pass, std::make_unique<PredictionFile>(results::pass_file(folder_, pass).string(), rank));
  changed_ = true;  // rank 0 has removed the scores
}

void ResultsFolder::take_in_others() {
  for (const auto& [name, file] : passes_) file->take_in_others();
}

void ResultsFolder::change() {
  if (changed_) return;
  std::error_code ignored;
  for (const char* file : {results::kScores, kVqaResults, kCaptionResults})
    fs::remove(folder_ / file, ignored);
  if (overwrite_) {
    for (const char* control : results::kControls) {
      const fs::path file = results::pass_file(folder_, control);
      if (passes_.contains(control)) continue;
      fs::remove(file, ignored);
      fs::remove(PredictionFile::partial_path(file.string()), ignored);
      PredictionFile::remove_others(file.string());
    }
  }
  changed_ = true;
}

void ResultsFolder::commit(const Evaluation& evaluation, const Json& receipt) {
  change();
  for (const auto& [name, file] : passes_) file->commit();
  write_server_files();
  write_file(folder_ / results::kReceipt, json_lines(receipt, 2));
  write_file(folder_ / results::kScores, json_lines(evaluation_json(evaluation), 2));
}

void ResultsFolder::write_server_files() const {
  ServerFile vqa("question_id", "answer"), captions("image_id", "caption");
  each_prediction(results::pass_file(folder_, results::kAnswers).string(), false,
                  [&](const PredictionLine& line) {
                    vqa.add(line.prediction);
                    captions.add(line.prediction);
                  });
  std::error_code ignored;
  if (vqa.write(folder_ / kVqaResults)) {
    fs::remove(folder_ / kCaptionResults, ignored);  // the answers are no captions
  } else {
    captions.write(folder_ / kCaptionResults);
  }
}

StoredResults::StoredResults(fs::path folder) : folder_(std::move(folder)) {
  const fs::path receipt = folder_ / results::kReceipt;
  if (!fs::exists(receipt))
    throw Error(cat(quoted(folder_.string()), " has no ", results::kReceipt,
                    "; expected a folder that `flam evaluate --output` wrote"));
  receipt_ = read_receipt(receipt);
  if (!fs::exists(folder_ / results::kScores))
    throw Error(cat("the run of ", quoted(folder_.string()),
                    " has not ended; the same `flam evaluate` command continues it"));
  const fs::path scores = folder_ / results::kScores;
  scores_ = Json::parse(read_file(scores, kMostOfAReceipt), nullptr, /*allow_exceptions=*/false);
  if (!scores_.is_object() || !scores_.contains("scores"))
    throw Error(cat(quoted(scores.string()), " has no scores of `flam evaluate`"));
  config_ =
      *parse_json(read_file(receipt, kMostOfAReceipt), printable(receipt.string(), 4096)).find("config");
}

void StoredResults::each(const std::string& pass, const std::function<void(StoredPrediction)>& take) const {
  each_prediction(results::pass_file(folder_, pass).string(), false,
                  [&](PredictionLine line) { take(std::move(line.prediction)); });
}

}  // namespace flam
