#pragma once
// Loads a picture file as input for the backbone, or takes its features from the cache.

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "framework/component/media_layout.h"
#include "framework/media/decode_options.h"
#include "framework/media/picture.h"
#include "framework/model/transform_chain.h"
#include "framework/session/feature_cache.h"
#include "framework/session/loader_threads.h"

namespace flam {

/// A name that identifies a file, or a string of bytes in memory, within this process.
std::string name_in_memory(const PictureSource& source);

struct LoadedPicture {
  std::string content;  // equal for the same file, whether it is decoded already or not
  at::Tensor features;  // [C,P,D] if they were given or known; undefined otherwise
  at::Tensor pixels;    // float32 [C,3,S,S] where the features are not known, or if they were asked for
  std::optional<double> decode_milliseconds, transform_milliseconds;  // of a picture that was decoded
};

/// What is asked of the loader for a picture.
struct WantedPicture {
  const PictureSource* source = nullptr;
  bool may_split = true;  // as in MediaLayout::plan()
};

/// Reads, decodes, lays out and transforms pictures in loader threads. A picture whose features are cached is
/// read but not decoded. It may be used from several threads.
class PictureLoader {
 public:
  /// `layout`, `transforms`, `options` and `cache` must outlive the loader.
  PictureLoader(const MediaLayout& layout, const TransformChain& transforms, const DecodeOptions& options,
                FeatureKeys keys, FeatureCache& cache, int threads);

  /// Reads the oriented size from the picture's header, unless it is known. The bytes are kept until the
  /// picture is loaded, as long as all that are kept stay below a limit, so that a picture is read from disk
  /// once. Error: as decode_picture(), as far as the header shows it.
  void measure(PictureSource& source);

  /// Starts to load a picture.
  std::shared_future<LoadedPicture> begin(const WantedPicture& wanted, bool with_pixels);
  /// Waits for a picture from begin(). Error: the picture can't be read.
  LoadedPicture finish(const std::shared_future<LoadedPicture>& begun);

  /// Decodes a picture in place, for those who need it more than once.
  void decode(PictureSource& source);

  /// Begins to load a picture that begin() will be asked for later. Does nothing if many are under way, so
  /// that memory stays bounded.
  void prefetch(const WantedPicture& wanted);
  /// A name that is equal for the same file or bytes, laid out in the same way.
  std::string name(const WantedPicture& wanted) const;
  /// Forgets the pictures that were prefetched or measured and not asked for.
  void drop_prefetched();

 private:
  void keep(const std::string& path, const std::shared_ptr<const std::string>& bytes);
  /// What was kept, or the bytes of the file.
  std::shared_ptr<const std::string> take_bytes(const PictureSource& source);
  LoadedPicture load(const PictureSource& source, bool may_split, bool with_pixels);
  std::shared_future<LoadedPicture> queue(const WantedPicture& wanted, bool with_pixels);
  /// Whether a picture is not laid out in the same way as a frame of a video.
  bool splits(bool may_split) const {
    return may_split && (layout_.max_crops() > 1 || layout_.separates_frames());
  }

  const MediaLayout& layout_;
  const TransformChain& transforms_;
  const DecodeOptions& options_;
  const FeatureKeys keys_;
  FeatureCache& cache_;

  struct Ahead {
    std::shared_ptr<const std::string> bytes;  // kept alive, because its address is part of the name
    std::shared_future<LoadedPicture> picture;
  };
  std::mutex mutex_;
  std::map<std::string, Ahead> ahead_;                              // by name()
  std::map<std::string, std::shared_ptr<const std::string>> kept_;  // bytes by path
  size_t kept_size_ = 0;
  LoaderThreads threads_;  // ends first: its jobs use the rest
};

}  // namespace flam
