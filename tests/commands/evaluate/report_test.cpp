// `flam report`: a self-contained page about a run.
#include "framework/commands/evaluate/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <vector>

#include "framework/base/file.h"
#include "framework/commands/evaluate/evaluate.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// Whether each opening tag has its closing tag, in order.
std::string unbalanced_tag(const std::string& html) {
  static const std::regex tags("<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>");
  static const std::vector<std::string> kVoid = {"meta", "img", "br", "input", "link", "hr"};
  std::vector<std::string> open;
  for (auto it = std::sregex_iterator(html.begin(), html.end(), tags); it != std::sregex_iterator(); ++it) {
    const std::string name = (*it)[2];
    if (!(*it)[3].str().empty() || std::find(kVoid.begin(), kVoid.end(), name) != kVoid.end()) continue;
    if ((*it)[1].str().empty()) {
      open.push_back(name);
      if (name != "script" && name != "style") continue;
      continue;
    }
    if (open.empty() || open.back() != name) return "</" + name + ">";
    open.pop_back();
  }
  return open.empty() ? "" : "<" + open.back() + ">";
}

class ReportOfARun : public testing::Test {
 protected:
  void run(const std::string& config, std::vector<std::string> overrides = {}) {
    RunOptions options;
    options.hash_weights = true;
    options.threads = 1;
    options.overrides = std::move(overrides);
    EvaluateOptions how;
    how.limit = 8;
    how.resamples = 20;
    how.overwrite = true;
    how.output = folder();
    evaluate(*Session::open(config, options), how);
    options_.scoring.resamples = 20;
    options_.examples = 3;
  }
  std::string folder() const { return (scratch_ / "results").string(); }
  std::string page() const {
    write_report(folder(), "", options_);
    return read_file(scratch_ / "results" / "report.html", 1 << 24);
  }

  test::Scratch scratch_;
  ReportOptions options_;
};

TEST_F(ReportOfARun, ReplacesNothingButPages) {
  run("flamingo_mini_vqa");
  const std::string predictions = folder() + "/predictions.jsonl", before = read_file(predictions, 1 << 22);
  EXPECT_THROW(write_report(folder(), predictions, options_), Error);
  EXPECT_EQ(read_file(predictions, 1 << 22), before);
  page();
  EXPECT_NO_THROW(page());
}

TEST_F(ReportOfARun, IsSelfContainedAndComplete) {
  run("flamingo_mini_vqa");
  const std::string html = page();
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_EQ(unbalanced_tag(html), "");
  // Nothing is fetched from anywhere.
  EXPECT_FALSE(std::regex_search(html, std::regex("(src|href|action)=\"(?!data:)")));
  EXPECT_FALSE(std::regex_search(html, std::regex("url\\(|@import|https?://(?!www\\.w3\\.org)")));
  for (const char* part : {"Does the model use the picture?", "by kind of record", "Commonest answers",
                           "Commonest references", "Lengths in words", "Best answers", "Worst answers",
                           "Random answers", "id=\"filter\"", "data:image/jpeg;base64,", "scene 0.7"})
    EXPECT_THAT(html, HasSubstr(part));
}

TEST_F(ReportOfARun, GathersLengthsAnswersAndExamples) {
  run("flamingo_mini_vqa");
  const Report report = gather_report(folder(), options_);
  EXPECT_EQ(report.score_name, "exact");
  EXPECT_EQ(report.records.size(), 8u);
  ASSERT_EQ(report.examples.size(), 3u);
  EXPECT_GE(report.examples[0].records.front().score, report.examples[1].records.front().score);
  int64_t lengths = 0;
  for (const int64_t count : report.answer_lengths) lengths += count;
  ASSERT_FALSE(report.answers.empty());
  EXPECT_GE(report.answers.front().second, report.answers.back().second);
  EXPECT_EQ(lengths, 8);
  for (const auto& group : report.examples) {
    EXPECT_EQ(group.records.size(), 3u);
    for (const ReportedRecord& record : group.records) EXPECT_FALSE(record.thumbnail.empty());
  }
  options_.records = 2;
  options_.beside = {folder()};
  EXPECT_EQ(gather_report(folder(), options_).runs.size(), 2u);
  EXPECT_THAT(page(), HasSubstr("The first 2 of 8"));
}

TEST_F(ReportOfARun, PlotsScoresByShots) {
  run("flamingo_mini_vqa",
      {"shots={dataset: {type: scenes, split: train, size: 20, seed: 7}, num_shots: 2}"});
  fs::rename(scratch_ / "results", scratch_ / "two");
  run("flamingo_mini_vqa");
  options_.beside = {(scratch_ / "two").string()};
  options_.plot = (scratch_ / "plot.svg").string();
  const std::string html = page(), plot = read_file(options_.plot, 1 << 20);
  EXPECT_THAT(plot, testing::StartsWith("<svg xmlns="));
  for (const char* text : {"exact by shots", ">answers</text>", ">blind</text>"}) {
    EXPECT_THAT(plot, HasSubstr(text));
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_EQ(unbalanced_tag(plot), "");
  EXPECT_EQ(unbalanced_tag(html), "");
  options_.beside = {};
  EXPECT_THAT(error_of([&] { page(); }), HasSubstr("runs with different numbers of shots"));
}

TEST_F(ReportOfARun, EscapesTextsAndOutlivesItsPictures) {
  const fs::path data = scratch_ / "data";
  fs::create_directories(data);
  fs::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", data / "a.png");
  write_file(data / "annotations.jsonl", R"({"image": "a.png", "references": ["</script><b onclick=\"x\">"]})"
                                         "\n"
                                         R"({"image": "none.png", "references": ["x"]})"
                                         "\n");
  run("flamingo_mini_caption", {"dataset={_delete_: true, type: image_folder, folder: " + data.string() + "}",
                                "metrics=[{type: exact_match}]"});
  std::string html = page();
  EXPECT_THAT(html, Not(HasSubstr("<b onclick")));
  EXPECT_THAT(html, HasSubstr("&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;"));
  EXPECT_THAT(html, HasSubstr("could not be answered"));
  EXPECT_EQ(unbalanced_tag(html), "");
  fs::remove_all(data);
  html = page();
  EXPECT_THAT(html, HasSubstr("There are no pictures"));
  EXPECT_THAT(html, HasSubstr("no picture</div>"));
  fs::remove(scratch_ / "results" / "scores.json");
  EXPECT_THAT(error_of([&] { page(); }), HasSubstr("has not ended"));
}

}  // namespace
}  // namespace flam
