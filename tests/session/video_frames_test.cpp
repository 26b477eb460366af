// Requests that name video files. A script takes the place of the decoder.
#include "framework/session/video_frames.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/commands/explain/explain.h"
#include "framework/config/config.h"
#include "framework/recipe/run_config.h"
#include "framework/request/video_part.h"
#include "framework/session/session_parts.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kSide = 16;

class VideoFramesTest : public testing::Test {
 protected:
  VideoFramesTest() {
    fs::create_directory(scratch_ / "runs");
    // Two frames, of the letters A and B, and a folder for each run.
    const std::string pixels = cat("head -c ", kSide * kSide * 3, " /dev/zero | tr '\\0' ");
    decode_with(cat("mkdir ", (scratch_ / "runs").string(),
                    "/$$\nprintf 'flam-frames 1\\nbegin 2\\nframe 0 0 ", kSide, " ", kSide, "\\n'\n", pixels,
                    "A\nprintf 'frame 30 1.5 ", kSide, " ", kSide, "\\n'\n", pixels,
                    "B\nprintf 'end 31 2\\n'\n"));
    write_file(scratch_ / "clip.mp4", "\0\0\0\x10"s + "ftypisomisom");
  }
  ~VideoFramesTest() override { unsetenv("FLAM_FRAMES"); }

  void decode_with(const std::string& script) {
    write_file(scratch_ / "helper", "#!/bin/sh\nPATH=/usr/bin:/bin\n" + script);
    fs::permissions(scratch_ / "helper", fs::perms::owner_all);
    setenv("FLAM_FRAMES", (scratch_ / "helper").c_str(), 1);
  }
  int64_t runs() const {
    return std::distance(fs::directory_iterator(scratch_ / "runs"), fs::directory_iterator());
  }
  std::string clip() const { return (scratch_ / "clip.mp4").string(); }
  Part video(const FrameSampling& sampling = {}) const { return video_file_part(clip(), sampling); }
  /// What the decoder is told for a part.
  std::string arguments(const Part& part, const FrameSampling& standard) {
    decode_with("echo flam-frames 1; echo \"error $*\"");
    Part taken = part;
    return test::error_of([&] { VideoFrames(standard).take(taken); });
  }

  test::Scratch scratch_;
};

Part two_frames() {
  Part part{Part::Kind::frames, "", {}, {0, 1.5}, 2};
  for (const char letter : {'A', 'B'}) {
    PictureSource source;
    source.picture = Picture{at::full({kSide, kSide, 3}, letter, at::kByte)};
    part.pictures.push_back(std::move(source));
  }
  return part;
}

std::shared_ptr<Session> open(std::vector<std::string> overrides = {}) {
  RunOptions options;
  options.weights = "random";
  options.overrides = {"model.tokenizer={type: placeholder, vocab_size: 512}", "generation.max_new_tokens=4",
                       "model.language_decoder.max_position_embeddings=1024"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return Session::open("flamingo_mini_caption", options);
}

const std::vector<std::string> kSeparateFrames = {
    "model.adapter={type: prefix}",
    "model.media_layout={type: grid, longest_edge: 160, video: {intro: '{duration}', frame: ' {timestamp}'}}",
    "transforms=[{type: normalize, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]}]"};

TEST_F(VideoFramesTest, AnswersAsForFramesInMemory) {
  for (const auto& overrides : {std::vector<std::string>(), kSeparateFrames}) {
    const auto session = open(overrides);
    // Two videos in one prompt: a shot and the query.
    const std::vector<Request> requests = {{{video(), {Part::Kind::text, "a", {}}, video()}},
                                           {{two_frames(), {Part::Kind::text, "a", {}}, two_frames()}}};
    const auto outcomes = session->answer(requests);
    ASSERT_EQ(outcomes[0].error.value_or(""), "");
    ASSERT_EQ(outcomes[1].error.value_or(""), "");
    EXPECT_EQ(outcomes[0].prompt, outcomes[1].prompt);
    EXPECT_EQ(outcomes[0].result.hypotheses[0].ids, outcomes[1].result.hypotheses[0].ids);
    ASSERT_EQ(outcomes[0].media.size(), 2u);
    EXPECT_EQ(outcomes[0].media[0].frames, 2);
    const bool writes_times = !overrides.empty();
    EXPECT_EQ(outcomes[0].prompt.find("0:00:02") != std::string::npos, writes_times);
    EXPECT_EQ(outcomes[0].prompt.find(" 00:01") != std::string::npos, writes_times);
  }
}

TEST_F(VideoFramesTest, DecodesAVideoOnce) {
  const auto session = open();
  const Request request{{video()}};
  session->answer(std::vector{request, request});
  session->answer(request);
  EXPECT_EQ(runs(), 1);
  session->answer(Request{{video({.frames = 2})}});  // other frames
  EXPECT_EQ(runs(), 2);
  write_file(scratch_ / "clip.mp4", "\0\0\0\x10"s + "ftypisomiso2");  // another file
  session->answer(request);
  EXPECT_EQ(runs(), 3);
}

TEST_F(VideoFramesTest, AVideoThatFailsFailsAlone) {
  const auto session = open();
  const auto outcomes =
      session->answer(std::vector{Request{{video_file_part("none.mp4")}}, Request{{two_frames()}}});
  EXPECT_THAT(outcomes[0].error.value_or(""), HasSubstr("video 'none.mp4' can't be read"));
  EXPECT_FALSE(outcomes[1].error.has_value());
}

TEST_F(VideoFramesTest, ExplainsTheFramesOfAVideo) {
  const auto session = open();
  const Request request{{video()}};
  const Task task = session->task(request);
  const Outcome outcome = session->run({&task, 1}).front();
  const Explanation explanation = explain(*session, request, prompt_of(task), outcome);
  ASSERT_EQ(explanation.pictures.size(), 2u);
  EXPECT_EQ(explanation.pictures[1].name, clip() + " at 1.50 s");
}

TEST_F(VideoFramesTest, ChoosesFramesAsTheModelSays) {
  const auto of = [](const std::string& yaml) {
    return sampling_of_model(parse_yaml("model: " + yaml, "test.yaml"));
  };
  EXPECT_EQ(of("{}"), (FrameSampling{.frames = 8}));
  EXPECT_EQ(of("{resampler: {max_num_frames: 4}}"), (FrameSampling{.frames = 4}));
  EXPECT_EQ(of("{resampler: {max_num_frames: 16}}"), (FrameSampling{.frames = 8}));
  EXPECT_EQ(of("{media_layout: {video: {fps: 1, max_frames: 64}}}"), (FrameSampling{.frames = 64, .fps = 1}));
  EXPECT_EQ(of("{media_layout: {video: {fps: null, max_frames: null}}}"), (FrameSampling{.frames = 8}));
  EXPECT_EQ(sampling_of_model(load_config_tree("smolvlm2_2.2b_instruct", {})),
            (FrameSampling{.frames = 64, .fps = 1}));

  const FrameSampling standard{.frames = 64, .fps = 1};
  EXPECT_THAT(arguments(video(), standard), HasSubstr("--frames 64 --fps 1"));
  EXPECT_THAT(arguments(video({.frames = 3}), standard),
              AllOf(HasSubstr("--frames 3"), testing::Not(HasSubstr("--fps"))));
  EXPECT_THAT(arguments(video({.fps = 2}), standard),
              AllOf(HasSubstr("--fps 2"), testing::Not(HasSubstr("--frames"))));
  EXPECT_THAT(arguments(video({.key_frames = true}), {.frames = 8}), HasSubstr("--frames 8 --key-frames"));
}

}  // namespace
}  // namespace flam
