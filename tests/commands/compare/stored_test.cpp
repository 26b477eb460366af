// Invalid files in an experiment's folder when `flam compare` is run again: scores that are not numbers,
// results of another structure.
#include "tests/commands/compare/compare_fixture.h"

namespace flam {
namespace {

TEST_F(Compare, AScoreThatIsNotFiniteIsAFailure) {
  const std::string experiment =
      kUntrained + std::string(
                       "evaluate: [{name: words, limit: 1}]\nvariants: "
                       "[{name: base, set: {metrics: [{type: liar, lie: nan}]}}]\n");
  const auto ran = compare(experiment, "--plugin-path " FLAM_TEXT_LIARS);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("seed 1: evaluate words: metric 'liar' gives nan as the score 'answered'"));
  const auto again = compare(experiment, "--report --plugin-path " FLAM_TEXT_LIARS);
  EXPECT_EQ(again.status, 1) << again.err;
  EXPECT_EQ(again.out, ran.out);
}

TEST_F(Compare, AStoredScoreThatIsNotANumberIsLeftOut) {
  const std::string experiment =
      kUntrained + std::string("evaluate: [{name: words, limit: 1}]\nvariants: [{name: base}]\n");
  EXPECT_EQ(compare(experiment).status, 0);
  for (const auto& file : work(".json")) {
    json result = json::parse(read_file(file, 1 << 24));
    if (!result.contains("scores")) continue;
    for (auto& score : result["scores"]) score = nullptr;  // how JSON represents NaN
    write_file(file, result.dump());
  }
  const auto ran = compare(experiment, "--report");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("latency"));
  EXPECT_THAT(ran.out, Not(HasSubstr("words")));
}

// Stored results are untrusted.
TEST_F(Compare, AStoredResultOfAnotherStructureIsIgnored) {
  const std::string experiment =
      kUntrained + std::string("evaluate: [{name: words, limit: 1}]\nvariants: [{name: base}]\n");
  ASSERT_EQ(compare(experiment).status, 0);
  std::filesystem::path file;
  json right;
  for (const auto& found : work(".json")) {
    const json result = json::parse(read_file(found, 1 << 24));
    if (!result.contains("scores")) continue;
    file = found;
    right = result;
  }
  ASSERT_FALSE(file.empty());
  const auto done = [&](const json& result) {
    write_file(file, result.dump());
    const auto ran = compare(experiment, "--report");
    EXPECT_EQ(ran.status, 0) << ran.err;
    return json::parse(read("compare.json"))["variants"][0]["status"] == "done";
  };
  for (const char* change :
       {R"({"shown": [{}]})", R"({"shown": 3})", R"({"shown": null})", R"({"scores": [1]})",
        R"({"scores": {"true": "x"}})", R"({"seconds": "x"})", R"({"records": "<b>"})", R"({"controls": 3})",
        R"({"more": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]})"}) {
    json wrong = right;
    wrong.update(json::parse(change));
    EXPECT_FALSE(done(wrong)) << change;
  }
  // A name with control characters, and a picture that a browser would fetch.
  json strange = right;
  strange["scores"]["a\x1b[31m"] = 1;
  strange["shown"] = json::parse(
      R"([{"id": "i", "question": "", "references": [], "answer": "", "picture": "http://elsewhere/"}])");
  EXPECT_TRUE(done(strange));
  EXPECT_THAT(compare(experiment, "--report").out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(read("compare.html"), Not(HasSubstr("elsewhere")));
  write_file(file, std::string(1'000'000, '['));
  const auto again = compare(experiment);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(read_file(file, 1 << 24))["scores"], right["scores"]);
}

}  // namespace
}  // namespace flam
