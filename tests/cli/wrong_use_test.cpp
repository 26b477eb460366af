// Command lines that are refused with one message, status 2 and nothing on standard output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/run_flam.h"

namespace flam {
namespace {

using test::run_flam;
using testing::HasSubstr;

#define SCENE FLAM_SOURCE_DIR "/docs/images/scene.png"

const std::string kDeep = [] {
  std::string out;
  for (int i = 0; i < 12000; ++i) out += ".a";
  return out;
}();

struct Wrong {
  std::string arguments;
  const char* message;
};

class WrongUse : public testing::TestWithParam<Wrong> {};

TEST_P(WrongUse, IsRejectedWithOneMessageAndStatusTwo) {
  const auto ran = run_flam(GetParam().arguments);
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr(GetParam().message));
  EXPECT_EQ(ran.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Cli, WrongUse,
    testing::Values(
        Wrong{"", "subcommand"}, Wrong{"infr", "did you mean 'infer'"}, Wrong{"infer", "CONFIG"},
        Wrong{"infer flamingo_mdi " SCENE, "did you mean 'flamingo_mid'"},
        Wrong{"infer flamingo_mid --weights random", "no picture given"},
        Wrong{"infer flamingo_mid " SCENE " --weights random --set model.resampler.num_latent=3",
              "resampler 'perceiver' has no parameter 'num_latent'; did you mean 'num_latents'?"},
        Wrong{"infer flamingo_mid " SCENE " --set model.resampler.num_latents=zero", "num_latents"},
        Wrong{"infer flamingo_mid " SCENE " --max-tiles 4",
              "media_layout 'single' of this model does not cut pictures into tiles"},
        Wrong{"infer flamingo_mid " SCENE " --device tpu --weights random", "unknown device"},
        Wrong{"describe flamingo_mid --set model.vision_backbone.type=clip_vti", "did you mean 'clip_vit'"},
        Wrong{"inspect perciever", "did you mean 'perceiver'"},
        Wrong{"list adaptr", "did you mean 'adapter'"},
        Wrong{"infer flamingo_mid " SCENE " --seed -1", "seed"},
        Wrong{"config /no/such/config.yaml", "/no/such/config.yaml"},
        Wrong{"infer flamingo_mid " SCENE " --weights ''", "--weights: is empty"},
        Wrong{"infer flamingo_mid " SCENE " --receipt ''", "--receipt: is empty"},
        Wrong{"infer flamingo_mid " SCENE " --weights random --set generation.n_best=2",
              "n_best is 2, but a search with num_beams 1 finds at most 1 sequences"},
        Wrong{"describe flamingo_mid --set generation.length_penalty=-.inf", "but must be"},
        Wrong{"describe flamingo_mid --set model.language_decoder.num_layers=1000000000", "num_layers"},
        Wrong{"describe flamingo_mid --set meta" + kDeep + "=1", "the name has more than 64 parts"},
        Wrong{"describe flamingo_mid --set model.resampler.ff_mult=144115188075855873",
              "but must be between"},
        Wrong{"describe flamingo_mid --set model.adapter.dim_head=4611686018427387936",
              "but must be between"},
        Wrong{"infer flamingo_mid " SCENE " --num-beams 010", "expected a decimal number, found '010'"},
        Wrong{"infer flamingo_mid " SCENE " --num-beams +010", "expected a decimal number, found '+010'"},
        Wrong{"verify flamingo_mid x --tolerance nan", "expected a decimal number, found 'nan'"},
        Wrong{"infer flamingo_mini_vqa " SCENE " --question $(printf '\\377')",
              "--question '\\xff': not UTF-8"},
        Wrong{"infer flamingo_mini_caption " SCENE " --shot x.png", "has no '='"},
        Wrong{"describe flamingo_mid --prompt-tokens 1000000",
              "a prompt of 1000000 tokens can't be described"},
        Wrong{"inspect perceiver --set a=1", "--set changes a value of a config, and 'perceiver' is none"},
        Wrong{"inspect resampler --markdown", "'resampler' is a kind"}, Wrong{"bench", "CONFIG is required"},
        Wrong{"bench flamingo_mid --images -1", "--images"},
        Wrong{"bench flamingo_mid --new-tokens 0", "--new-tokens"},
        Wrong{"bench flamingo_mid --repeat 0", "--repeat"},
        Wrong{"bench flamingo_mid --images 40", "give more tokens or fewer pictures"},
        Wrong{"bench flamingo_mid --prompt-tokens 2048", "the context of language_decoder 'llama' has 2048"},
        Wrong{"bench flamingo_mid --weights random --compare " FLAM_SOURCE_DIR "/CMakePresets.json",
              "is not what `flam bench --json` prints: schema must be a value"},
        Wrong{"bench flamingo_mid --weights random --dtype int8", "unknown dtype"},
        Wrong{"completion bash zsh", "what is 'zsh'?"}, Wrong{"list ''", "KIND: is empty"},
        Wrong{"compare flamingo_mini_caption", "no experiment named 'flamingo_mini_caption'"},
        Wrong{"train flamingo_mid", "no `train` map"},
        Wrong{"features flamingo_mini_caption " SCENE, "--output is required"},
        Wrong{"features flamingo_mini_caption --output x.safetensors", "IMAGE is required"},
        Wrong{"features flamingo_mini_caption /no/such.png --output x.safetensors",
              "no picture file '/no/such.png'"},
        Wrong{"infer flamingo_mini_caption /no/such.png", "no picture file '/no/such.png'"},
        Wrong{"infer flamingo_mini_caption --request /no/such.jsonl",
              "--request '/no/such.jsonl': no such file"},
        Wrong{"infer smolvlm_256m_instruct " SCENE,
              "use --set weights.root=DIR to name the folder with the model's weights and tokenizer"},
        Wrong{"infer smolvlm_256m_instruct " SCENE " --weights " SCENE, "no tokenizer file '"},
        Wrong{"infer flamingo_mini_caption " SCENE " --weights " SCENE " --set weights.root=/nowhere",
              "which is 'tokenizer.model' below weights.root, '/nowhere'; use --set weights.root=DIR"},
        Wrong{"features flamingo_mini_caption " SCENE " --output x.safetensors --dtype int8", "float16"},
        Wrong{"convert flamingo_mini_caption", "OUTPUT is required"},
        Wrong{"convert flamingo_mini_caption /no/such/folder/x.safetensors",
              "cannot write '/no/such/folder/x.safetensors'"},
        Wrong{"new-plugin resampler perceiver", "there is a resampler 'perceiver' already, in "},
        Wrong{"verify flamingo_mid /no/such.safetensors --weights random", "/no/such"}));

// The weights are missing, too, so these errors are found before they are looked for.
#define NO_WEIGHTS " --set weights.root=/nowhere "

INSTANTIATE_TEST_SUITE_P(
    BeforeLoading, WrongUse,
    testing::Values(
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--num-beams 2 --n-best 3",
              "n_best is 3, but a search with num_beams 2 finds at most 2 sequences"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS
              "--max-new-tokens 2 --set generation.min_new_tokens=5",
              "min_new_tokens 5 is above max_new_tokens 2"},
        Wrong{"infer flamingo_mini_ranking " SCENE NO_WEIGHTS "--n-best 2",
              "--n-best applies to models that generate answers"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--receipt /no/such/x.json",
              "cannot write '/no/such/x.json': No such file or directory"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--receipt " SCENE,
              "would overwrite an input of the run"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--receipt " FLAM_SOURCE_DIR "/README.md",
              "/README.md', which is not a receipt of Flamboyance"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--explain " FLAM_SOURCE_DIR "/README.md",
              "/README.md', which is not an HTML page"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--shot /no/such.png=a", "/no/such.png"},
        Wrong{"infer flamingo_mini_caption " SCENE NO_WEIGHTS "--shot " SCENE
              "=a --save-context /no/such/x.safetensors",
              "cannot write '/no/such/x.safetensors'"},
        Wrong{"chat flamingo_mini_caption" NO_WEIGHTS, "takes no conversations"},
        Wrong{"chat smolvlm_256m_instruct --max-new-tokens 2 --set generation.min_new_tokens=5" NO_WEIGHTS,
              "min_new_tokens 5 is above max_new_tokens 2"},
        Wrong{"bench flamingo_mini_caption --shots 2 --set generation.num_beams=3 "
              "--set generation.n_best=2" NO_WEIGHTS,
              "n_best is 2, but a search with num_beams 1"},
        Wrong{"bench flamingo_mini_caption --trace /no/such/x.json" NO_WEIGHTS,
              "cannot write '/no/such/x.json'"},
        Wrong{"evaluate flamingo_mini_vqa --output " SCENE NO_WEIGHTS, "scene.png': it is a file"},
        Wrong{"evaluate flamingo_mini_vqa --output " SCENE "/x/y" NO_WEIGHTS,
              "scene.png/x': Not a directory"},
        Wrong{"evaluate flamingo_mini_vqa --shots 2" NO_WEIGHTS, "names no `shots` to take examples from"},
        Wrong{"evaluate flamingo_mini_vqa --set metrics=[]" NO_WEIGHTS, "names no `metrics`"}));

}  // namespace
}  // namespace flam
