#include "framework/weights/sources.h"

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/config/config.h"

namespace flam {

std::string sources_json(const WeightStore& store) {
  Value sources = Value::list();
  for (const auto& file : store.files()) {
    Value source = Value::map();
    source.set("file", file->path().filename().string());
    source.set("sha256", sha256(file->bytes()));
    sources.as_list().push_back(std::move(source));
  }
  return write_json(sources);
}

}  // namespace flam
