// Pictures that a layout cuts: prompts, batches, caching, odd sizes, and tiles that are encoded together.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/commands/describe/describe.h"
#include "framework/config/config.h"
#include "framework/session/receipt.h"
#include "framework/session/session_parts.h"
#include "framework/testing/near.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

PictureSource picture(int64_t height, int64_t width) {
  PictureSource source;
  const at::Tensor values = at::arange(height * width * 3, at::kLong) * 7919 % 256;
  source.picture = Picture{values.to(at::kByte).view({height, width, 3})};
  return source;
}

Request caption_of(std::vector<PictureSource> frames, Part::Kind kind = Part::Kind::image) {
  Request request;
  request.parts.push_back({kind, "", std::move(frames)});
  return request;
}

RunOptions options_with(std::vector<std::string> overrides) {
  RunOptions options;
  options.weights = "random";
  options.plugin_path = {FLAM_FIXTURE_PLUGINS "/tiles", FLAM_FIXTURE_PLUGINS "/text_liars"};
  options.overrides = {"model.tokenizer={type: placeholder, vocab_size: 512}",
                       "model.language_decoder.max_position_embeddings=1024", "generation.max_new_tokens=6",
                       "task_head.zeroshot_prompt=''"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return options;
}

std::shared_ptr<Session> open(std::vector<std::string> overrides) {
  return Session::open("flamingo_mini_caption", options_with(std::move(overrides)));
}

const std::vector<std::string> kGrid = {
    "model.adapter={type: prefix}", "model.media_layout={type: grid, longest_edge: 160}",
    "transforms=[{type: normalize, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5]}]"};

std::vector<std::string> grid_with(const std::string& override) {
  std::vector<std::string> out = kGrid;
  out.push_back(override);
  return out;
}

std::string error_of_opening(const std::vector<std::string>& overrides) {
  return error_of([&] { open(overrides); });
}

const std::string kWhole = "<fake_token_around_image><global-img><image><fake_token_around_image>";

TEST(Layout, PromptAndJsonShowTheTiles) {
  const auto session = open(kGrid);
  const Request request = caption_of({picture(40, 90)});
  const Outcome outcome = session->answer(request);
  EXPECT_EQ(outcome.prompt,
            "<fake_token_around_image><row_1_col_1><image><fake_token_around_image><row_1_col_2><image>\n\n" +
                kWhole + "Output:");
  ASSERT_EQ(outcome.media.size(), 1u);
  EXPECT_EQ(outcome.media[0].tokens, 3 * 32);
  const auto media = outcome_json(request, outcome, 1).at("media");
  EXPECT_EQ(media.dump(), R"([{"tiles":[1,2],"crops":3,"tokens":96}])");
  const auto receipt = make_receipt(*session, session->config().generation, {&request, 1}, {&outcome, 1}, {});
  EXPECT_EQ(receipt["runs"][0]["media"], media);
  EXPECT_EQ(receipt["runs"][0]["prompt"], outcome.prompt);
}

TEST(Layout, RowsWithDifferentGridsGiveTheIdsThatTheyGiveAlone) {
  const auto session = open(kGrid);
  std::vector<Request> requests = {caption_of({picture(40, 90)}), caption_of({picture(80, 80)}),
                                   caption_of({picture(1, 1)}), caption_of({picture(10, 4096)}),
                                   caption_of({picture(4096, 10)})};
  for (const int64_t beams : {1, 3}) {
    CallOptions call;
    call.generation = session->config().generation;
    call.generation->num_beams = beams;
    const auto together = session->answer(requests, call);
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_EQ(together[i].error.value_or(""), "");
      const Outcome alone = open(kGrid)->answer(requests[i], call);
      EXPECT_EQ(together[i].result.hypotheses[0].ids, alone.result.hypotheses[0].ids) << i;
      EXPECT_EQ(together[i].prompt, alone.prompt) << i;
    }
    EXPECT_EQ(together[1].media[0].crops, 5);
    EXPECT_EQ(together[3].media[0].crops, 3);
  }
}

TEST(Layout, TheSamePictureIsCutAsAPictureAndWholeAsAFrame) {
  const auto session = open(kGrid);
  StageTimes times;
  CallOptions call;
  call.times = &times;
  PictureSource source{FLAM_SOURCE_DIR "/docs/images/scene.png"};
  const Request cut = caption_of({source}), video = caption_of({source, source}, Part::Kind::frames);
  const Outcome first = session->answer(cut, call);
  const Outcome frames = session->answer(video, call);
  EXPECT_EQ(first.media[0].crops, 5);
  EXPECT_EQ(frames.prompt, "<image>Output:");
  EXPECT_EQ(frames.media[0].frames, 2);
  EXPECT_EQ(frames.media[0].tokens, 32);
  const auto encoded = [&] {
    int64_t count = 0;
    for (const auto& entry : times.entries()) count += entry.stage == "vision";
    return count;
  };
  const int64_t before = encoded();
  EXPECT_EQ(session->answer(cut, call).result.hypotheses[0].ids, first.result.hypotheses[0].ids);
  EXPECT_EQ(session->answer(video, call).result.hypotheses[0].ids, frames.result.hypotheses[0].ids);
  EXPECT_EQ(encoded(), before);
}

