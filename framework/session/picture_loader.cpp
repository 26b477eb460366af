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

PictureLoader::PictureLoader(const MediaLayout& layout, const TransformChain& transforms,
                             const DecodeOptions& options, FeatureKeys keys, FeatureCache& cache, int threads)
    : layout_(layout),
      transforms_(transforms),
      options_(options),
      keys_(std::move(keys)),
      cache_(cache),
      threads_(threads) {}

std::string PictureLoader::name(const WantedPicture& wanted) const {
  return name_in_memory(*wanted.source) + (splits(wanted.may_split) ? ":split" : "");
}

void PictureLoader::measure(PictureSource& source) {
  if (source.height > 0) return;
  PictureSource read = source;
  if (!source.picture && !source.bytes) {
    read.bytes = bytes_of(source, options_);
    keep(source.path, read.bytes);
  }
  const PictureSize size = picture_size(read, options_);
  source.height = size.height;
  source.width = size.width;
}

void PictureLoader::keep(const std::string& path, const std::shared_ptr<const std::string>& bytes) {
  if (bytes->size() > kMostKeptBytes) return;
  const std::lock_guard lock(mutex_);
  if (kept_size_ + bytes->size() > kMostKeptBytes) {
    kept_.clear();
    kept_size_ = 0;
  }
  auto& kept = kept_[path];
  if (kept) kept_size_ -= kept->size();
  kept = bytes;
  kept_size_ += bytes->size();
}

std::shared_ptr<const std::string> PictureLoader::take_bytes(const PictureSource& source) {
  if (!source.bytes) {
    const std::lock_guard lock(mutex_);
    if (auto found = kept_.extract(source.path)) {
      kept_size_ -= found.mapped()->size();
      return found.mapped();
    }
  }
  return bytes_of(source, options_);
}

void PictureLoader::decode(PictureSource& source) {
  if (source.picture || source.features.defined()) return;
  const auto bytes = take_bytes(source);
  source.picture = decode_picture(*bytes, source.name(), options_);
  source.bytes = bytes;  // by which the picture is still known
}

LoadedPicture PictureLoader::load(const PictureSource& source, bool may_split, bool with_pixels) {
  LoadedPicture out;
  if (source.features.defined()) {
    if (with_pixels) static_cast<void>(load_picture(source, options_));  // throws
    out.content = features_key(source.features);
    out.features = source.features.unsqueeze(0);
    return out;
  }
  std::optional<Picture> picture = source.picture;
  std::shared_ptr<const std::string> bytes;
  if (picture) {
    out.content = source.bytes ? sha256(*source.bytes) : content_key(*picture);
  } else {
    bytes = take_bytes(source);
    out.content = sha256(*bytes);
  }
  if (splits(may_split)) out.content += ":split";
  out.features = cache_.find(keys_.key(out.content));
  if (out.features.defined() && !with_pixels) return out;
  if (!picture) {
    const Stopwatch watch;
    picture = decode_picture(*bytes, source.name(), options_);
    bytes.reset();
    out.decode_milliseconds = watch.milliseconds();
  }
  // The prompt was made for the size in the header.
  if (source.height > 0 && (picture->height() != source.height || picture->width() != source.width)) {
    throw Error(cat("picture ", quoted(source.name()), " has ", picture->width(), "×", picture->height(),
                    " pixels, but its header says ", source.width, "×", source.height));
  }
  const Stopwatch watch;
  out.pixels = transforms_.apply(*picture, layout_, may_split);
  out.transform_milliseconds = watch.milliseconds();
  return out;
}

std::shared_future<LoadedPicture> PictureLoader::queue(const WantedPicture& wanted, bool with_pixels) {
  const auto job = std::make_shared<std::packaged_task<LoadedPicture()>>(
      [this, source = *wanted.source, may_split = wanted.may_split, with_pixels] {
        return load(source, may_split, with_pixels);
      });
  threads_.add([job] { (*job)(); });
  return job->get_future().share();
}

std::shared_future<LoadedPicture> PictureLoader::begin(const WantedPicture& wanted, bool with_pixels) {
  const PictureSource& source = *wanted.source;
  if (!with_pixels && !source.picture && !source.features.defined()) {
    const std::lock_guard lock(mutex_);
    if (auto found = ahead_.extract(name(wanted))) return found.mapped().picture;
  }
  return queue(wanted, with_pixels);
}

LoadedPicture PictureLoader::finish(const std::shared_future<LoadedPicture>& begun) {
  threads_.wait(begun);
  return begun.get();
}

void PictureLoader::prefetch(const WantedPicture& wanted) {
  const PictureSource& source = *wanted.source;
  if (source.picture || source.features.defined()) return;
  const std::lock_guard lock(mutex_);
  const std::string named = name(wanted);
  if (ahead_.size() >= kMostAhead || ahead_.contains(named)) return;
  ahead_[named] = {source.bytes, queue(wanted, false)};
}

void PictureLoader::drop_prefetched() {
  const std::lock_guard lock(mutex_);
  ahead_.clear();
  kept_.clear();
  kept_size_ = 0;
}

}  // namespace flam
