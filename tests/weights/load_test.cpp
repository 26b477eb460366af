// Loads files into slots.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "load_fixture.h"

namespace flam {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST_F(Load, TablesFusedPartsAndDimensionsOfOne) {
  load({decoder_file(file("d", decoder_tensors())), adapter_file()});
  EXPECT_TRUE(at::equal(qkv_.tensor(), at::cat({full({2, 4}, 1), full({2, 4}, 2), full({2, 4}, 3)})));
  EXPECT_TRUE(at::equal(bias_.tensor(), full({4}, 5)));
  EXPECT_EQ(gate_.tensor().dim(), 0);
  EXPECT_EQ(gate_.tensor().item<float>(), 9);
  ASSERT_EQ(bias_.slot()->origins.size(), 1u);
  EXPECT_EQ(bias_.slot()->origins[0].file->path().filename(), "d");
  EXPECT_EQ(bias_.slot()->origins[0].key, "model.bias");
  ASSERT_EQ(qkv_.slot()->origins.size(), 3u);
  EXPECT_EQ(qkv_.slot()->origins[1].key, "model.layers.0.k.weight");
}

TEST_F(Load, TransposedTensorsOfATorchFileAreCopied) {
  auto tensors = without("model.embed.weight");
  file("rest", tensors);
  const std::vector<float> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  write(
      folder_ / "t.pth",
      torch_zip(
          pickle(dict({{"model.embed.weight", tensor(storage("FloatStorage", "0", 20), 0, {5, 4}, {1, 5})}})),
          {bytes_of(values)}));
  int64_t told = 0;
  store_.progress = [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, ++told);
    EXPECT_EQ(total, std::ssize(store_.slots()));
  };
  load({decoder_file("rest"), decoder_file("t.pth"), adapter_file()});
  EXPECT_TRUE(embed_.tensor().is_contiguous());
  EXPECT_EQ(embed_.tensor()[1][2].item<float>(), 11);
  EXPECT_EQ(told, std::ssize(store_.slots()));
}

TEST_F(Load, TheMappingIsUsedAsTheWeight) {
  const std::string name = file("d", decoder_tensors());
  load({decoder_file(name), adapter_file()});
  std::ifstream maps("/proc/self/maps");
  const auto address = reinterpret_cast<uintptr_t>(embed_.tensor().const_data_ptr());
  std::string line, holder;
  while (std::getline(maps, line)) {
    uintptr_t begin = 0, end = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own lines
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && begin <= address && address < end)
      holder = line;
  }
  EXPECT_THAT(holder, HasSubstr((folder_ / name).string()));
}

TEST_F(Load, FilesAreConvertedToTheRunsDtype) {
  auto tensors = decoder_tensors();
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kHalf);
  load({decoder_file(file("d", tensors)), adapter_file()}, at::kBFloat16);
  for (const auto& slot : store_.slots()) EXPECT_EQ(slot->tensor.scalar_type(), at::kBFloat16) << slot->name;
  EXPECT_EQ(embed_.tensor().sum().item<float>(), 80);
}

TEST_F(Load, LaterFilesOverrideEarlierOnes) {
  file("patch", {{"language_decoder.bias", full({4}, 50)}});
  file("part", {{"layers.0.k.weight", full({2, 4}, 20)}});
  file("whole", {{"layers.0.qkv.weight", full({6, 4}, 6)}});
  const WeightsFile whole{"whole", {{"", "language_decoder", "huggingface"}}, {}, {}};
  const WeightsFile part{"part", {{"", "language_decoder", "huggingface"}}, {}, {}};
  load({decoder_file(file("d", decoder_tensors())), adapter_file(), whole, part, {"patch", {}, {}, {}}});
  EXPECT_EQ(bias_.tensor().sum().item<float>(), 200);
  EXPECT_TRUE(at::equal(qkv_.tensor(), at::cat({full({2, 4}, 6), full({2, 4}, 20), full({2, 4}, 6)})));
  std::vector<std::string> files;
  for (const WeightOrigin& origin : qkv_.slot()->origins)
    files.push_back(origin.file->path().filename().string());
  EXPECT_EQ(files, (std::vector<std::string>{"whole", "part"}));
}

TEST_F(Load, AVocabularyMayHaveFewerRows) {
  auto tensors = without("model.embed.weight");
  tensors.emplace_back("model.embed.weight", full({3, 4}, 4));
  testing::internal::CaptureStderr();
  load({decoder_file(file("d", tensors)), adapter_file()});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("3 of the 5 rows of language_decoder.embed"));
  EXPECT_TRUE(at::equal(embed_.tensor(), at::cat({full({3, 4}, 4), full({2, 4}, 7)})));
}