TEST(Layout, FramesThatTheLayoutSeparates) {
  const std::vector<std::string> overrides =
      grid_with("model.media_layout.video={frame: ' {timestamp}', outro: '.', longest_edge: 80}");
  const auto session = open(overrides);
  const auto video = [](std::vector<PictureSource> frames, double fps) {
    Request request = caption_of(std::move(frames), Part::Kind::frames);
    for (size_t i = 0; i < request.parts[0].pictures.size(); ++i)
      request.parts[0].timestamps.push_back(static_cast<double>(i) / fps);
    return request;
  };
  const PictureSource one = picture(40, 90), other = picture(90, 40);
  Request two = video({one, other}, 0.5);  // a shot with a video, and a picture
  two.parts.push_back(text_part("a"));
  two.parts.push_back({Part::Kind::image, "", {one}});
  const std::vector<Request> requests = {video({one, other, one}, 1), two, caption_of({other}),
                                         video({other}, 1)};
  const auto together = session->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(together[i].error.value_or(""), "") << i;
    const Outcome alone = open(overrides)->answer(requests[i]);
    EXPECT_EQ(together[i].result.hypotheses[0].ids, alone.result.hypotheses[0].ids) << i;
    EXPECT_EQ(together[i].prompt, alone.prompt) << i;
  }
  const std::string crop = "<fake_token_around_image><global-img><image><fake_token_around_image>";
  EXPECT_EQ(together[0].prompt, " 00:00" + crop + " 00:01" + crop + " 00:02" + crop + ".Output:");
  EXPECT_EQ(together[0].media[0].frames, 3);
  EXPECT_EQ(together[0].media[0].tokens, 3 * together[3].media[0].tokens);
  EXPECT_THAT(together[1].prompt, testing::StartsWith(" 00:00" + crop + " 00:02" + crop + "."));
  EXPECT_EQ(together[1].media[1].crops, together[2].media[0].crops);
  const auto refused = session->answer(std::vector{requests[0], caption_of({one}, Part::Kind::frames)});
  EXPECT_EQ(refused[0].result.hypotheses[0].ids, together[0].result.hypotheses[0].ids);
  EXPECT_THAT(refused[1].error.value_or(""), HasSubstr("does not say that of its frames"));
}

TEST(Layout, EachCropIsEncodedAsTheLayoutCutsIt) {
  const c10::InferenceMode inference;
  const auto session = open(kGrid);
  const PictureSource source = picture(40, 90);
  const Prompt prompt{template_text("<image>a"), {{Part::Kind::image, "", {source}}}};
  const Prepared prepared = session->parts().prepare({&prompt, 1}, nullptr, /*with_pixels=*/true);
  const MediaLayout& layout = session->model().media_layout();
  const auto crops = layout.crops(*source.picture, layout.plan({40, 90}, true));
  ASSERT_EQ(prepared.index.sizes(), at::IntArrayRef({1, 3, 1}));
  for (int64_t i = 0; i < 3; ++i) {
    const at::Tensor pixels = session->transforms().apply(crops[static_cast<size_t>(i)]);
    EXPECT_TRUE(prepared.pixels[prepared.index[0][i][0].item<int64_t>()].equal(pixels)) << i;
  }
}

TEST(Layout, MaxTiles) {
  const Outcome outcome =
      open(grid_with("model.media_layout.max_tiles=1"))->answer(caption_of({picture(90, 90)}));
  EXPECT_EQ(outcome.prompt, kWhole + "Output:");
  EXPECT_THAT(error_of_opening({"model.media_layout.max_tiles=4"}),
              AllOf(HasSubstr("media_layout 'single'"), HasSubstr("max_tiles")));
}

TEST(Layout, APictureMayBeGivenAsFeaturesIfItIsNotCut) {
  const auto session = open(grid_with("model.media_layout.do_image_splitting=false"));
  PictureSource features;
  features.features = at::zeros({64, 128});
  EXPECT_EQ(session->answer(caption_of({features})).prompt, kWhole + "Output:");
  EXPECT_THAT(error_of([&] { open(kGrid)->answer(caption_of({features})); }),
              HasSubstr("given as features, but model.media_layout makes several crops"));
}

TEST(Layout, AssemblyRefusesWhatDoesNotMeet) {
  EXPECT_THAT(error_of_opening(grid_with("model.media_layout.tile_size=60")),
              AllOf(HasSubstr("60×60"), HasSubstr("vision_backbone 'clip_vit' takes 80×80"),
                    HasSubstr("model.media_layout")));
  EXPECT_THAT(
      error_of_opening({"model.media_layout={type: canvas}"}),
      AllOf(HasSubstr("media_layout 'canvas' has 4 tile slots"), HasSubstr("vision_backbone 'clip_vit'")));
  EXPECT_THAT(error_of_opening({"model.media_layout={type: gird}"}), HasSubstr("did you mean 'grid'"));
}

