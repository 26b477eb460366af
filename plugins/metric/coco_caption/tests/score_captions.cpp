// For tools/bench_captions: score_captions FILE scores captions, and prints the scores and the seconds that
// each part took. A line of the file has a caption and its references, with tabs between them.
#include <cstdio>
#include <ctime>
#include <fstream>
#include <utility>

#include "framework/component/metric.h"
#include "framework/testing/component.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: score_captions FILE\n", stderr);
    return 2;
  }
  auto seconds = [last = std::clock()]() mutable {  // of the processor, which other programs may use, too
    const auto now = std::clock();
    return static_cast<double>(now - std::exchange(last, now)) / CLOCKS_PER_SEC;
  };
  std::vector<std::pair<flam::Record, flam::Prediction>> records;
  std::ifstream file(argv[1]);
  for (std::string line; std::getline(file, line);) {
    flam::Record record;
    const size_t end = line.find('\t');
    for (size_t begin = end + 1; end != line.npos && begin <= line.size();) {
      const size_t next = std::min(line.find('\t', begin), line.size());
      record.references.push_back(line.substr(begin, next - begin));
      begin = next + 1;
    }
    records.emplace_back(std::move(record), flam::Prediction{line.substr(0, end)});
  }
  const flam::Built<flam::Metric> metric("{type: coco_caption}");
  const auto run = metric->start();
  seconds();
  for (const auto& [record, prediction] : records) run->add(record, prediction);
  const double added = seconds();
  const auto scores = run->scores();
  const double scored = seconds();
  std::vector<int64_t> all(records.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>((i * 7919) % all.size());
  run->scores_of(all);
  const double selected = seconds();
  for (const auto& [name, score] : scores) std::printf("%s %.17g\n", name.c_str(), score);
  std::printf("records %zu\nadd %.3f s\nscores %.3f s\nselection %.4f s\n", records.size(), added, scored,
              selected);
}
