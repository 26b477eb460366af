// encode_texts CONFIG VOCAB_SIZE FILE ROUNDS: encodes the texts of a JSON list, and prints as JSON the ids,
// the seconds to open the tokenizer, and the seconds of the fastest round. CONFIG is the tokenizer's node as
// YAML.
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "framework/sdk.h"
#include "framework/testing/component.h"

int main(int argc, char** argv) {
  using namespace flam;
  using Clock = std::chrono::steady_clock;
  if (argc != 5) {
    std::cerr << "usage: encode_texts CONFIG VOCAB_SIZE FILE ROUNDS\n";
    return 2;
  }
  try {
    const auto seconds = [](Clock::time_point begin) {
      return std::chrono::duration<double>(Clock::now() - begin).count();
    };
    Built<Tokenizer> tokenizer(std::string(argv[1]), {std::stoll(argv[2])});
    const auto begin = Clock::now();
    tokenizer->load("");
    nlohmann::json out;
    out["load"] = seconds(begin);
    std::ifstream file(argv[3]);
    std::vector<MarkedText> texts;
    for (const std::string& text : nlohmann::json::parse(file).get<std::vector<std::string>>())
      texts.push_back(template_text(text));
    std::vector<std::vector<int64_t>> ids(texts.size());
    double fastest = 1e9;
    for (int round = std::stoi(argv[4]); round > 0; --round) {
      const auto start = Clock::now();
      for (size_t i = 0; i < texts.size(); ++i) ids[i] = tokenizer->encode(texts[i], false);
      fastest = std::min(fastest, seconds(start));
    }
    out["encode"] = fastest;
    out["ids"] = ids;
    std::vector<std::string> decoded;
    for (const auto& row : ids) decoded.push_back(tokenizer->decode(row, false));
    out["decoded"] = decoded;
    std::cout << out.dump() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "encode_texts: " << error.what() << '\n';
    return 2;
  }
}