TEST(Layout, ABrokenContractNamesTheLayout) {
  for (const auto& [lie, what] :
       {std::pair("markers", "1 media markers"), std::pair("no_marker", "0 media")}) {
    const auto session = open({cat("model.media_layout={type: liar, lie: ", lie, "}")});
    EXPECT_THAT(error_of([&] { session->answer(caption_of({picture(20, 30)})); }),
                AllOf(HasSubstr("media_layout 'liar' gives a text from text()"), HasSubstr(what)));
  }
}

TEST(Layout, DescribeShowsIt) {
  const RunOptions options = options_with(kGrid);
  const auto registry = open_registry(options.plugin_path);
  const RunConfig config = RunConfig::load("flamingo_mini_caption", options.overrides, *registry);
  const Description description = describe(config, *registry, 32);
  EXPECT_EQ(description.layout.max_crops, 5);
  EXPECT_EQ(description.positions, 32 - 1 + 5 * 32);
  EXPECT_THAT(describe_text(description, false),
              AllOf(HasSubstr("media_layout 'grid'"), HasSubstr("1 to 5 crops"), HasSubstr("<row_2_col_2>")));
}

// Four tile slots of a picture reach the backbone together, and are one medium of 4·P tokens, as the cross-
// attention of Llama 3.2 Vision needs them.
TEST(TileSlots, AreEncodedTogetherAndAreOneMedium) {
  const c10::InferenceMode inference;
  const auto session =
      open({"model.vision_backbone={type: four_tiles}", "model.media_layout={type: canvas}",
            "model.resampler={type: mlp, depth: 1}",
            "transforms=[{type: normalize, mean: [127.5, 127.5, 127.5], std: [50, 50, 50]}]"});
  const Model& model = session->model();
  const std::vector<PictureSource> sources = {picture(28, 80), picture(30, 30), picture(112, 20)};
  std::vector<Prompt> prompts = {
      {template_text("<image>one<image>two"),
       {{Part::Kind::image, "", {sources[0]}}, {Part::Kind::image, "", {sources[1]}}}},
      {template_text("<image>a"), {{Part::Kind::image, "", {sources[2]}}}},
      {template_text("none"), {}}};
  Prepared prepared = session->parts().prepare(prompts, nullptr, /*with_pixels=*/true);
  session->parts().encode_media(prepared);
  const int64_t patches = model.resampler().shape().tokens;
  EXPECT_EQ(prepared.index.sizes(), at::IntArrayRef({3, 8, 1}));
  EXPECT_EQ(prepared.batch.media.sizes(),
            at::IntArrayRef({3, 2, 4 * patches, model.resampler().shape().width}));

  // The canvas of 28 × 80 pixels has 1 × 3 tiles, id 3.
  const at::Tensor slots = prepared.pixels.index_select(0, prepared.index[0].narrow(0, 0, 4).flatten());
  EXPECT_TRUE(slots[3].equal(at::zeros_like(slots[3])));
  EXPECT_FALSE(slots[2].equal(at::zeros_like(slots[2])));
  VisionInput input(slots);
  input.tile_mask = at::tensor({1, 1, 1, 0}, at::kLong).to(at::kBool).view({1, 4});
  input.aspect_ratio_ids = at::tensor({3}, at::kLong);
  const Features features = model.encode_images(input);
  const at::Tensor ours = prepared.features.index_select(0, prepared.index[0].narrow(0, 0, 4).flatten());
  EXPECT_TRUE(near(ours, features.tokens, 1e-6));
  const at::Tensor media = model.resample(features, at::arange(4, at::kLong).view({1, 4, 1}));
  EXPECT_TRUE(near(prepared.batch.media[0][0], media[0][0], 1e-6));
}

TEST(TileSlots, BatchesGiveTheIdsThatRowsGiveAlone) {
  const std::vector<std::string> overrides = {
      "model.vision_backbone={type: four_tiles}", "model.media_layout={type: canvas}",
      "model.resampler={type: mlp, depth: 1}",
      "transforms=[{type: normalize, mean: [127.5, 127.5, 127.5], std: [50, 50, 50]}]"};
  const auto session = open(overrides);
  const std::vector<Request> requests = {caption_of({picture(28, 80)}), caption_of({picture(56, 56)}),
                                         caption_of({picture(9, 9), picture(8, 30)}, Part::Kind::frames)};
  const auto together = session->answer(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(together[i].error.value_or(""), "") << i;
    EXPECT_EQ(together[i].result.hypotheses[0].ids,
              open(overrides)->answer(requests[i]).result.hypotheses[0].ids)
        << i;
  }
  EXPECT_EQ(together[1].media[0].rows, 2);
  EXPECT_EQ(together[1].media[0].columns, 2);
}

}  // namespace
}  // namespace flam
