#pragma once
#include <memory>
#include <string>

#include "framework/commands/evaluate/results_folder.h"
#include "framework/component/dataset.h"
#include "framework/media/decode_options.h"
#include "framework/registry/registry.h"

namespace flam {

/// Small pictures of the records of a stored run, from the dataset of its config.
class ReportPictures {
 public:
  ReportPictures(const StoredResults& results, Registry& registry);

  /// Why there are no pictures; "" if there are.
  const std::string& problem() const { return problem_; }
  /// A JPEG file with the last picture of a record; "" if the dataset has another record in its place, or the
  /// picture can't be read.
  std::string of(int64_t index, const std::string& id) const;

 private:
  void open(const StoredResults& results, Registry& registry);

  std::unique_ptr<Dataset> dataset_;
  DecodeOptions options_;
  std::string problem_;
};

}  // namespace flam
