#include "framework/config/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace flam {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

TEST(Value, KeepsKeysInOrder) {
  Value map = Value::map();
  map.set("b", 1);
  map.set("a", "x");
  map.set("b", 2.5);
  EXPECT_THAT(map.keys(), ElementsAre("b", "a"));
  EXPECT_EQ(map.find("b")->as_double(), 2.5);
  EXPECT_EQ(map.find("c"), nullptr);
  EXPECT_TRUE(map.erase("b"));
  EXPECT_FALSE(map.erase("b"));
  EXPECT_EQ(Value(3).find("a"), nullptr);
}

TEST(Value, WrongTypesAreLocatedErrors) {
  const Location where{std::make_shared<const std::string>("f"), 2, 3};
  EXPECT_THAT([&] { Value("x", where).as_int(); },
              ThrowsMessage<Error>("f:2:3: expected an integer, found the text 'x'"));
  EXPECT_THAT([&] { Value(-2.0, where).as_int(); },
              ThrowsMessage<Error>("f:2:3: expected an integer, found the number -2.0"));
  EXPECT_THAT([&] { Value(1, where).as_bool(); },
              ThrowsMessage<Error>("f:2:3: expected true or false, found the number 1"));
  EXPECT_THAT([&] { Value::list(where).as_map(); },
              ThrowsMessage<Error>("f:2:3: expected a map, found a list"));
  EXPECT_THAT([&] { Value::map(where).as_list(); },
              ThrowsMessage<Error>("f:2:3: expected a list, found a map"));
  EXPECT_THAT([&] { Value(true, where).as_string(); },
              ThrowsMessage<Error>("f:2:3: expected text, found true"));
  EXPECT_THAT([] { Value().as_double(); }, ThrowsMessage<Error>("expected a number, found nothing"));
}

TEST(Value, EqualityDoesNotComparePlaces) {
  const Location where{std::make_shared<const std::string>("f"), 2, 3};
  EXPECT_EQ(Value(1), Value(1, where));
  EXPECT_FALSE(Value(1) == Value(1.0));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Value(Value::List{nan}), Value(Value::List{nan}));
  EXPECT_EQ(Value(Value::Map{{"a", where, 1}}), Value(Value::Map{{"a", {}, 1}}));
  EXPECT_FALSE(Value(Value::Map{{"a", {}, 1}}) == Value(Value::Map{{"b", {}, 1}}));
}

}  // namespace
}  // namespace flam
