// Runs a fuzz target on stored inputs and on seeded variations of each, for compilers without libFuzzer:
// replay CHANGES PATH…
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <vector>

#include "framework/base/file.h"
#include "tests/fuzz/target.h"

namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kLargestInput =
    1 << 20;  // of a folder; larger files, such as weights beside configs, only cost time

std::string changed(std::string bytes, std::mt19937_64& random) {
  const size_t edits = 1 + random() % 4;
  for (size_t i = 0; i < edits && !bytes.empty(); ++i) {
    const size_t at = random() % bytes.size(), count = 1 + random() % 8;
    switch (random() % 5) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
        break;
      case 2:
        bytes.erase(at, count);
        break;
      case 3:
        bytes.insert(at, bytes.substr(random() % bytes.size(), count));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

int run(const std::string& bytes) {
  return LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  const size_t changes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0;
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i) {
    if (fs::is_regular_file(argv[i])) files.emplace_back(argv[i]);
    if (!fs::is_directory(argv[i])) continue;
    for (const auto& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file() && entry.file_size() <= kLargestInput) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::mt19937_64 random(1);
  for (const fs::path& file : files) {
    const std::string bytes = flam::read_file(file, size_t{1} << 28);
    run(bytes);
    for (size_t i = 0; i < changes; ++i) run(changed(bytes, random));
  }
  std::cout << files.size() << " inputs, " << changes << " changes of each\n";
  return files.empty() ? 1 : 0;
}
