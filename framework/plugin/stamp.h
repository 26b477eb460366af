#pragma once
// The one function that a plugin library exports, and the plain struct that it returns. The struct is
// compared field by field before any C++ object is passed to the plugin. Only then is enroll() called with a
// registrar.

#include <cstdint>
#include <string>

#include "framework/base/export.h"

namespace flam {

class Registrar;

inline constexpr uint32_t kPluginMagic = 0x464c414d;  // "FLAM"
inline constexpr uint32_t kSdkVersionMajor = 0;
inline constexpr uint32_t kSdkVersionMinor = 2;
inline constexpr const char* kPluginEntry = "flam_plugin";

extern "C" {
/// Plain data: fixed-size fields, no pointers before `enroll`, so that a foreign or older struct can be read
/// safely.
struct FlamPluginStamp {
  uint32_t magic;
  uint32_t size;  // sizeof(FlamPluginStamp)
  uint32_t sdk_major, sdk_minor;
  char compiler[48];    // "gcc 12"
  char stdlib_abi[48];  // "libstdc++ cxx11=1"
  char torch[48];       // "2.11.0"
  char
      sdk_headers[24];  // hash of the declarations that the SDK's headers contain (tools/cmake/SdkHash.cmake)
  void (*enroll)(flam::Registrar*);
};
}

/// Returns the stamp of the program or plugin that is compiled with this header.
constexpr FlamPluginStamp make_stamp(const char* sdk_headers, void (*enroll)(Registrar*)) {
  FlamPluginStamp s{kPluginMagic, sizeof(FlamPluginStamp), kSdkVersionMajor, kSdkVersionMinor, {}, {}, {}, {},
                    enroll};
  const auto put = [](char* to, const char* from) {
    while (*from) *to++ = *from++;
  };
#define FLAM_TEXT_(x) #x
#define FLAM_TEXT(x) FLAM_TEXT_(x)
#if defined(__clang__)
  put(s.compiler, "clang " FLAM_TEXT(__clang_major__));
#else
  put(s.compiler, "gcc " FLAM_TEXT(__GNUC__));
#endif
  put(s.stdlib_abi, "libstdc++ cxx11=" FLAM_TEXT(_GLIBCXX_USE_CXX11_ABI));
  put(s.torch, FLAM_TORCH_VERSION);
  put(s.sdk_headers, sdk_headers);
  return s;
}

/// The stamp of this program, which enrolls nothing.
FLAM_API FlamPluginStamp program_stamp();

}  // namespace flam

/// Defines the entry point of a plugin. The block that follows registers its components:
///   FLAM_PLUGIN(registrar) { registrar.add<AveragePool, AveragePoolParams>("average_pool", "one line of
///   doc"); }
#define FLAM_PLUGIN(registrar)                                                                        \
  static void flam_enroll_components(::flam::Registrar& registrar);                                   \
  static void flam_enroll(::flam::Registrar* r) {                                                     \
    flam_enroll_components(*r);                                                                       \
  }                                                                                                   \
  extern "C" FLAM_API const ::flam::FlamPluginStamp* flam_plugin() {                                  \
    static constexpr ::flam::FlamPluginStamp stamp = ::flam::make_stamp(FLAM_SDK_HASH, &flam_enroll); \
    return &stamp;                                                                                    \
  }                                                                                                   \
  static void flam_enroll_components(::flam::Registrar& registrar)
