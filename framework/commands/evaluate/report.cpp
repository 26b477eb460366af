#include "framework/commands/evaluate/report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "framework/base/file.h"
#include "framework/base/random.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/report_pictures.h"
#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorer.h"
#include "framework/commands/evaluate/shots_plot.h"
#include "framework/commands/evaluate/stored_metrics.h"
#include "framework/recipe/outputs.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kCommonest = 20, kSingle = 5;  // the latter of texts that occur once
constexpr size_t kMostLengths = 200;            // words; longer texts count as this long

size_t words_of(const std::string& text) {
  size_t words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    words += !space && !in_word;
    in_word = !space;
  }
  return words;
}

void count_words(const std::string& text, std::vector<int64_t>& lengths) {
  const size_t words = std::min(words_of(text), kMostLengths);
  if (words >= lengths.size()) lengths.resize(words + 1);
  ++lengths[words];
}

using Counts = std::unordered_map<std::string, int64_t>;

std::vector<Count> commonest(const Counts& counts) {
  std::vector<Count> out(counts.begin(), counts.end());
  const size_t kept = std::min(out.size(), kCommonest);
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(kept), out.end(),
                    [](const Count& a, const Count& b) {
                      return a.second != b.second ? a.second > b.second : a.first < b.first;
                    });
  out.resize(kept);
  while (out.size() > kSingle && out.back().second == 1) out.pop_back();
  return out;
}

ReportedRecord reported(const StoredPrediction& prediction, std::optional<double> score) {
  ReportedRecord out;
  out.index = prediction.index;
  out.id = prediction.record.request.id;
  out.kind = prediction.record.kind;
  out.question = question_of(prediction.record.request);
  out.answer = prediction.prediction.text;
  out.prompt = prediction.prompt;
  out.references = prediction.record.references;
  out.shots = prediction.shots;
  out.score = score;
  out.logprob = prediction.logprob;
  return out;
}

/// What is needed of every record to choose examples.
struct Chosen {
  int64_t index = 0;
  double score = 0, logprob = 0;
};

class Gatherer {
 public:
  Gatherer(const std::string& folder, const ReportOptions& options)
      : options_(options), results_(folder), stored_(results_, options.scoring), scorer_(stored_.metrics()) {
    report_.folder = folder;
    report_.evaluation = rescore(folder, options.scoring);
    report_.dataset = results_.receipt()["config"].value("dataset", Json::object()).value("type", "");
    add_run(results_);
    for (const std::string& other : options.beside) add_run(StoredResults(other));
  }

  Report run() {
    results_.each(results::kAnswers, [this](const StoredPrediction& prediction) { add(prediction); });
    report_.answers = commonest(answers_);
    report_.references = commonest(references_);
    report_.failures = report_.evaluation.answers.failures;
    choose();
    results_.each(results::kAnswers, [this](const StoredPrediction& prediction) { fill(prediction); });
    add_pictures();
    return std::move(report_);
  }

 private:
  static std::vector<ScoreInterval> scores_of(const Json& values, const Json& intervals) {
    std::vector<ScoreInterval> out;
    for (const auto& [name, value] : values.items()) {
      if (!value.is_number()) continue;
      ScoreInterval score{name, value, value, value};
      if (intervals.contains(name)) {
        score.low = intervals[name].at(0);
        score.high = intervals[name].at(1);
      }
      out.push_back(score);
    }
    return out;
  }

  void add_run(const StoredResults& results) {
    const Json& scores = results.scores();
    const auto member = [](const Json& map, const std::string& name) {
      return map.value(name, Json::object());
    };
    Report::Run run{results.folder().string(),
                    scores.value("config", ""),
                    scores.value("shots", int64_t{0}),
                    scores.value("n", int64_t{0}),
                    scores_of(scores["scores"], member(scores, "intervals")),
                    {}};
    const Json intervals = member(scores, "control_intervals");
    const Json controls = member(scores, "controls");
    for (const auto& [name, control] : controls.items())
      run.controls.emplace_back(name, scores_of(control, member(intervals, name)));
    report_.runs.push_back(std::move(run));
  }

  void add(const StoredPrediction& prediction) {
    if (prediction.error) return;
    const std::string& answer = prediction.prediction.text;
    scorer_.add(prediction.record, prediction.prediction);
    chosen_.push_back({prediction.index, 0, prediction.logprob.value_or(0)});
    ++answers_[answer];
    count_words(answer, report_.answer_lengths);
    for (const std::string& reference : prediction.record.references) {
      ++references_[reference];
      count_words(reference, report_.reference_lengths);
    }
  }

