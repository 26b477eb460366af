#pragma once
// The numbers of a training run, written as they come: JSON lines, and event files for TensorBoard.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/export.h"

namespace flam {

class FLAM_API RunLog {
 public:
  using Numbers = std::vector<std::pair<std::string, double>>;

  /// `file` gets the JSON lines. `events` is the folder for TensorBoard, "": none. Nothing is written before
  /// the first add(), so that a run that fails at once leaves the numbers of an earlier one.
  RunLog(std::filesystem::path file, std::filesystem::path events);

  /// The run starts or continues after `step` steps: the first add() removes the lines of later steps, and
  /// tells TensorBoard to forget them.
  void begin(int64_t step);
  /// Adds a line {"step": …, NAME: …}, and a point NAME for TensorBoard for each number. RunError: it can't
  /// be written.
  void add(int64_t step, const Numbers& numbers);

 private:
  void open_files();
  void write_event(const std::string& event);

  std::filesystem::path file_, events_folder_, events_file_;
  int64_t first_step_ = 0;
  std::ofstream lines_, events_;
};

}  // namespace flam
