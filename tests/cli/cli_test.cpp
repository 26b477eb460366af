// The command line as a user sees it: correct and wrong use, exit status and messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"
#include "tests/integration/golden_config.h"

namespace flam {
namespace {

using nlohmann::json;
using test::run_flam;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Cli : public testing::Test {
 protected:
  static std::string image(int number) {
    const auto folder = test::golden_root() / "v1_tiny" / "images";
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    return files.at(static_cast<size_t>(number));
  }
  std::string config(const std::string& name) {
    return test::write_golden_config(scratch_.path(), test::golden_root() / "v1_tiny", name).string();
  }
  test::Scratch scratch_;
};

TEST_F(Cli, DescribesTheReferenceModelWithoutItsFiles) {
  const auto ran = run_flam("describe flamingo_3rdparty-zeroshot_caption --json");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json description = json::parse(ran.out);
  EXPECT_EQ(description["parameters"], 8'220'452'880);
  const std::vector<int64_t> parts = {303'177'728, 63'019'008, 8 * 139'476'994LL, 6'738'440'192};
  for (size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(description["parts"][i]["parameters"], parts[i]);
}

TEST_F(Cli, CaptionsAPicture) {
  const auto ran = run_flam("infer " + config("caption_0shot") + " " + image(0) + " --json");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json answer = json::parse(ran.out);
  const json stored = json::parse(read_file(test::golden_root() / "v1_tiny" / "caption_0shot.json", 1 << 20));
  EXPECT_EQ(answer["pred_caption"], stored["beam3_length_penalty_minus2"]["answer"][0]);
  EXPECT_GT(answer["confidence"], 0);
  EXPECT_LE(answer["confidence"], 1);
}

TEST_F(Cli, AnswersWithShots) {
  const json stored = json::parse(read_file(test::golden_root() / "v1_tiny" / "vqa_2shot.json", 1 << 20));
  const auto folder = test::golden_root() / "v1_tiny";
  std::string shots;
  for (size_t i = 0; i < 2; ++i) {
    const json& shot = stored["shots"][0][i];
    shots += " --shot '" + (folder / stored["images"][0][i].get<std::string>()).string() + "=" +
             shot["question"].get<std::string>() + "=>" + shot["answer"].get<std::string>() + "'";
  }
  const std::string prompt = stored["prompts"][0];
  const auto from = prompt.rfind("Question:") + 9;
  const std::string question = prompt.substr(from, prompt.rfind(" Short Answer:") - from);
  const auto ran = run_flam("infer " + config("vqa_2shot") + " " +
                            (folder / stored["images"][0][2].get<std::string>()).string() + shots +
                            " --json --question '" + question + "'");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["pred_answer"], stored["beam3_length_penalty_minus2"]["answer"][0]);
}

TEST_F(Cli, ExplainsOneAnswer) {
  const auto page = scratch_.path() / "page.html", record = scratch_.path() / "attention.safetensors";
  const std::string call = "infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png ";
  const std::string both = "--explain " + page.string() + " --record " + record.string();
  const auto ran = run_flam(call + both);
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(read_file(page, 1 << 24), HasSubstr("without the last picture"));
  EXPECT_TRUE(std::filesystem::exists(record));

  std::filesystem::remove(page);
  const auto several = run_flam(call + image(0) + " " + both);
  EXPECT_EQ(several.status, 2);
  EXPECT_THAT(several.err, HasSubstr("needs exactly one answer; name one picture"));
  EXPECT_FALSE(std::filesystem::exists(page));
  const auto nowhere = run_flam(call + "--explain /no/such/folder/page.html");
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_EQ(nowhere.out, "");
  const auto onto_input = run_flam("infer flamingo_mini_caption " + image(0) + " --explain " + image(0));
  EXPECT_THAT(onto_input.err, HasSubstr("would overwrite an input"));
}

TEST_F(Cli, NoOutputReplacesAFileThatTheRunReads) {
  const auto configs = scratch_.path() / "configs";
  std::filesystem::copy(FLAM_SOURCE_DIR "/configs", configs, std::filesystem::copy_options::recursive);
  const auto mini = configs / "flamingo_mini";
  const std::string shot = (scratch_.path() / "shot.png").string();
  std::filesystem::copy_file(image(0), shot);
  const std::string call =
      "infer " + (mini / "flamingo_mini_caption.yaml").string() + " " + image(1) + " --shot " + shot + "=a ";
  for (const std::string& input :
       {(mini / "flamingo_mini.safetensors").string(), (mini / "tokenizer.model").string(),
        (configs / "_base_/models/flamingo_mini.yaml").string(), shot}) {
    for (const char* option : {"--receipt ", "--record ", "--explain "}) {
      const auto ran = run_flam(call + option + input);
      EXPECT_EQ(ran.status, 2) << option << input;
      EXPECT_EQ(ran.out, "");
      EXPECT_THAT(ran.err, HasSubstr("would overwrite an input of the run"));
    }
  }
  const std::string out = (scratch_.path() / "x").string();
  EXPECT_THAT(run_flam(call + "--record " + out + " --explain " + scratch_.path().string() + "/./x").err,
              HasSubstr("--explain and --record name the same file"));
  EXPECT_EQ(run_flam(call + "--record " + out).status, 0);
}

TEST_F(Cli, AnOutputFileReplacesStandardOutput) {
  const std::string file = (scratch_.path() / "out.csv").string();
  const std::string call =
      "infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png /no/such.png ";
  const auto ran = run_flam(call + "--output " + file);
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("error: "), HasSubstr("'" + file + "' is complete: 2 records; 2 took ")));
  const auto again = run_flam(call + "--output " + file);
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("2 records, 1 from before; 1 took "));

