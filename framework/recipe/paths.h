#pragma once
#include <filesystem>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The folder of the shipped configs: FLAM_CONFIGS_DIR if set; share/flamboyance/configs beside an installed
/// library; the source tree's configs for a library in its build tree.
FLAM_API std::filesystem::path configs_root();

/// The folder of the skeletons that `flam new-plugin` writes, found in the same way: FLAM_TEMPLATES_DIR,
/// share/flamboyance/templates, tools/templates of the source tree.
FLAM_API std::filesystem::path templates_root();

}  // namespace flam