  /// The indices of the records of each group.
  void choose() {
    const auto& scores = report_.evaluation.answers.scores;
    if (!chosen_.empty() && scorer_.score_of(0)) report_.score_name = scores.front().first;
    for (size_t i = 0; i < chosen_.size() && !report_.score_name.empty(); ++i)
      chosen_[i].score = *scorer_.score_of(static_cast<int64_t>(i));
    for (const Chosen& one : chosen_) scores_[one.index] = one.score;
    const auto take = [&](const std::string& title, const std::string& note) {
      report_.examples.push_back({title, note, {}});
      for (int64_t i = 0; i < std::min(options_.examples, static_cast<int64_t>(chosen_.size())); ++i)
        wanted_[chosen_[static_cast<size_t>(i)].index].push_back(report_.examples.size() - 1);
    };
    const auto sort = [&](double sign) {
      std::stable_sort(chosen_.begin(), chosen_.end(), [sign](const Chosen& a, const Chosen& b) {
        return a.score != b.score ? sign * a.score > sign * b.score : a.logprob > b.logprob;
      });
    };
    if (!report_.score_name.empty()) {
      sort(1);
      take("Best answers", "the highest " + report_.score_name + ", and among equals the most likely answer");
      sort(-1);
      take("Worst answers",
           "the lowest " + report_.score_name + ", and among equals the answer that the model was surest of");
    }
    std::sort(chosen_.begin(), chosen_.end(),
              [](const Chosen& a, const Chosen& b) { return a.index < b.index; });
    Random random(0);
    for (size_t i = chosen_.size(); i > 1; --i) std::swap(chosen_[i - 1], chosen_[random.below(i)]);
    take("Random answers", "");
  }

  void fill(const StoredPrediction& prediction) {
    std::optional<double> score;
    if (const auto found = scores_.find(prediction.index);
        found != scores_.end() && !report_.score_name.empty())
      score = found->second;
    if (std::ssize(report_.records) < options_.records) {
      report_.records.push_back(reported(prediction, score));
      report_.records.back().error = prediction.error.value_or("");
    }
    const auto wanted = wanted_.find(prediction.index);
    if (wanted == wanted_.end()) return;
    for (const size_t group : wanted->second)
      report_.examples[group].records.push_back(reported(prediction, score));
  }

  /// In the order of the groups' titles again, and with pictures.
  void add_pictures() {
    ReportPictures pictures(results_, stored_.registry());
    report_.no_pictures = pictures.problem();
    for (Report::Group& group : report_.examples) {
      const double sign = group.title.starts_with("Worst") ? -1 : 1;
      if (!group.title.starts_with("Random")) {
        std::stable_sort(group.records.begin(), group.records.end(),
                         [sign](const ReportedRecord& a, const ReportedRecord& b) {
                           return a.score != b.score ? sign * *a.score > sign * *b.score
                                                     : a.logprob.value_or(0) > b.logprob.value_or(0);
                         });
      }
      for (ReportedRecord& record : group.records) record.thumbnail = pictures.of(record.index, record.id);
    }
  }

  const ReportOptions& options_;
  const StoredResults results_;
  const StoredMetrics stored_;
  Scorer scorer_;
  Report report_;
  std::vector<Chosen> chosen_;
  std::unordered_map<int64_t, double> scores_;
  std::map<int64_t, std::vector<size_t>> wanted_;  // groups by index of record
  Counts answers_, references_;
};

}  // namespace

Report gather_report(const std::string& folder, const ReportOptions& options) {
  return Gatherer(folder, options).run();
}

std::string write_report(const std::string& folder, const std::string& file, const ReportOptions& options) {
  const std::string name = file.empty() ? (std::filesystem::path(folder) / results::kPage).string() : file;
  Outputs outputs;
  outputs.add("--output", name, Outputs::Content::html);
  if (!options.plot.empty()) outputs.add("--plot", options.plot, Outputs::Content::svg);
  outputs.keep_other_content();
  const Report report = gather_report(folder, options);
  if (!options.plot.empty()) write_shots_plot(report, options.plot);
  write_file(name, report_html(report));
  return name;
}

}  // namespace flam