  const auto other = run_flam(call + "--output " + file + " --max-new-tokens 3");
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err,
              AllOf(HasSubstr(file + ":2: the answers come from another model"), HasSubstr("--overwrite")));
  EXPECT_EQ(run_flam(call + "--output " + file + " --json").status, 2);
  EXPECT_EQ(run_flam(call + "--overwrite").status, 2);
  const auto input = run_flam("infer flamingo_mini_caption --request " + file + " --output " + file);
  EXPECT_EQ(input.status, 2);
  EXPECT_THAT(input.err, HasSubstr("would overwrite an input of the run"));
}

TEST_F(Cli, ExplainRefusesARankingModel) {
  const auto page = scratch_.path() / "page.html";
  const auto ran =
      run_flam("infer flamingo_mini_ranking " + image(0) +
               " --question 'is there a star?' --candidate yes --candidate no --explain " + page.string());
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("chooses among candidates"));
  EXPECT_FALSE(std::filesystem::exists(page));
}

TEST_F(Cli, ARankingModelRefusesOptionsForGeneratedText) {
  for (const std::string option :
       {"--n-best 2 --num-beams 3", "--n-best 2", "--num-beams 3", "--max-new-tokens 3"}) {
    const auto ran = run_flam("infer flamingo_mini_ranking " FLAM_SOURCE_DIR
                              "/docs/images/scene.png --question 'is there a star?' --candidate yes "
                              "--candidate no " +
                              option);
    EXPECT_EQ(ran.status, 2);
    EXPECT_THAT(ran.err, HasSubstr(" applies to models that generate answers"));
  }
  const auto set = run_flam("infer flamingo_mini_ranking " FLAM_SOURCE_DIR
                            "/docs/images/scene.png --question 'is there a star?' --candidate yes "
                            "--candidate no --set generation.num_beams=3 --set generation.n_best=2");
  EXPECT_EQ(set.status, 0) << set.err;
  EXPECT_EQ(set.out, "yes\n");
}

TEST_F(Cli, CudaGraphsAreAChoice) {
  const std::string scene =
      "infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png --cuda-graph";
  EXPECT_EQ(run_flam(scene + "=auto").status, 0);  // without CUDA there are none
  EXPECT_EQ(run_flam(scene + "=off").status, 0);
  for (const char* on : {"", "=on"})
    EXPECT_THAT(run_flam(scene + on).err, HasSubstr("CUDA graphs need a CUDA device")) << on;
  const auto wrong = run_flam(scene + "=always");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("always not in {auto,off,on}"));
}

