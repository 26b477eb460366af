// Tokenizers and chat templates of Hugging Face folders.
#include <gmock/gmock.h>

#include "framework/recipe/import/chat_template.h"
#include "tests/recipe/import_folder.h"

namespace flam {
namespace {

using nlohmann::json;
using test::error_of;
using testing::HasSubstr;

using ImportTokenizer = test::Import;

TEST_F(ImportTokenizer, PostProcessorsOfTokenizers) {
  EXPECT_EQ(at({"model", "tokenizer", "prepend_bos"}), Value(true));
  edit("tokenizer.json", [](json& file) { file["post_processor"]["single"].erase(0); });
  EXPECT_EQ(at({"model", "tokenizer", "prepend_bos"}), Value(false));
  edit("tokenizer.json", [](json& file) {
    file["post_processor"]["single"].push_back({{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}});
  });
  EXPECT_THAT(refusal(), HasSubstr("the post_processor adds something other than one token in front"));
}

TEST_F(ImportTokenizer, FlagsOfAddedTokens) {
  const std::string before = read_file(folder_ / "tokenizer.json", 1 << 20);
  const auto refused = [&](std::initializer_list<std::pair<int, const char*>> flags) {
    std::ofstream(folder_ / "tokenizer.json") << before;
    edit("tokenizer.json", [&](json& file) {
      for (const auto& [token, flag] : flags) file["added_tokens"][token][flag] = true;
    });
    return refusal();
  };
  EXPECT_EQ(refused({{3, "lstrip"}, {3, "rstrip"}, {4, "lstrip"}, {4, "rstrip"}}), "");
  EXPECT_EQ(at({"model", "tokenizer", "swallow_spaces"}), Value(true));
  const auto not_supported = HasSubstr("added tokens are supported only without `single_word`");
  EXPECT_THAT(refused({{3, "lstrip"}, {3, "rstrip"}}), not_supported);
  EXPECT_THAT(refused({{3, "lstrip"}, {4, "lstrip"}}), not_supported);
  EXPECT_THAT(refused({{2, "lstrip"}, {2, "rstrip"}}), not_supported);  // a piece of tokenizer.model
  EXPECT_THAT(refused({{4, "single_word"}}), not_supported);
}

// They are not written behind tags, and a tag with `-` strips them.
TEST_F(ImportTokenizer, LineBreaksInChatTemplates) {
  const std::string known = json::parse(
      read_file(test::golden_root() / "smolvlm_tiny" / "chat.json", 1 << 20))["templates"]["smolvlm"];
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = known;
    text.replace(text.find(from), from.size(), to);
    return error_of([&] { task_head_for(text, {}); });
  };
  const auto refused = HasSubstr("not one of those that are known");
  EXPECT_EQ(with("{% for", "{# mine #}\n{% for"), "");
  EXPECT_EQ(with("{% endif %}", "{% endif %}\n"), "");
  EXPECT_THAT(with("{% endif %}", "{% endif %}\n\n"), refused);
  EXPECT_THAT(with("{% endif %}", "{% endif +%}\n"), refused);
  EXPECT_THAT(with("_utterance>\n", "_utterance>{# mine #}\n"), refused);
  EXPECT_THAT(with("_utterance>\n", "_utterance>\n{#- mine #}"), refused);
}

}  // namespace
}  // namespace flam
