#include <gmock/gmock.h>

#include "framework/config/config.h"
#include "tests/config/folder.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class Load : public FolderTest {
 protected:
  std::string merged(const std::string& leaf) const {
    return write_json(load_config(make("leaf.yaml", leaf)));
  }
};

TEST_F(Load, MergesMapsRecursivelyAndReplacesLists) {
  make("base.yaml", "a: {b: {c: 1, d: 2}, e: [1, 2, 3]}\nf: 1\n");
  EXPECT_EQ(merged("_base_: base.yaml\na: {b: {c: 9}, e: [4]}\ng: 2\n"),
            R"({"a":{"b":{"c":9,"d":2},"e":[4]},"f":1,"g":2})");
}

TEST_F(Load, ABaseMayHaveBasesAndAFileSeveral) {
  make("parts/one.yaml", "_base_: ../root.yaml\na: {x: 1}\n");
  make("root.yaml", "a: {x: 0, y: 0}\n");
  make("parts/two.yaml", "b: 2\n");
  EXPECT_EQ(merged("_base_: [parts/one.yaml, parts/two.yaml]\n"), R"({"a":{"x":1,"y":0},"b":2})");
  EXPECT_EQ(merged("_base_: []\nc: 1\n"), R"({"c":1})");
}

TEST_F(Load, TheSameKeyFromTwoBasesIsAnError) {
  make("one.yaml", "a: 1\nb: {x: 1}\n");
  make("two.yaml", "c: 1\nb: {y: 1}\n");
  EXPECT_THAT([&] { merged("_base_: [one.yaml, two.yaml]\nb: 3\n"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("leaf.yaml:1:20: the key 'b' is in two base files"),
                                         HasSubstr("one.yaml:2:1"), HasSubstr("two.yaml:2:1"))));
}

TEST_F(Load, DeleteDropsWhatWasInherited) {
  make("base.yaml", "a: {b: 1, c: {d: 1}}\n");
  EXPECT_EQ(merged("_base_: base.yaml\na: {_delete_: true, e: {_delete_: true, f: 1}}\n"),
            R"({"a":{"e":{"f":1}}})");
  EXPECT_EQ(merged("_base_: base.yaml\na: {_delete_: false, e: 1}\n"), R"({"a":{"b":1,"c":{"d":1},"e":1}})");
  EXPECT_EQ(merged("a: [{_delete_: true, b: 1}]\n"), R"({"a":[{"b":1}]})");
  EXPECT_THAT([&] { merged("a: {_delete_: 1}\n"); },
              ThrowsMessage<Error>(HasSubstr("leaf.yaml:1:15: '_delete_' must be true or")));
}

TEST_F(Load, AChangedTypeDropsInheritedParameters) {
  make("base.yaml", "r: {type: perceiver, depth: 6, inner: {type: x, k: 1}}\n");
  EXPECT_EQ(merged("_base_: base.yaml\nr: {type: mlp, width: 3}\n"), R"({"r":{"type":"mlp","width":3}})");
  EXPECT_EQ(merged("_base_: base.yaml\nr: {type: perceiver, depth: 2}\n"),
            R"({"r":{"type":"perceiver","depth":2,"inner":{"type":"x","k":1}}})");
  EXPECT_EQ(merged("_base_: base.yaml\nr: {inner: {type: y}}\n"),
            R"({"r":{"type":"perceiver","depth":6,"inner":{"type":"y"}}})");
}

TEST_F(Load, NullReplacesAnInheritedValue) {
  make("base.yaml", "a: {b: 1}\n");
  EXPECT_EQ(merged("_base_: base.yaml\na:\n"), R"({"a":null})");
}

TEST_F(Load, ErrorsNameTheChainOfFiles) {
  make("b.yaml", "_base_: c.yaml\n");
  make("c.yaml", "_base_: leaf.yaml\n");
  EXPECT_THAT([&] { merged("_base_: b.yaml\n"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("c.yaml:1:9: the '_base_' files form a cycle"),
                                         HasSubstr("leaf.yaml → "), HasSubstr("b.yaml → "))));
  EXPECT_THAT([&] { merged("_base_: leaf.yaml\n"); }, ThrowsMessage<Error>(HasSubstr("cycle")));
  make("c.yaml", "_base_: none.yaml\n");
  EXPECT_THAT([&] { merged("_base_: b.yaml\n"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("c.yaml:1:9: no config"), HasSubstr("b.yaml → "),
                                         HasSubstr("none.yaml)"))));
  make("c.yaml", "a: [\n");
  EXPECT_THAT([&] { merged("_base_: b.yaml\n"); },
              ThrowsMessage<Error>(HasSubstr("c.yaml:1:4: not valid YAML")));
}