TEST_F(Load, TheFilesThatWereLoadedAreHashedAsTheyWere) {
  file("patch", {{"language_decoder.bias", full({4}, 50)}});
  file("unused", {{"language_decoder.bias", full({4}, 51)}});
  load({decoder_file(file("d", decoder_tensors())),
        adapter_file(),
        {"unused", {}, {}, {}},
        {"patch", {}, {}, {}}},
       at::kBFloat16);
  const std::string before = sha256_file(folder_ / "patch");
  file("patch", {{"language_decoder.bias", full({4}, 0)}});  // another file replaces it
  const auto files = store_.files();
  std::vector<std::string> names;
  for (const auto& loaded : files) names.push_back(loaded->path().filename().string());
  EXPECT_EQ(names, (std::vector<std::string>{"adapter", "d", "patch"}));
  EXPECT_EQ(sha256(files.back()->bytes()), before);
  EXPECT_NE(sha256_file(folder_ / "patch"), before);
}

TEST_F(Load, TiedTensorsMayOccurTwice) {
  auto tensors = decoder_tensors();
  tensors.emplace_back("model.head.weight", full({5, 4}, 4));
  load({decoder_file(file("d", tensors)), adapter_file()});
  tensors.back().second = full({5, 4}, 5);
  EXPECT_THAT(load_error({decoder_file(file("e", tensors)), adapter_file()}), HasSubstr("both fill"));
}

TEST_F(Load, EverythingWrongIsOneError) {
  auto tensors = decoder_tensors();
  tensors[0].second = full({3, 4}, 1);
  tensors[3].second = full({6, 3}, 1);
  tensors[4] = {"model.bias", full({4}, 1).to(at::kInt)};
  for (int i = 0; i < 30; ++i) tensors.emplace_back(cat("model.extra.", i), full({1}, 0));
  const std::string error = load_error({decoder_file(file("d", tensors))});
  EXPECT_THAT(error, HasSubstr("c.yaml:3:5: "));
  EXPECT_THAT(error, HasSubstr("30 unexpected tensors"));
  EXPECT_THAT(error, HasSubstr("and 10 more"));
  EXPECT_THAT(
      error,
      HasSubstr("model.layers.0.q.weight is [3, 4] in the file, language_decoder.layers.0.qkv is [2, 4]"));
  EXPECT_THAT(error, HasSubstr("model.embed.weight is [6, 3] in the file, language_decoder.embed is [5, 4]"));
  EXPECT_THAT(error, HasSubstr("model.bias holds Int"));
  EXPECT_THAT(error, HasSubstr("1 tensor is in no file:\n    adapter.gate []"));
}

TEST_F(Load, MissingPartsAreNamed) {
  const std::string error =
      load_error({decoder_file(file("d", without("model.layers.0.k.weight"))), adapter_file()});
  EXPECT_THAT(error, HasSubstr("language_decoder.layers.0.qkv [6, 4], part 1 of 3"));
}

TEST_F(Load, TensorsInNoFileMayBeInitialised) {
  int64_t told = 0;
  store_.progress = [&](int64_t done, int64_t) { EXPECT_EQ(done, ++told); };
  may_lack_ = true;
  load({decoder_file(file("d", without("model.embed.weight")))}, at::kHalf);
  EXPECT_EQ(told, std::ssize(store_.slots()));
  WeightStore fresh;
  const Weight expected =
      WeightScope(fresh, "language_decoder").vocabulary("embed", {5, 4}, Init::normal(1), Init::constant(7));
  fresh.initialise(at::kCPU, at::kHalf, 1);
  EXPECT_TRUE(at::equal(embed_.tensor(), expected.tensor()));
  EXPECT_TRUE(embed_.slot()->origins.empty());
  EXPECT_EQ(gate_.tensor().item<float>(), 0);
  EXPECT_EQ(gate_.tensor().scalar_type(), at::kHalf);
  EXPECT_EQ(bias_.tensor().sum().item<float>(), 20);
}

TEST_F(Load, APartOfAFusedTensorIsNeverInitialised) {
  may_lack_ = true;
  EXPECT_THAT(load_error({decoder_file(file("d", without("model.layers.0.k.weight")))}),
              HasSubstr("1 tensor is in no file:\n    language_decoder.layers.0.qkv [6, 4], part 1 of 3"));
}

