#include "framework/session/picture_loader.h"

#include <chrono>

#include "framework/base/file.h"
#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/media/decode.h"
#include "framework/media/picture_header.h"

namespace flam {

namespace {

constexpr size_t kMostKeptBytes = size_t{64} << 20;
constexpr size_t kMostAhead = 32;

std::shared_ptr<const std::string> bytes_of(const PictureSource& source) {
  if (source.bytes) return source.bytes;
  return std::make_shared<const std::string>(read_file(source.path, DecodeLimits().max_bytes));
}

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string name_in_memory(const PictureSource& source) {
  return source.bytes ? cat("bytes at ", static_cast<const void*>(source.bytes.get())) : source.path;
}

PictureLoader::PictureLoader(const TransformChain& transforms, FeatureKeys keys, FeatureCache& cache,
                             int threads)
    : transforms_(transforms), keys_(std::move(keys)), cache_(cache), threads_(threads) {}

void PictureLoader::measure(PictureSource& source) const {
  if (source.height > 0) return;
  if (source.picture) {
    source.height = source.picture->height();
    source.width = source.picture->width();
    return;
  }
  const auto bytes = bytes_of(source);
  const PictureHeader header = read_picture_header(*bytes, source.name());
  source.height = header.height;
  source.width = header.width;
  if (source.bytes) return;
  const size_t size = bytes->size();
  if (kept_bytes_->fetch_add(size) + size > kMostKeptBytes) {
    *kept_bytes_ -= size;
    return;
  }
  source.bytes = std::shared_ptr<const std::string>(
      bytes.get(), [bytes, kept = kept_bytes_](const std::string* of) { *kept -= of->size(); });
}

LoadedPicture PictureLoader::load(const PictureSource& source, bool with_pixels) const {
  LoadedPicture out;
  std::optional<Picture> picture = source.picture;
  std::shared_ptr<const std::string> bytes;
  if (picture) {
    out.key = keys_.key(content_key(*picture));
  } else {
    bytes = bytes_of(source);
    out.key = keys_.key(sha256(*bytes));
  }
  out.features = cache_.find(out.key);
  if (out.features.defined() && !with_pixels) return out;
  if (!picture) {
    const Stopwatch watch;
    picture = decode_picture(*bytes, source.name());
    bytes.reset();
    out.decode_milliseconds = watch.milliseconds();
  }
  const Stopwatch watch;
  out.pixels = transforms_.apply(*picture);
  out.transform_milliseconds = watch.milliseconds();
  return out;
}

std::shared_future<LoadedPicture> PictureLoader::queue(const PictureSource& source, bool with_pixels) {
  const auto job = std::make_shared<std::packaged_task<LoadedPicture()>>(
      [this, source, with_pixels] { return load(source, with_pixels); });
  threads_.add([job] { (*job)(); });
  return job->get_future().share();
}

std::shared_future<LoadedPicture> PictureLoader::begin(const PictureSource& source, bool with_pixels) {
  if (!with_pixels && !source.picture) {
    const std::lock_guard lock(mutex_);
    if (auto found = ahead_.extract(name_in_memory(source))) return found.mapped().picture;
  }
  return queue(source, with_pixels);
}

LoadedPicture PictureLoader::finish(const std::shared_future<LoadedPicture>& begun) {
  threads_.wait(begun);
  return begun.get();
}

void PictureLoader::prefetch(const PictureSource& source) {
  if (source.picture) return;
  const std::lock_guard lock(mutex_);
  const std::string name = name_in_memory(source);
  if (ahead_.size() >= kMostAhead || ahead_.contains(name)) return;
  ahead_[name] = {source.bytes, queue(source, false)};
}

}  // namespace flam