TEST_F(Cli, ABrokenPictureDoesNotStopTheOthers) {
  const auto broken = scratch_.path() / "broken.png";
  write_file(broken, "not a picture");
  const std::string call = "infer " + config("caption_0shot") + " --json --batch-size 3 ";
  const auto alone = run_flam(call + image(0));
  const auto ran = run_flam(call + image(0) + " " + broken.string());
  EXPECT_EQ(ran.status, 1);
  std::istringstream lines(ran.out);
  std::string first, second;
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(first + "\n", alone.out);
  EXPECT_THAT(second, HasSubstr("\"error\""));
  EXPECT_THAT(second, HasSubstr("broken.png"));
}

TEST_F(Cli, TakesAPictureFromStandardInputAndRequestsFromAFile) {
  const std::string expected = run_flam("infer " + config("caption_0shot") + " " + image(0)).out;
  const auto piped = run_flam("infer " + config("caption_0shot") + " -", "cat " + image(0) + " | ");
  EXPECT_EQ(piped.status, 0) << piped.err;
  EXPECT_EQ(piped.out, expected);
  const auto requests = scratch_.path() / "requests.jsonl";
  const std::string good = json{{"parts", {{{"image", image(0)}}}}}.dump();
  write_file(requests, good + "\n{\"parts\": [{\"imag\": 1}]}\n" + good + "\n");
  const auto ran = run_flam("infer " + config("caption_0shot") + " --json --request " + requests.string());
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3);
  EXPECT_THAT(ran.out, HasSubstr("requests.jsonl:2: not a request"));
}

TEST_F(Cli, ErrorsInARequestNameTheMistake) {
  const auto requests = scratch_.path() / "requests.jsonl";
  const auto answer_to = [&](const std::string& line) {
    write_file(requests, line + "\n");
    const auto ran = run_flam("infer " + config("caption_0shot") + " --json --request " + requests.string());
    EXPECT_EQ(ran.status, 2) << line;
    return ran.out;
  };
  const std::string picture = "{\"image\": \"" + image(0) + "\"}";
  EXPECT_THAT(answer_to("{\"parts\": [" + picture + "], \"part\": []}"), HasSubstr("unknown key 'part'"));
  EXPECT_THAT(answer_to("{\"parts\": [], \"parts\": [" + picture + "]}"), HasSubstr("'parts' occurs twice"));
  EXPECT_THAT(answer_to("{\"parts\": [{\"image\": \"a\\u0000b\"}]}"), HasSubstr("must be a path"));
  EXPECT_THAT(answer_to("{\"parts\": ["), HasSubstr("requests.jsonl:1:12: not JSON"));
}

TEST_F(Cli, AReceiptNeverReplacesAnInput) {
  const auto picture = scratch_.path() / "picture.png";
  std::filesystem::copy_file(image(0), picture);
  const std::string before = read_file(picture, 1 << 24);
  const auto ran = run_flam("infer " + config("caption_0shot") + " " + picture.string() + " --receipt " +
                            picture.string());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("would overwrite an input"));
  EXPECT_EQ(read_file(picture, 1 << 24), before);
}