TEST_F(Load, WholeAndPartsInOneFileClash) {
  auto tensors = decoder_tensors();
  tensors.emplace_back("model.layers.0.qkv.weight", full({6, 4}, 0));
  EXPECT_THAT(load_error({decoder_file(file("d", tensors)), adapter_file()}), HasSubstr("both fill"));
}

TEST_F(Load, TwoKeysForOneTensorClash) {
  auto tensors = decoder_tensors();
  tensors.emplace_back("model.layers.0.query.weight", full({2, 4}, 0));
  EXPECT_THAT(load_error({decoder_file(file("d", tensors)), adapter_file()}),
              HasSubstr("model.layers.0.query.weight and model.layers.0.q.weight both fill "
                        "language_decoder.layers.0.qkv"));
  tensors.back() = {"bias", full({4}, 5)};
  WeightsFile both = decoder_file(file("e", tensors));
  both.layout.push_back({"", "language_decoder", "huggingface"});
  EXPECT_THAT(load_error({both, adapter_file()}),
              HasSubstr("model.bias and bias both fill language_decoder.bias"));
}

TEST_F(Load, PartsBelongToFusedTensorsOnly) {
  auto tensors = decoder_tensors();
  tensors.emplace_back("model.bias.part", full({2}, 0));
  EXPECT_THAT(load_error({decoder_file(file("d", tensors)), adapter_file()}),
              AllOf(HasSubstr("1 unexpected tensor "), HasSubstr("    model.bias.part")));
}

TEST_F(Load, AVocabularyNeedsRowsOfItsWidth) {
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{3, 5}, {0, 4}, {4}, {3, 4, 2}}) {
    auto tensors = without("model.embed.weight");
    tensors.emplace_back("model.embed.weight", full(shape, 4));
    EXPECT_THAT(load_error({decoder_file(file("d", tensors)), adapter_file()}),
                HasSubstr(cat("model.embed.weight is ", at::IntArrayRef(shape),
                              " in the file, language_decoder.embed is [5, 4] in the model")));
  }
}

TEST_F(Load, IgnoredKeysAreNotLoaded) {
  auto tensors = decoder_tensors();
  tensors.emplace_back("model.extra.3", full({1}, 0));
  WeightsFile decoder = decoder_file(file("d", tensors));
  decoder.ignore = {"model.extra.{}"};
  load({decoder, adapter_file()});
  decoder.ignore = {"model.*"};
  EXPECT_THAT(load_error({decoder, adapter_file()}), HasSubstr("in no file"));
}

TEST_F(Load, WrongLayoutsAreLocated) {
  file("d", decoder_tensors());
  const auto with = [&](const LayoutRule& rule) { return load_error({{"d", {rule}, {}, {}}}); };
  EXPECT_THAT(with({"", "language_decoder", "hugingface"}),
              HasSubstr("c.yaml:3:5: weights: language_decoder has no naming "
                        "'hugingface'; did you mean 'huggingface'?"));
  EXPECT_THAT(with({"", "adapter", "openai"}),
              HasSubstr("adapter has no naming 'openai' (known: none but its own names, '')"));
  EXPECT_THAT(with({"", "", "openai"}), HasSubstr("names the slot '', expected one of"));
  EXPECT_THAT(with({"", "decoder", ""}), HasSubstr("names the slot 'decoder', expected one of"));
  EXPECT_THAT(load_error({{"absent", {}, {}, {}}}), HasSubstr("c.yaml:3:5: "));
  EXPECT_THAT(load_error({}), HasSubstr("random weights"));
}

int64_t anonymous_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8));
  }
  return 0;
}

TEST(LoadMemory, NeedsLittleMoreThanTheModel) {
  constexpr int kTensors = 32;
  constexpr int64_t kNumel = 1 << 20;
  Scratch folder;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  WeightStore store;
  for (int i = 0; i < kTensors; ++i) {
    tensors.emplace_back(cat("m.w", i), at::rand({kNumel}, at::kFloat).to(at::kHalf));
    store.declare(cat("m.w", i), {kNumel}, Init::zeros());
  }
  write_safetensors(folder / "f", tensors);
  tensors.clear();
  const int64_t before = anonymous_kilobytes();
  std::atomic<bool> done = false;
  int64_t peak = 0;
  std::thread watch([&] {
    while (!done) {
      peak = std::max(peak, anonymous_kilobytes());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  load_weights(
      store, {"", {{(folder / "f").string(), {}, {}, {}}}}, [](const std::string&) { return nullptr; },
      at::kCPU, at::kFloat, 0);
  done = true;
  watch.join();
  EXPECT_LT(peak - before, kTensors * kNumel * 4 / 1024 * 11 / 10);
}

}  // namespace
}  // namespace flam
