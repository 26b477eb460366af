// Prompting::settled() of the beginning of a text is the beginning of clean() of the whole text.
#include "framework/component/prompting.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/requests.h"

namespace flam {
namespace {

Prompting with(std::vector<std::string> cut_at, std::vector<std::string> remove, bool strip) {
  PromptingParams params;
  params.shot_prompt = params.final_prompt = "<image>";
  params.cut_at = std::move(cut_at);
  params.remove = std::move(remove);
  params.strip = strip;
  return Prompting(params, {"<image>", "<end>"}, {"caption"});
}

TEST(Prompting, SettledTextIsTheBeginningOfTheAnswer) {
  std::mt19937 random(1);
  const auto text_of = [&](size_t most, const std::string& letters) {
    std::string text(1 + random() % most, ' ');
    for (char& letter : text) letter = letters[random() % letters.size()];
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> cut_at, remove;
    for (size_t i = random() % 3; i > 0; --i) cut_at.push_back(text_of(4, "abc"));
    for (size_t i = random() % 3; i > 0; --i) remove.push_back(text_of(3, "abc "));
    const Prompting prompting = with(cut_at, remove, random() % 2 == 0);
    const std::string text = text_of(16, "aabbc ");
    const std::string answer = prompting.clean(result_with(text));
    for (size_t length = 0; length <= text.size(); ++length) {
      const std::string settled = prompting.settled(text.substr(0, length));
      ASSERT_TRUE(answer.starts_with(settled))
          << "'" << settled << "' of '" << text.substr(0, length) << "', but the answer to '" << text
          << "' is '" << answer << "'";
    }
  }
}

TEST(Prompting, TextThatCannotChangeIsSettledImmediately) {
  EXPECT_EQ(with({}, {}, false).settled("a cat "), "a cat ");
  EXPECT_EQ(with({"Question:"}, {"\""}, true).settled(" a \"black\" cat "), "a black cat");
  EXPECT_EQ(with({"Question:"}, {}, true).settled("a cat Quest"), "a cat");
}

}  // namespace
}  // namespace flam