TEST_F(Cli, AReceiptNeverReplacesWeightsInAFolder) {
  const auto folder = scratch_.path() / "weights";
  std::filesystem::create_directory(folder);
  std::filesystem::copy(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors",
                        folder / "model.safetensors");
  const auto ran =
      run_flam("infer flamingo_mini_caption " FLAM_SOURCE_DIR "/docs/images/scene.png --weights " +
               folder.string() + " --receipt " + (folder / "model.safetensors").string());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("would overwrite an input of the run"));
  EXPECT_EQ(std::filesystem::file_size(folder / "model.safetensors"),
            std::filesystem::file_size(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors"));
}

TEST_F(Cli, InvalidRequestLinesDoNotStopTheOthers) {
  const auto requests = scratch_.path() / "requests.jsonl";
  const std::string good = json{{"parts", {{{"image", image(0)}}}}}.dump() + "\n";
  std::string deep = "{\"parts\":[{\"text\":";
  deep += std::string(300000, '[') + std::string(300000, ']') + "}]}\n";
  write_file(requests, good + "{\"parts\":[{\"text\":1e999}]}\n" + deep + good);
  const auto ran = run_flam("infer " + config("caption_0shot") + " --json --request " + requests.string());
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 4);
  EXPECT_THAT(ran.out, HasSubstr("nested too deeply"));
}

TEST_F(Cli, TextModeAlsoNamesTheLine) {
  const auto requests = scratch_.path() / "requests.jsonl";
  write_file(requests, "{\"parts\":[{\"image\":\"nope\"}]}\n");
  const auto ran = run_flam("infer " + config("caption_0shot") + " --request " + requests.string());
  EXPECT_THAT(ran.err, HasSubstr("requests.jsonl:1: "));
}

TEST_F(Cli, JsonIsSafeForATerminal) {
  const auto odd = scratch_.path() /
                   "a\x7f"
                   "b\xc2\x9b"
                   "c.png";  // DEL, and the C1 character CSI
  std::filesystem::copy_file(image(0), odd);
  const auto ran = run_flam("infer " + config("caption_0shot") + " --json '" + odd.string() + "'");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("a\\u007fb\\u009bc.png"));
}

TEST_F(Cli, NamesAndValuesOfAConfigAreSafeForATerminal) {
  const auto odd = scratch_.path() / "odd.yaml", plain = scratch_.path() / "plain.yaml";
  const std::string base = "_base_: " FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini_caption.yaml\n";
  write_file(odd, base + "meta: {\"\\e]0;p\": b, a: \"\\x7f\\x9b31m\"}\n");
  write_file(plain, base);
  for (const auto& ran :
       {run_flam("inspect " + odd.string()), run_flam("diff " + plain.string() + " " + odd.string())}) {
    EXPECT_THAT(ran.out,
                AllOf(HasSubstr("\\u007f\\u009b31m"), Not(HasSubstr("\x1b")), Not(HasSubstr("\x7f"))));
  }
}

TEST_F(Cli, AFolderWithoutPicturesFailsAlone) {
  const auto empty = scratch_.path() / "empty";
  std::filesystem::create_directory(empty);
  const auto ran =
      run_flam("infer " + config("caption_0shot") + " --json " + image(0) + " " + empty.string());
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2);
}

TEST_F(Cli, PathsGivenWithSetAreRelativeToTheCurrentFolder) {
  const auto ran = run_flam("config flamingo_mini_caption --set weights.root=sub/dir");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("root: " + (std::filesystem::current_path() / "sub/dir").string()));
}

TEST_F(Cli, AConfigWithoutTaskHeadIsAnError) {
  const auto ran = run_flam("infer " + config("caption_0shot") + " " + image(0) + " --set task_head=null");
  EXPECT_EQ(ran.status, 2);
}

TEST_F(Cli, AnEmptyConfigIsAnError) {
  const auto empty = scratch_.path() / "empty.yaml";
  write_file(empty, "");
  const auto ran = run_flam("describe " + empty.string());
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("empty.yaml"));
}

TEST_F(Cli, WritesAReceipt) {
  const auto receipt = scratch_.path() / "receipt.json";
  const auto ran =
      run_flam("infer " + config("caption_0shot") + " " + image(0) + " --receipt " + receipt.string());
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json written = json::parse(read_file(receipt, 1 << 24));
  for (const char* stage : {"decode", "transform", "vision", "resampler", "prefill", "step"}) {
    EXPECT_TRUE(written["milliseconds"].contains(stage)) << stage;
  }
  EXPECT_EQ(written["weights"].size(), 5u);  // ViT, two shards, adapter, output matrix
  EXPECT_EQ(written["weights"][0]["sha256"].get<std::string>().size(), 64u);
}

