// Makes the tokenizer of flamingo_mini: `scenes_tokenizer tokenizer.model`. The result is the same on every
// machine with the same version of sentencepiece.
#include <sentencepiece_trainer.h>

#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "framework/base/file.h"
#include "plugins/dataset/scenes/grammar.h"

namespace {

constexpr uint64_t kScenes = 20000;

/// The texts that the task heads make of a scene, without the special tokens.
std::vector<std::string> lines_of(const flam::Scene& scene) {
  const std::string caption = flam::describe_scene(scene, 0);
  const flam::Question question = flam::ask(scene, 0);
  return {caption, "Output: " + caption, "Question:" + question.text + " Short Answer: " + question.answer};
}

class Lines final : public sentencepiece::SentenceIterator {
 public:
  Lines() { fill(); }
  bool done() const override { return seed_ >= kScenes; }
  void Next() override {
    if (++at_ < lines_.size()) return;
    ++seed_;
    fill();
  }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void fill() {
    lines_ = lines_of(flam::sample_scene(seed_, flam::Split::train));
    at_ = 0;
  }

  uint64_t seed_ = 0;
  size_t at_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: scenes_tokenizer OUTPUT.model\n";
    return 2;
  }
  // LLaMA's settings, and its ids for <unk>, <s> and </s>.
  const std::unordered_map<std::string, std::string> settings{{"model_type", "bpe"},
                                                              {"vocab_size", "512"},
                                                              {"byte_fallback", "true"},
                                                              {"normalization_rule_name", "identity"},
                                                              {"remove_extra_whitespaces", "false"},
                                                              {"add_dummy_prefix", "true"},
                                                              {"allow_whitespace_only_pieces", "true"},
                                                              {"split_digits", "true"},
                                                              {"character_coverage", "1.0"},
                                                              {"hard_vocab_limit", "false"},
                                                              {"unk_id", "0"},
                                                              {"bos_id", "1"},
                                                              {"eos_id", "2"},
                                                              {"pad_id", "-1"},
                                                              {"num_threads", "1"},
                                                              {"minloglevel", "1"}};
  Lines lines;
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &lines, &model);
  if (!status.ok()) {
    std::cerr << "scenes_tokenizer: " << status.ToString() << "\n";
    return 1;
  }
  try {
    flam::write_file(argv[1], model);
  } catch (const std::exception& error) {
    std::cerr << "scenes_tokenizer: " << error.what() << "\n";
    return 1;
  }
}
