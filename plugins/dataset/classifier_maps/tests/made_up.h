#pragma once
// A made-up classifier of 8 classes on features of width 24, in a grid of 5×5.

#include "framework/testing/near.h"
#include "plugins/dataset/classifier_maps/grammar.h"

namespace flam::test {

inline at::Tensor base_maps() {
  return random({40, 25, 24}, 1).clamp_min(0);
}
inline at::Tensor classifier_weight() {
  return random({8, 24}, 2);
}
inline at::Tensor classifier_bias() {
  return random({8}, 3) * 0.1;
}

inline const std::vector<NamedClass> kNamedClasses = {{"tabby", {"cat", "mammal"}},
                                                      {"persian cat", {"cat", "mammal"}},
                                                      {"owl", {"bird"}},
                                                      {"eagle", {"bird"}},
                                                      {"hammer", {"tool", "device"}},
                                                      {"radio", {"device"}},
                                                      {"orange", {"fruit", "food"}},
                                                      {"acorn", {"acorn"}}};
/// The same classes as a file.
inline const char* const kClasses =
    "tabby\tcat, mammal\npersian cat\tcat, mammal\nowl\tbird\neagle\tbird\nhammer\ttool, device\n"
    "radio\tdevice\norange\tfruit, food\nacorn\tacorn\n";

inline ClassifierMaps made_up_maps(const MapOptions& options = {}) {
  return {base_maps(), classifier_weight(), classifier_bias(), options};
}

}  // namespace flam::test
