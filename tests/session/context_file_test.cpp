// Contexts in files: the same answers, and one error for every file that is not of this model.
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "framework/session/session.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/requests.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kScene = FLAM_SOURCE_DIR "/docs/images/scene.png";
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;
using Metadata = std::map<std::string, std::string>;

std::shared_ptr<Session> open(std::vector<std::string> overrides = {}, const std::string& dtype = "auto",
                              const std::string& config = "flamingo_mini_caption") {
  RunOptions options = test::on_device();
  options.threads = 1;  // the models are small
  options.overrides = std::move(overrides);
  options.dtype = dtype;
  return Session::open(config, options);
}

std::shared_ptr<Session> open_random(const std::string& adapter, uint64_t seed = 0) {
  RunOptions options = test::on_device();
  options.threads = 1;  // the models are small
  options.overrides = {"model.adapter=" + adapter};
  options.weights = "random";
  options.weights_seed = seed;
  return Session::open("flamingo_mini_caption", options);
}

class ContextFile : public testing::Test {
 protected:
  ContextFile() {
    std::filesystem::copy_file(kScene, picture_);
    shots_.parts = {image_part(picture_.string()), text_part("a red circle."), image_part(kScene),
                    text_part("two <image> squares")};
  }
  std::filesystem::path save(const Session& session) const {
    session.context(shots_)->save(file_);
    return file_;
  }
  std::string refusal(const Session& session) const {
    return error_of([&] { session.load_context(file_); });
  }

  test::Scratch scratch_;
  std::filesystem::path file_ = scratch_ / "context.safetensors", picture_ = scratch_ / "shot.png";
  Request shots_;
};

TEST_F(ContextFile, GivesTheSameAnswers) {
  for (const auto& session : {open(), open({"model.adapter.text_sees=next"}), open({}, "bfloat16"),
                              open_random("{type: prefix}")}) {
    save(*session);
    const auto made = session->context(shots_), loaded = session->load_context(file_);
    EXPECT_EQ(loaded->text(), made->text());
    EXPECT_EQ(loaded->kept_tokens(), made->kept_tokens());
    for (const bool sample : {false, true}) {
      CallOptions call;
      call.generation = session->config().generation;
      call.generation->max_new_tokens = 10;
      call.generation->do_sample = sample;
      call.context = made;
      const Outcome expected = session->answer(made->request(picture_request(kScene)), call);
      call.context = loaded;
      const Outcome outcome = session->answer(loaded->request(picture_request(kScene)), call);
      EXPECT_EQ(outcome.result.hypotheses.front().ids, expected.result.hypotheses.front().ids);
      EXPECT_EQ(outcome.result.hypotheses.front().logprob, expected.result.hypotheses.front().logprob);
      EXPECT_EQ(outcome.answer, expected.answer);
      EXPECT_EQ(outcome.prompt, expected.prompt);
    }
  }
}

TEST_F(ContextFile, NeedsNoPicturesOfItsShots) {
  const auto session = open();
  save(*session);
  std::filesystem::remove(picture_);
  CallOptions call;
  call.context = session->load_context(file_);
  EXPECT_FALSE(session->answer(call.context->request(picture_request(kScene)), call).answer.empty());
}

TEST_F(ContextFile, NamesAbsolutePaths) {
  const auto session = open();
  shots_.parts[0] = image_part(std::filesystem::relative(picture_).string());
  save(*session);
  EXPECT_EQ(session->load_context(file_)->shots().parts[0].pictures[0].path,
            std::filesystem::absolute(std::filesystem::relative(picture_)).string());
}

TEST_F(ContextFile, IsRefusedByAnotherModelDtypeOrPrompt) {
  save(*open());
  EXPECT_THAT(refusal(*open({"model.adapter.text_sees=next"})), HasSubstr("made with another model"));
  EXPECT_THAT(
      refusal(*open({"transforms=[{type: resize, size: 80}, {type: normalize, mean: [1, 1, 1], std: [1, 1, "
                     "1]}]"})),
      HasSubstr("made with another model"));
  EXPECT_THAT(refusal(*open({}, "bfloat16")), AllOf(HasSubstr("float32"), HasSubstr("bfloat16")));
  EXPECT_THAT(refusal(*open({"task_head.shot_prompt='<image>{caption}<|endofchunk|>'"})),
              HasSubstr("another prompt"));
  const auto one = open_random("{type: gated_cross_attention}", 1);
  save(*one);
  EXPECT_THAT(refusal(*open_random("{type: gated_cross_attention}", 2)),
              HasSubstr("made with another model"));
  EXPECT_EQ(refusal(*open_random("{type: gated_cross_attention}", 1)), "");
}