TEST_F(Load, RefusesWhatIsNotAConfig) {
  EXPECT_THAT([&] { load_config(folder_ / "none.yaml"); }, ThrowsMessage<Error>(HasSubstr("no config '")));
  EXPECT_THAT([&] { load_config(folder_); }, ThrowsMessage<Error>(HasSubstr("folder")));
  EXPECT_THAT([&] { merged(""); },
              ThrowsMessage<Error>(HasSubstr("a config must be a map of settings, found nothing")));
  EXPECT_THAT([&] { merged("- a\n"); }, ThrowsMessage<Error>(HasSubstr("found a list")));
  EXPECT_THAT([&] { merged("_base_: 3\n"); },
              ThrowsMessage<Error>(HasSubstr("leaf.yaml:1:9: '_base_' must be a file or a list")));
  EXPECT_THAT([&] { merged("a: {_base_: x.yaml}\n"); },
              ThrowsMessage<Error>(HasSubstr("leaf.yaml:1:5: '_base_' is allowed only at the top level")));
}

TEST_F(Load, TooManyBasesAreRefused) {
  make("l0.yaml", "{}\n");
  for (int i = 1; i < 12; ++i) {  // each file names the previous one twice, so 2^11 files would be read
    const std::string before = "l" + std::to_string(i - 1) + ".yaml";
    make("l" + std::to_string(i) + ".yaml", "_base_: [" + before + ", " + before + "]\n");
  }
  EXPECT_THAT([&] { load_config(folder_ / "l11.yaml"); },
              ThrowsMessage<Error>(HasSubstr("more than 256 '_base_' files")));
}

TEST_F(Load, ExpandsPathsBelowTheCurrentFolder) {
  const auto leaf = make("leaf.yaml", "p: [\"${cwd}/out/../x.bin\", \"a${cwd}/b\"]\n");
  const Value config = load_config(leaf);
  EXPECT_EQ(config.find("p")->as_list()[0].as_string(), (std::filesystem::current_path() / "x.bin").native());
  EXPECT_EQ(config.find("p")->as_list()[1].as_string(), "a${cwd}/b");
}

TEST_F(Load, ExpandsPathsBelowTheConfigsFolder) {
  make("configs/_base_/b.yaml", "a: 1\n");
  const auto leaf =
      make("leaf.yaml", "_base_: ${configs}/_base_/b.yaml\np: [\"${configs}/w/../x.bin\", $HOME]\n");
  Value config = load_config(leaf, folder_ / "configs");
  EXPECT_EQ(config.find("p")->as_list()[0].as_string(), (folder_ / "configs/x.bin").native());
  EXPECT_EQ(config.find("p")->as_list()[1].as_string(), "$HOME");
  shorten_configs_paths(config, folder_ / "configs");
  EXPECT_EQ(write_json(config), R"({"a":1,"p":["${configs}/x.bin","$HOME"]})");
  EXPECT_THAT([&] { load_config(leaf); },
              ThrowsMessage<Error>(HasSubstr("folder of the configs is not known")));
}

TEST_F(Load, AdoptedPlacesAreThoseOfTheCounterparts) {
  const Value from = parse_yaml("a: {b: 1}\nc: [2]\n", "f");
  Value to = parse_yaml("{a: {b: 1, d: 5}, c: [2, 3], e: 1}", "g");
  to.find("e")->set_where({});
  adopt_places(to, from);
  EXPECT_EQ(to.find("a")->find("b")->where().str(), "f:1:8");
  EXPECT_EQ(to.find("c")->as_list()[0].where().str(), "f:2:5");
  EXPECT_EQ(to.find("e")->where().str(), "");
}

}  // namespace
}  // namespace flam