TEST_F(Cli, APictureThatCannotBeTransformedFailsAlone) {
  const auto wide = scratch_.path() / "wide.pgm";
  write_file(wide, "P5 60000 1 255\n" + std::string(60000, 'x'));
  const auto ran = run_flam("infer " + config("caption_0shot") + " --json --batch-size 3 " + image(0) + " " +
                            wide.string() + " " + image(1));
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3);
  EXPECT_THAT(ran.out, HasSubstr("wide.pgm: transform 'resize_edge': a picture of 60000"));
}

TEST_F(Cli, OutputThatCannotBeWrittenIsAnError) {
  const auto full = run_flam("list > /dev/full");
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.err, HasSubstr("standard output"));
  const auto receipt = run_flam("infer " + config("caption_0shot") + " " + image(0) + " --receipt /dev/full");
  EXPECT_EQ(receipt.status, 2);
  EXPECT_EQ(receipt.out, "");
}

TEST_F(Cli, NamesOfASkeletonAreSafeForATerminalAndAShell) {
  const auto folder = scratch_.path() / "it's \x1b[31m here";
  const auto ran = run_flam("new-plugin resampler odd_folder \"" + folder.string() + "\"");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("cmake -S '"), HasSubstr("it'\\''s \\x1b[31m here'")));
}

TEST_F(Cli, ASkeletonIsBuiltWithThePrefixThatTheProgramKnows) {
  const auto made = [&](const std::string& name, const std::string& before) {
    return run_flam("new-plugin resampler " + name + " " + (scratch_.path() / name).string(), before);
  };
  EXPECT_THAT(made("unknown", "").err, HasSubstr("-DCMAKE_PREFIX_PATH=PREFIX "));
  const auto prefix = scratch_.path() / "prefix", templates = prefix / "share/flamboyance/templates";
  std::filesystem::create_directories(prefix / "share/flamboyance");
  std::filesystem::create_directories(prefix / "lib/cmake/flamboyance");
  std::filesystem::create_symlink(FLAM_SOURCE_DIR "/tools/templates", templates);
  std::ofstream(prefix / "lib/cmake/flamboyance/flamboyanceConfig.cmake") << "\n";
  const auto known = made("known", "FLAM_TEMPLATES_DIR=" + templates.string() + " ");
  EXPECT_EQ(known.status, 0) << known.err;
  EXPECT_THAT(known.err, HasSubstr("-DCMAKE_PREFIX_PATH=" + prefix.string() + " "));
}

TEST_F(Cli, NBestComesBestFirst) {
  const auto ran = run_flam("infer " + config("caption_0shot") + " " + image(0) + " --json --n-best 3");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json best = json::parse(ran.out)["n_best"];
  ASSERT_EQ(best.size(), 3u);
  EXPECT_GE(best[0]["score"], best[1]["score"]);
  EXPECT_GE(best[1]["score"], best[2]["score"]);
}

TEST_F(Cli, ResolvedConfigsReloadIdentically) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(FLAM_SOURCE_DIR) / "configs")) {
    const std::string path = entry.path().string();
    if (entry.path().extension() != ".yaml" || path.find("/_base_/") != std::string::npos ||
        path.find("/experiments/") != std::string::npos)
      continue;
    SCOPED_TRACE(entry.path());
    const auto printed = run_flam("config " + entry.path().string());
    ASSERT_EQ(printed.status, 0) << printed.err;
    const auto copy = scratch_.path() / "copy.yaml";
    write_file(copy, printed.out);
    const auto again = run_flam("config " + copy.string());
    ASSERT_EQ(again.status, 0) << again.err;
    const auto without_comments = [](const std::string& text) {
      std::istringstream lines(text);
      std::string out;
      for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find("  # ")) + "\n";
      return out;
    };
    EXPECT_EQ(without_comments(again.out), without_comments(printed.out));
  }
}

}  // namespace
}  // namespace flam
