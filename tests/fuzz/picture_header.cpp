// Pictures: reads the header, and then the picture itself if it is small.
#include "framework/media/picture_header.h"

#include "framework/media/decode.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flam;
  const std::string bytes(test::as_text(data, size));
  test::refusing([&] {
    const PictureHeader header = read_picture_header(bytes, "fuzz");
    if (header.width <= 0 || header.height <= 0) __builtin_trap();
    DecodeOptions options;
    options.max_pixels = 1 << 14;
    options.background = {255, 255, 255};
    decode_picture(bytes, "fuzz", options);
  });
  return 0;
}
