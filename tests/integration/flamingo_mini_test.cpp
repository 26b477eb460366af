// The embedded model as it is shipped: its answers about a picture, and its scores on a small sample of
// unseen scenes (`flam evaluate flamingo_mini_caption --limit 1000` gives the published ones).
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "framework/session/session.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::run_flam;
using testing::HasSubstr;

const std::string kScene = std::string(FLAM_SOURCE_DIR) + "/docs/images/scene.png";

nlohmann::json evaluated(const std::string& config) {
  const auto ran = run_flam("evaluate " + config + " --limit 200 --seed 5 --json");
  EXPECT_EQ(ran.status, 0) << ran.err;
  return nlohmann::json::parse(ran.out);
}

TEST(FlamingoMini, CaptionsAPicture) {
  const auto ran = run_flam("infer flamingo_mini_caption " + kScene);
  EXPECT_EQ(ran.status, 0) << ran.err;
  for (const char* object : {"blue ring", "purple star", "red square"})
    EXPECT_THAT(ran.out, HasSubstr(object));
}

TEST(FlamingoMini, AnswersQuestions) {
  const auto answer = [](const std::string& question) {
    return run_flam("infer flamingo_mini_vqa " + kScene + " --question '" + question + "'").out;
  };
  EXPECT_EQ(answer("how many objects are there?"), "three\n");
  EXPECT_EQ(answer("what colour is the star?"), "purple\n");
}

TEST(FlamingoMini, QuestionsAreAnsweredFromThePicture) {
  const auto scores = evaluated("flamingo_mini_vqa");
  EXPECT_GE(scores["scores"]["exact"], 0.95);
  EXPECT_LE(scores["controls"]["blind"]["exact"], 0.45);
}

// The answer is chosen from those that questions of its kind can have, which are two for most kinds, so the
// blind control scores far above zero.
TEST(FlamingoMini, RankingDependsOnThePicture) {
  const auto scores = evaluated("flamingo_mini_ranking");
  EXPECT_GE(scores["scores"]["exact"], 0.95);
  EXPECT_LE(scores["controls"]["blind"]["exact"], 0.55);
}

TEST(FlamingoMini, ChoosesAmongCandidates) {
  const std::string asked = "infer flamingo_mini_ranking " + kScene +
                            " --question 'what colour is the star?' --candidate red --candidate purple";
  EXPECT_EQ(run_flam(asked).out, "purple\n");
  const auto json = nlohmann::json::parse(run_flam(asked + " --json").out);
  EXPECT_EQ(json["pred_answer"], "purple");
  EXPECT_EQ(json["pred_label"], 1);
  EXPECT_EQ(json["candidates"][0]["text"], "red");
  EXPECT_EQ(json["pred_score"], json["candidates"][1]["probability"]);
  EXPECT_GT(json["pred_score"], 0.9);
  const auto classified =
      run_flam("infer flamingo_mini_ranking " + kScene +
               " --set 'task_head={type: classification, candidates: [two, three, four], final_prompt: "
               "\"<image>Question:how many objects are there? Short Answer:\"}'");
  EXPECT_EQ(classified.out, "three\n") << classified.err;
}

TEST(FlamingoMini, CandidatesComeFromRequestsToo) {
  const test::Scratch folder;
  const auto request = [&](const std::string& line) {
    std::ofstream(folder / "requests.jsonl") << line;
    return run_flam("infer flamingo_mini_ranking --request " + (folder / "requests.jsonl").string());
  };
  const std::string parts =
      R"({"parts": [{"image": ")" + kScene + R"("}, {"text": "is there a purple star?"}], "candidates": )";
  EXPECT_THAT(request(parts + R"(["no", "yes"]})").out, HasSubstr(": yes\n"));
  for (const std::string candidates : {R"([])", R"("yes")", R"([1, 2])"}) {
    const auto ran = request(parts + candidates + "}");
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr("`candidates` must be a list of texts")) << candidates;
  }
  const auto none = run_flam("infer flamingo_mini_ranking " + kScene + " --question 'is there a star?'");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("there are no candidates to choose from"));
}

TEST(FlamingoMini, CaptionsAreTrue) {
  const auto scores = evaluated("flamingo_mini_caption");
  EXPECT_GE(scores["scores"]["true"], 0.9);
  EXPECT_GE(scores["scores"]["attributes_stated"],
            0.9 * scores["scores"]["attributes_expected"].get<double>());
  EXPECT_LE(scores["controls"]["blind"]["true"], 0.1);
}

// Nothing but the examples says in which form the answer is wanted.
TEST(FlamingoMini, ExamplesShowTheFormOfTheAnswer) {
  const auto score = [](const std::string& run) {
    const auto ran = run_flam("evaluate " + run + " --limit 100 --seed 5 --no-blind --json");
    EXPECT_EQ(ran.status, 0) << ran.err;
    return nlohmann::json::parse(ran.out)["scores"]["exact"].get<double>();
  };
  EXPECT_LE(score("flamingo_mini_forms --shots 0"), 0.2);
  EXPECT_GE(score("flamingo_mini_forms --shots 4"), 0.85);
  EXPECT_GE(score("flamingo_mini_fewshot --shots 8"), 0.9);
}

TEST(FlamingoMini, FitsTwelveMegabytes) {
  EXPECT_LE(std::filesystem::file_size(std::string(FLAM_SOURCE_DIR) +
                                       "/configs/flamingo_mini/flamingo_mini.safetensors"),
            12'000'000u);
  EXPECT_LE(std::filesystem::file_size(std::string(FLAM_SOURCE_DIR) +
                                       "/configs/flamingo_mini/flamingo_mini_fewshot.safetensors"),
            4'000'000u);
}

// libsentencepiece and libc10 both define FLAGS_minloglevel; the flag after libc10's decides whether a failed
// allocation ends the process.
TEST(FlamingoMini, LibrariesOfPluginsDoNotChangeLibtorch) {
  const auto session = Session::open("flamingo_mini_caption");
  Dl_info where{};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "FLAGS_minloglevel"), &where), 0);
  EXPECT_THAT(where.dli_fname, HasSubstr("libflamboyance.so"));
  void* const c10 = dlopen("libc10.so", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(c10, nullptr);
  const void* const flag = dlsym(c10, "FLAGS_caffe2_use_fatal_for_enforce");
  ASSERT_NE(flag, nullptr);
  EXPECT_EQ(*static_cast<const unsigned char*>(flag), 0);
}

TEST(FlamingoMini, EightThreadsShareASession) {
  const auto session = Session::open("flamingo_mini_caption");
  const std::string alone = session->answer(picture_request(kScene)).answer.front().second;
  std::vector<std::string> answers(8);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) {
    threads.emplace_back([&] { answer = session->answer(picture_request(kScene)).answer.front().second; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(answers, testing::Each(alone));
}

}  // namespace
}  // namespace flam
