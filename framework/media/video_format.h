#pragma once
// Detects the container of a video from the first bytes of the file, before anything else reads it. The name
// of the file is not used.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

enum class VideoFormat { none, mp4, matroska, avi, mpeg_ts, mpeg_ps, ogg, flv, gif };

/// The number of bytes that sniff_video() examines.
inline constexpr size_t kSniffedVideoBytes = 600;

/// The format of the file that begins with `first_bytes`. They may be fewer than kSniffedVideoBytes only if
/// the whole file is. Pictures in an MP4 container (HEIC, AVIF) and playlists are none.
FLAM_API VideoFormat sniff_video(std::string_view first_bytes);

/// "MP4", "Matroska", …; "unknown" for none.
FLAM_API const char* name_of(VideoFormat format);

/// Says why a file that sniff_video() doesn't recognise is refused; follows its name in a message.
FLAM_API std::string why_not_video(std::string_view first_bytes);

/// How many bytes the file should have at least, as far as its container says: the ends of the boxes of an
/// MP4 file, of an AVI file's lists and of a Matroska segment. `read(at, bytes)` returns up to so many bytes
/// of the file from an offset. nullopt: the container doesn't say.
FLAM_API std::optional<uint64_t> expected_length(
    VideoFormat format, uint64_t size, const std::function<std::string(uint64_t at, size_t bytes)>& read);

}  // namespace flam
