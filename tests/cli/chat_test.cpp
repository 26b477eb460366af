// `flam chat` and `flam import` as a user runs them, with a pipe for a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/run_flam.h"
#include "tests/integration/golden_config.h"

namespace flam {
namespace {

using test::Ran;
using test::run_flam;
using testing::HasSubstr;

std::string model() {
  return (test::golden_root() / "llava_tiny" / "model").string();
}
std::string picture() {
  return (test::golden_root() / "llava_tiny" / "images" / "img0_61x44.png").string();
}

Ran chat(const std::string& lines) {
  return run_flam("chat " + model() + " --max-new-tokens 4", "printf '" + lines + "' | ");
}

TEST(Chat, AnswersEachLine) {
  const Ran ran =
      chat("/image " + picture() + "\\nWhat is it?\\nSure?\\n/reset\\nHello.\\n/quit\\nnot read\\n");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_GE(std::count(ran.out.begin(), ran.out.end(), '\n'), 3);
  const Ran alone = chat("Hello.\\n");  // after /reset, nothing is remembered
  EXPECT_TRUE(ran.out.ends_with(alone.out)) << ran.out << alone.out;
}

TEST(Chat, GoesOnAfterAMistake) {
  const Ran ran = chat("/image no.png\\n/imag x\\nHello.\\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("no.png"));
  EXPECT_THAT(ran.err, HasSubstr("no command '/imag'; did you mean '/image'?"));
  EXPECT_FALSE(ran.out.empty());
}

TEST(Chat, NeedsAChatModel) {
  const Ran ran = run_flam("chat flamingo_mini_vqa </dev/null");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("takes no conversations"));
}

TEST(ImportCommand, WritesAConfigThatRunsLikeTheFolder) {
  const test::Scratch scratch;
  const std::string out = (scratch / "llava.yaml").string();
  const Ran imported = run_flam("import " + model() + " " + out);
  EXPECT_EQ(imported.status, 0) << imported.err;
  EXPECT_EQ(run_flam("import " + model() + " " + out).status, 2);  // never overwritten unasked
  const std::string question = " " + picture() + " --question 'What is it?' --max-new-tokens 6 --json";
  const Ran direct = run_flam("infer " + model() + question), written = run_flam("infer " + out + question);
  EXPECT_EQ(direct.status, 0) << direct.err;
  EXPECT_EQ(direct.out, written.out);
}

TEST(ImportCommand, RefusesAGgufFileWithoutSizes) {
  const std::string file = (test::golden_root() / "gguf" / "llama_small.gguf").string();
  const Ran imported = run_flam("import " + file), direct = run_flam("infer " + file + " " + picture());
  EXPECT_EQ(imported.status, 2);
  EXPECT_THAT(imported.err, HasSubstr("'llama.block_count' is missing"));
  EXPECT_EQ(direct.status, 2);
  EXPECT_THAT(direct.err, HasSubstr("is a GGUF file, which holds a language decoder and no picture part"));
}

TEST(ImportCommand, RefusesOtherFolders) {
  const test::Scratch scratch;
  const Ran ran = run_flam("infer " + scratch.path().string() + " " + picture() + " --question x");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("no config.json in "));
  EXPECT_EQ(run_flam("import " + picture()).status, 2);
}

}  // namespace
}  // namespace flam
