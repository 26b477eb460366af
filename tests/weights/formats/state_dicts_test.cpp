// Which dict of a pickle holds the weights.
#include <gmock/gmock.h>

#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "tests/weights/forge.h"

namespace flam {
namespace {

using namespace test;
using testing::HasSubstr;
using Names = std::vector<std::string>;

class StateDicts : public testing::Test {
 protected:
  std::unique_ptr<Checkpoint> open(const std::string& body) {
    write(folder_ / "f.pth", torch_zip(pickle(body), {bytes_of(std::vector<float>{0, 1, 2, 3})}));
    return open_checkpoint(folder_ / "f.pth");
  }
  static std::string matrix() { return tensor(storage("FloatStorage", "0", 4), 0, {2, 2}, {2, 1}); }
  static std::string number_tensor() { return tensor(storage("FloatStorage", "0", 4), 0, {}, {}); }
  static std::string state() { return dict({{"w", matrix()}}); }
  Scratch folder_;
};

TEST_F(StateDicts, ASingleOneIsUsedUnderAnyName) {
  for (const std::string wrapper : {"state_dict", "model_state_dict", "model", "module", "net", "weights"}) {
    const auto file = open(dict({{"epoch", "K\3"}, {wrapper, state()}, {"args", dict({{"lr", "K\1"}})}}));
    EXPECT_EQ(file->names(), Names{"w"}) << wrapper;
    EXPECT_EQ(file->wrappers(), Names{wrapper});
  }
  const auto nested = open(dict({{"model", dict({{"state_dict", dict({{"module.w", matrix()}})}})}}));
  EXPECT_EQ(nested->names(), Names{"w"});
  EXPECT_EQ(nested->wrappers(), Names{"model.state_dict"});
  EXPECT_EQ(open(state())->wrappers(), Names{});
}

TEST_F(StateDicts, TheStateOfAnOptimiserIsLeftOut) {
  const std::string moments = dict({{"state", dict({{"w", dict({{"exp_avg", matrix()}})}})}});
  EXPECT_EQ(open(dict({{"optimizer_state_dict", moments}, {"model_state_dict", state()}}))->names(),
            Names{"w"});
  const std::string numbered = "}(" + number(0) + dict({{"exp_avg", matrix()}}) + "u";
  EXPECT_EQ(open(dict({{"adam", dict({{"state", numbered}})}, {"net", state()}}))->names(), Names{"w"});
}

TEST_F(StateDicts, NumbersAndExtraStateAreLeftOut) {
  EXPECT_EQ(open(dict({{"step", number_tensor()}, {"weights", state()}}))->names(), Names{"w"});
  EXPECT_EQ(open(dict({{"mean", matrix()}, {"state_dict", state()}}))->names(), Names{"w"});
  EXPECT_EQ(open(dict({{"v", matrix()}, {"layer._extra_state", state()}}))->names(), Names{"v"});
}

TEST_F(StateDicts, SeveralKeepTheirNames) {
  const auto file = open(dict({{"model", state()}, {"ema", state()}, {"step", "K\1"}}));
  EXPECT_EQ(file->names(), (Names{"ema.w", "model.w"}));
  EXPECT_EQ(file->wrappers(), (Names{"ema", "model"}));
}

TEST_F(StateDicts, AtMostAHundredAreRead) {
  std::vector<std::pair<std::string, std::string>> items;
  for (int i = 0; i < 100; ++i) items.emplace_back(cat("part", i), state());
  EXPECT_EQ(open(dict(items))->wrappers().size(), 100u);
  items.emplace_back("one more", state());
  EXPECT_THAT(error_of([&] { open(dict(items)); }), HasSubstr("holds 101 dicts of tensors; at most 100"));
}

TEST_F(StateDicts, HostileNestingIsLimited) {
  std::string deep = state();
  for (int level = 0; level < 9; ++level) deep = dict({{"model", deep}});
  EXPECT_THAT(error_of([&] { open(deep); }), HasSubstr("holds no dict of tensors"));
  // Each dict holds the one before it under a thousand names.
  std::string shared = dict({{"x", "K\1"}}) + "q" + le(0, 1);
  for (int level = 1; level <= 4; ++level) {
    shared = "}(" + text("first") + shared;
    for (int i = 0; i < 1000; ++i) shared += text(cat("k", i)) + "h" + le(level - 1, 1);
    shared += "uq" + le(level, 1);
  }
  EXPECT_THAT(error_of([&] { open(shared); }), HasSubstr("holds no dict of tensors"));
}

}  // namespace
}  // namespace flam
