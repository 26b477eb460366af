#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/config/config.h"
#include "tests/params/sample.h"

namespace flam {
namespace {

TEST(WriteParams, ReadingTheOutputGivesEqualParameters) {
  Sample s;
  s.file = "/w/x.bin";
  s.colour = Colour::green;
  s.mean = {122.770938};
  const Value written = write_params(ParamsRef(s));
  EXPECT_EQ(
      write_json(written),
      R"({"flag":false,"depth":6,"rate":0.5,"name":"x","word":"gelu","file":"/w/x.bin","colour":"green","limit":null,)"
      R"("bound":1.5,"sizes":[1,2],"mean":[122.770938],"names":["a"],"tree":null,"inner":null,"group":{"heads":8}})");
  Sample again;
  ErrorList errors;
  read_params(ParamsRef(again), parse_yaml(write_yaml(written), "print"), "x", {}, errors);
  EXPECT_THAT(errors.messages(), testing::IsEmpty());
  EXPECT_EQ(write_params(ParamsRef(again)), written);
}

TEST(DocumentParams, NamesTypesAndDefaults) {
  Sample s;
  std::string types;
  for (const ParamDoc& doc : document_params(ParamsRef(s))) types += doc.info.name + ": " + doc.type + "\n";
  EXPECT_EQ(types, R"(flag: bool
depth: int
rate: float
name: string
word: enum
file: path
colour: enum
limit: int or null
bound: float or null
sizes: list of int
mean: list of float
names: list of string
tree: any
inner: resampler
group: group
)");
  const auto docs = document_params(ParamsRef(s));
  EXPECT_EQ(docs[1].info.doc, "layers");
  EXPECT_EQ(docs[1].info.minimum, 1);
  EXPECT_EQ(docs[1].default_value, Value(6));
  EXPECT_EQ(docs.back().members.front().info.name, "heads");
}

TEST(SchemaOfParams, HasTheConstraintsThatTheReaderChecks) {
  Sample s;
  const Value schema = schema_of_params(ParamsRef(s));
  const auto property = [&](const char* name) { return write_json(*schema.find("properties")->find(name)); };
  EXPECT_EQ(property("depth"), R"({"type":"integer","minimum":1.0,"description":"layers","default":6})");
  EXPECT_EQ(property("word"),
            R"({"type":"string","enum":["gelu","quick_gelu"],"description":"one of some","default":"gelu"})");
  EXPECT_EQ(
      property("limit"),
      R"({"type":["integer","null"],"exclusiveMinimum":0.0,"description":"none if null","default":null})");
  EXPECT_EQ(
      property("sizes"),
      R"({"type":"array","items":{"type":"integer","minimum":1.0},"description":"each positive","default":[1,2]})");
  EXPECT_EQ(property("tree"), R"({"description":"anything","default":null})");
  EXPECT_EQ(
      property("group"),
      R"({"type":"object","properties":{"heads":{"type":"integer","minimum":1.0,"description":"how many","default":8}},)"
      R"("additionalProperties":false,"description":"of attention"})");
  EXPECT_FALSE(schema.find("additionalProperties")->as_bool());
  EXPECT_EQ(schema.find("required"), nullptr);
  Needed needed;
  EXPECT_EQ(write_json(*schema_of_params(ParamsRef(needed)).find("required")), R"(["depth","file"])");
}

}  // namespace
}  // namespace flam