TEST_F(ContextFile, ThatIsDamagedIsAnError) {
  const auto session = open();
  save(*session);
  const std::string bytes = read_file(file_, 1 << 26);
  for (const size_t length : {size_t{0}, size_t{7}, size_t{100}, bytes.size() / 2, bytes.size() - 1}) {
    write_file(file_, bytes.substr(0, length));
    EXPECT_THAT(refusal(*session), HasSubstr("context.safetensors")) << length;
  }
  EXPECT_THAT(error_of([&] { session->load_context(scratch_ / "none"); }), HasSubstr("none"));
  EXPECT_THAT(error_of([&] {
                session->load_context(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors");
              }),
              HasSubstr("flamboyance.context.1"));
}

// Everything that is wrong in a file whose format is valid is found before anything is computed from it.
TEST_F(ContextFile, WithOtherContentsIsAnError) {
  const auto session = open();
  save(*session);
  const auto stored = open_checkpoint(file_);
  Tensors tensors;
  for (const std::string& name : stored->names()) tensors.emplace_back(name, stored->tensor(name).clone());
  const Metadata metadata = stored->metadata();
  const auto with = [&](const std::function<void(Tensors&, Metadata&)>& change) {
    Tensors changed = tensors;
    Metadata said = metadata;
    change(changed, said);
    write_safetensors(file_, changed, said);
    return refusal(*session);
  };
  const auto tensor = [&](const char* name, const at::Tensor& value) {
    return with([&](Tensors& changed, Metadata&) {
      for (auto& [key, of] : changed) {
        if (key == name) of = value;
      }
    });
  };
  const auto said = [&](const char* key, const std::string& value) {
    return with([&](Tensors&, Metadata& changed) { changed[key] = value; });
  };
  EXPECT_EQ(with([](Tensors&, Metadata&) {}), "");
  for (const auto& [name, value] : tensors) {
    EXPECT_THAT(with([&](Tensors& changed, Metadata&) {
                  std::erase_if(changed, [&](const auto& each) { return each.first == name; });
                }),
                HasSubstr("context.safetensors"))
        << name;
    EXPECT_NE(tensor(name.c_str(), at::zeros({1, 2}, value.options())), "") << name;
    EXPECT_NE(tensor(name.c_str(), at::zeros({0}, value.options())), "") << name;
    EXPECT_NE(tensor(name.c_str(), value.to(at::kHalf)), "") << name;
    EXPECT_NE(tensor(name.c_str(), value.flatten()) + (name == "ids" ? "ids are flat" : ""), "") << name;
  }
  const at::Tensor ids = stored->tensor("ids");
  EXPECT_THAT(tensor("ids", ids + 1), HasSubstr("its tokens"));
  EXPECT_THAT(tensor("ids", ids.narrow(0, 0, 3).clone()), HasSubstr("its tokens"));
  EXPECT_THAT(tensor("ids", at::full_like(ids, INT64_MIN)), HasSubstr("its tokens"));
  EXPECT_THAT(tensor("media_locations", at::full_like(stored->tensor("media_locations"), 7)),
              HasSubstr("media_locations"));
  for (const auto& [key, value] : metadata) {
    EXPECT_NE(with([&](Tensors&, Metadata& changed) { changed.erase(key); }), "") << key;
    EXPECT_NE(said(key.c_str(), ""), "") << key;
    EXPECT_NE(said(key.c_str(), "[[[[{"), "") << key;
  }
  EXPECT_THAT(said("format", "flamboyance.context.2"), HasSubstr("flamboyance.context.1"));
  for (const char* sizes : {"[]", "[[1,2]]", "[[0,1],[1,1]]", "[[1,1],[1,99999999999]]", "[[1,1],[1,1.5]]",
                            "[[80,80],[80,80],[80,80]]", "{}"})
    EXPECT_THAT(said("sizes", sizes), HasSubstr("sizes")) << sizes;
  EXPECT_THAT(said("contents", "[1]"), HasSubstr("contents"));
  EXPECT_NE(said("shots", R"({"parts": [{"image": "x.png"}]})"), "");
  EXPECT_NE(said("shots", R"({"messages": [{"role": "user", "content": "x"}]})"), "");
  EXPECT_NE(said("shots", R"({"parts": []})"), "");
}

TEST_F(ContextFile, IsCompleteOrAbsent) {
  const auto session = open();
  EXPECT_NE(error_of([&] { session->context(shots_)->save(scratch_ / "no" / "such" / "folder"); }), "");
  std::filesystem::create_directory(scratch_ / "folder");
  EXPECT_NE(error_of([&] { session->context(shots_)->save(scratch_ / "folder"); }), "");
  save(*session);
  save(*session);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(scratch_.path())) ++files;
  EXPECT_EQ(files, 3);  // the picture, the folder, the context
}

}  // namespace
}  // namespace flam
