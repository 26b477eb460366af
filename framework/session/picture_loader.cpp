#include "framework/session/picture_loader.h"

#include <chrono>

#include "framework/base/hash.h"
#include "framework/base/text.h"
#include "framework/media/decode.h"

namespace flam {

namespace {

constexpr size_t kMostKeptBytes = size_t{64} << 20;
constexpr size_t kMostAhead = 32;

std::shared_ptr<const std::string> bytes_of(const PictureSource& source, const DecodeOptions& options) {
  if (source.bytes) return source.bytes;
  return std::make_shared<const std::string>(read_picture_file(source.path, options));
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

PictureLoader::PictureLoader(const TransformChain& transforms, const DecodeOptions& options, FeatureKeys keys,
                             FeatureCache& cache, int threads)
    : transforms_(transforms), options_(options), keys_(std::move(keys)), cache_(cache), threads_(threads) {}

void PictureLoader::measure(PictureSource& source) const {
  if (source.height > 0) return;
  PictureSource read = source;
  if (!source.picture) read.bytes = bytes_of(source, options_);
  const PictureSize size_seen = picture_size(read, options_);
  source.height = size_seen.height;
  source.width = size_seen.width;
  if (source.picture || source.bytes) return;
  const auto bytes = read.bytes;
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
    bytes = bytes_of(source, options_);
    out.key = keys_.key(sha256(*bytes));
  }
  out.features = cache_.find(out.key);
  if (out.features.defined() && !with_pixels) return out;
  if (!picture) {
    const Stopwatch watch;
    picture = decode_picture(*bytes, source.name(), options_);
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
