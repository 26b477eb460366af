#pragma once
#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// The files that weights came from as JSON, [{"file": NAME, "sha256": HASH}, …], for the metadata of files
/// that are made of them. Reads every file.
std::string sources_json(const WeightStore& store);

}  // namespace flam
