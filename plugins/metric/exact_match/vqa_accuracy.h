#pragma once
#include "framework/sdk.h"

namespace flam {

void add_vqa_accuracy(Registrar& registrar);

}  // namespace flam
