// Lines of requests, devices and dtypes as a command line names them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/device/dtype.h"
#include "framework/report/json.h"
#include "framework/request/request_json.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

const Location kHere{std::make_shared<const std::string>("r.jsonl"), 3, 0};

std::string refusal(const std::string& line) {
  return error_of([&] { parse_request(line, "/folder", kHere); });
}

TEST(ParseRequest, PartsInTheirOrder) {
  const Request request = parse_request(
      R"({"parts": [{"image": "a.png"}, {"text": "a dog"}, {"frames": ["1.png", "/abs/2.png"]}]})", "/folder",
      kHere);
  ASSERT_EQ(request.parts.size(), 3u);
  EXPECT_EQ(request.parts[0].pictures.at(0).path, "/folder/a.png");
  EXPECT_EQ(request.parts[1].text, "a dog");
  EXPECT_EQ(request.parts[2].kind, Part::Kind::frames);
  EXPECT_EQ(request.parts[2].pictures.at(0).path, "/folder/1.png");
  EXPECT_EQ(request.parts[2].pictures.at(1).path, "/abs/2.png");
  EXPECT_EQ(request.id, "/folder/1.png");  // of the query
  EXPECT_EQ(parse_request(R"({"parts": []})", "", kHere).id, "");
}

TEST(ParseRequest, MistakesAreNamed) {
  for (const char* line : {"[]", "{}", R"({"parts": 3})"}) {
    EXPECT_THAT(refusal(line), AllOf(HasSubstr("r.jsonl:3: not a request: no list `parts`"),
                                     HasSubstr("expected {\"parts\": [{\"text\": …}")))
        << line;
  }
  const auto part = [](const std::string& text) { return refusal("{\"parts\": [" + text + "]}"); };
  for (const char* text : {"3", "{}", R"({"text": "x", "image": "y"})"})
    EXPECT_THAT(part(text), HasSubstr("each part has exactly one of")) << text;
  for (const char* text : {R"({"text": 3})", R"({"frames": []})", R"({"frames": "x"})", R"({"video": "x"})"})
    EXPECT_THAT(part(text), HasSubstr("unusable part '{")) << text;
  EXPECT_THAT(part(R"({"image": 3})"), HasSubstr("a picture must be a path"));
  EXPECT_THAT(part(R"({"frames": ["a", ""]})"), HasSubstr("a picture must be a path, found ''"));
  EXPECT_THAT(refusal(R"({"parts": [], "id": 3})"), HasSubstr("unknown key 'id'"));
  EXPECT_THAT(refusal(R"({"parts": [], "parts": []})"), HasSubstr("the key 'parts' occurs twice"));
  EXPECT_THAT(refusal("{\"parts\": [[[[[[[[[[]]]]]]]]]]}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(refusal("{\"parts\": [}"), HasSubstr("r.jsonl:3:12: not JSON: {\"parts\": [} ← here"));
}

TEST(ParseRequest, ManyKeysAndCandidatesAreRefusedSoon) {
  std::string keys, texts;
  for (int i = 0; i < 240'000; ++i) keys += cat(", \"", i, "\": 0");
  for (int i = 0; i < 10'001; ++i) texts += i ? ",\"a\"" : "\"a\"";
  EXPECT_THAT(refusal("{\"parts\": []" + keys + "}"), HasSubstr("unknown key '0'"));
  EXPECT_THAT(refusal("{\"parts\": [{\"text\": \"x\"" + keys + "}]}"),
              HasSubstr("each part has exactly one of"));
  EXPECT_THAT(refusal("{\"parts\": [], \"candidates\": [" + texts + "]}"),
              HasSubstr("`candidates` has 10001 texts; at most 10000"));
}

TEST(Json, ATreeKeepsItsTypes) {
  EXPECT_EQ(to_json(parse_yaml("{a: [1, 2.5, x, true, null], b: {c: {}}}", "f")).dump(),
            R"({"a":[1,2.5,"x",true,null],"b":{"c":{}}})");
}

TEST(Json, ALineHoldsNothingThatATerminalObeys) {
  EXPECT_EQ(json_line("a\x7f\xc2\x80\xc2\xa0ü\x1b"), "\"a\\u007f\\u0080\xc2\xa0ü\\u001b\"");
  EXPECT_EQ(json_line("\xff"), "\"\xef\xbf\xbd\"");  // not UTF-8
}

TEST(Device, NamesAreChecked) {
  EXPECT_TRUE(resolve_device("cpu").is_cpu());
  EXPECT_EQ(resolve_device("auto").is_cpu(), !cuda_problem().empty());
  for (const char* name : {"", "tpu", "CPU", "cuda:x", "cuda:", "cuda:-1", "cuda:128", "cuda:1x", "cudax"}) {
    EXPECT_THAT(error_of([&] { resolve_device(name); }), HasSubstr("expected auto, cpu, cuda or cuda:N"))
        << name;
  }
  if (!cuda_problem().empty()) {
    EXPECT_EQ(error_of([] { resolve_device("cuda:0"); }), "device 'cuda:0' can't be used: " + cuda_problem());
  }
}

TEST(Device, DtypesHaveTheirNames) {
  for (const char* name : {"float32", "bfloat16", "float16"})
    EXPECT_EQ(dtype_name(resolve_dtype(name)), name);
  EXPECT_THAT(error_of([] { resolve_dtype("fp16"); }),
              HasSubstr("unknown dtype 'fp16'; expected float32, bfloat16 or float16"));
}

}  // namespace
}  // namespace flam
