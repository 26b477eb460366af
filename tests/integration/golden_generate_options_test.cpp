// Ids under many generation options: FLAM_GOLDEN_DIR/v1_tiny/generate_options.json, made by mmpretrain.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/config/config.h"
#include "framework/session/session_parts.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

Json read_json(const Path& file) {
  return Json::parse(read_file(file, 64 << 20));
}

/// The prompts of a stored case, with their pictures.
std::vector<Prompt> prompts_of(const Path& folder, const std::string& name) {
  const Json stored = read_json(folder / (name + ".json"));
  std::vector<Prompt> prompts;
  for (size_t r = 0; r < stored["prompts"].size(); ++r) {
    Prompt& prompt = prompts.emplace_back();
    prompt.text = template_text(stored["prompts"][r]);
    const Json& images = stored["images"][r];
    for (const Json& image : images.is_array() ? images : Json::array({images})) {
      prompt.media.push_back({Part::Kind::image,
                              "",
                              {PictureSource{(folder / image.get<std::string>()).string(), nullptr, {}}}});
    }
  }
  return prompts;
}

/// The config's generation with the options of one run, named as in Hugging Face.
GenerationParams params_of(GenerationParams params, const Json& run) {
  Json options = run;
  options.erase("ids");
  if (options.contains("num_return_sequences")) options["n_best"] = options["num_return_sequences"];
  options.erase("num_return_sequences");
  ErrorList errors;
  read_params(ParamsRef(params), parse_yaml(options.dump(), "generate_options.json"), "generation", {},
              errors);
  errors.throw_if_any();
  return params;
}

TEST(GoldenGenerateOptions, IdsAreTheReferences) {
  const Path folder = test::golden_root() / "v1_tiny";
  const Json stored = read_json(folder / "generate_options.json");
  const std::string name = stored["case"];
  const test::Scratch scratch;
  const auto session =
      Session::open(test::write_golden_config(scratch.path(), folder, name).string(), test::on_device());
  Prepared prepared = session->parts().prepare(prompts_of(folder, name));
  session->parts().encode_media(prepared);

  ASSERT_FALSE(stored["runs"].empty());
  for (const Json& run : stored["runs"]) {
    SCOPED_TRACE(run.dump());
    size_t i = 0;
    for (const Result& result :
         session->parts().generate(prepared, params_of(session->config().generation, run))) {
      for (const Hypothesis& h : result.hypotheses) {
        auto ids = h.ids;
        const std::vector<int64_t> expected = run["ids"].at(i++);
        ids.resize(std::max(ids.size(), expected.size()), session->config().generation.pad_token_id);
        EXPECT_EQ(ids, expected);
      }
    }
    EXPECT_EQ(i, run["ids"].size());
  }
}

}  // namespace
}  // namespace flam
