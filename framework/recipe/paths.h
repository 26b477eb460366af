#pragma once
#include <filesystem>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The folder of the shipped configs: FLAM_CONFIGS_DIR if it is set, share/flamboyance/configs for an
/// installed library, or the source tree's configs for a library in its build tree.
FLAM_API std::filesystem::path configs_root();

/// The folder of the templates for `flam new-plugin`. It is found in the same way: FLAM_TEMPLATES_DIR,
/// share/flamboyance/templates, or tools/templates of the source tree.
FLAM_API std::filesystem::path templates_root();

}  // namespace flam
