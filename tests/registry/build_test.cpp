// Parses config nodes and builds components.
#include "tests/fixtures/plugins/slot.h"
#include "tests/plugin/fixture.h"

namespace flam {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

struct OtherSlot : Component {
  static constexpr const char* kKind = "adapter";
  using Input = FixtureInput;
};

class Build : public testing::Test {
 protected:
  Build() { registry_.load(fixture_plugin("good")); }

  Location at(int line) const { return {file_, line, 1}; }
  Value node(const char* type, int64_t number) const {
    Value node = Value::map(at(2));
    node.set("type", Value(type, at(2)));
    node.set("number", Value(number, at(3)), at(3));
    return node;
  }
  std::string error_of_building(int64_t number) {
    const auto config = registry_.parse("metric", node("good", number), errors_);
    return error_of([&] { registry_.build<FixtureSlot>(config, {}); });
  }

  std::shared_ptr<const std::string> file_ = std::make_shared<std::string>("c.yaml");
  Registry registry_;
  ErrorList errors_;
};

TEST_F(Build, ParsesResolvesAndBuilds) {
  Value plain = Value::map(at(1));
  plain.set("type", Value("good", at(1)));
  const auto config = registry_.parse("metric", plain, errors_);
  ASSERT_TRUE(errors_.empty()) << errors_.messages()[0];
  EXPECT_EQ(config.label(), "metric 'good'");
  EXPECT_TRUE(config.resolved() == node("good", 7));
  EXPECT_EQ(registry_.build<FixtureSlot>(config, {.factor = 3})->answer(), 21);
}

TEST_F(Build, TakesParameters) {
  const auto config = registry_.parse("metric", node("good", 5), errors_);
  ASSERT_TRUE(errors_.empty());
  EXPECT_EQ(registry_.build<FixtureSlot>(config, {})->answer(), 5);
}

struct OuterParams {
  Value inner;
  void visit(ParamVisitor& v) { v("inner", inner, "a nested one", component("metric")); }
};

struct Outer : Component {
  static constexpr const char* kKind = "adapter";
  using Input = FixtureInput;
  explicit Outer(const OuterParams&) {}
};

TEST_F(Build, NestedComponentsAreCheckedAndResolved) {
  Registrar registrar("outer.so");
  registrar.add<Outer, OuterParams>("outer");
  for (ComponentType& type : registrar.take()) registry_.add(std::move(type));
  const auto outer = [&](Value inner) {
    Value node = Value::map(at(1));
    node.set("type", Value("outer", at(1)));
    node.set("inner", std::move(inner), at(2));
    return node;
  };
  Value defaults = Value::map(at(2));
  defaults.set("type", Value("good", at(2)));
  const auto config = registry_.parse("adapter", outer(defaults), errors_);
  ASSERT_TRUE(errors_.empty()) << errors_.messages()[0];
  EXPECT_TRUE(*config.resolved().find("inner") == node("good", 7));
  EXPECT_EQ(config.resolved().find("inner")->find("type")->where().str(), "c.yaml:2:1");
  EXPECT_FALSE(registry_.parse("adapter", outer(node("good", -1)), errors_));
  EXPECT_FALSE(registry_.parse("adapter", outer(Value(3, at(2))), errors_));
  EXPECT_THAT(errors_.messages(),
              ElementsAre(HasSubstr("c.yaml:3:1: metric 'good': 'number' is -1"),
                          HasSubstr("c.yaml:2:1: adapter 'outer': 'inner' must be a metric")));
}

TEST_F(Build, EveryErrorIsCollected) {
  EXPECT_FALSE(registry_.parse("metric", Value(int64_t{3}, at(1)), errors_));
  EXPECT_FALSE(registry_.parse("metric", Value::map(at(2)), errors_));
  EXPECT_FALSE(registry_.parse("metric", node("god", 1), errors_));
  EXPECT_FALSE(registry_.parse("metric", node("good", -1), errors_));
  Value typed = Value::map(at(5));
  typed.set("type", Value(int64_t{1}, at(6)));
  EXPECT_FALSE(registry_.parse("metric", typed, errors_));
  EXPECT_THAT(errors_.messages(),
              ElementsAre(HasSubstr("c.yaml:1:1: metric is the number 3; expected a map {type: NAME, …}"),
                          HasSubstr("c.yaml:2:1: metric has no `type`"),
                          HasSubstr("c.yaml:2:1: there is no metric 'god'"), HasSubstr("c.yaml:3:1: "),
                          HasSubstr("c.yaml:6:1: metric has the type the number 1")));
}

TEST_F(Build, AConstructorThatThrowsIsNamedAndPlaced) {
  EXPECT_EQ(error_of_building(13), "c.yaml:2:1: metric 'good': 13 is not to be had");
  EXPECT_EQ(error_of_building(14), "c.yaml:2:1: metric 'good': 14 is");
  EXPECT_EQ(error_of_building(15), "c.yaml:2:1: metric 'good': 15 failed");
  EXPECT_THAT(error_of_building(16), HasSubstr("metric 'good': its constructor throws"));
  const auto config = registry_.parse("metric", node("good", 15), errors_);
  EXPECT_THROW(registry_.build<FixtureSlot>(config, {}), RunError);
}

TEST_F(Build, RefusesNothingAndAnotherKind) {
  EXPECT_THAT(error_of([&] { registry_.build<FixtureSlot>(ComponentConfig{}, {}); }),
              HasSubstr("no metric is configured"));
  const auto config = registry_.parse("metric", node("good", 1), errors_);
  EXPECT_THAT(error_of([&] { registry_.build<OtherSlot>(config, {}); }),
              HasSubstr("metric 'good' is not a component of the kind adapter"));
}

}  // namespace
}  // namespace flam
