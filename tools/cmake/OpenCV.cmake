# The OpenCV modules in use, as imported targets. OpenCV's own CMake files are not used: in Debian they are part of
# libopencv-dev, which installs every module and its hundreds of dependencies.
find_path(FLAM_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(module core imgproc imgcodecs)
  find_library(FLAM_OPENCV_${module} opencv_${module} REQUIRED)
  mark_as_advanced(FLAM_OPENCV_${module})
  add_library(opencv_${module} SHARED IMPORTED)
  set_target_properties(opencv_${module} PROPERTIES IMPORTED_LOCATION ${FLAM_OPENCV_${module}}
                                                    INTERFACE_INCLUDE_DIRECTORIES ${FLAM_OPENCV_INCLUDE})
endforeach()

# Only flam-frames uses this one. It links FFmpeg, which in Debian has codecs under the GPL.
option(FLAM_VIDEO "Build flam-frames, which reads videos, where OpenCV's videoio is installed" ON)
find_library(FLAM_OPENCV_videoio opencv_videoio)
mark_as_advanced(FLAM_OPENCV_videoio)
if(FLAM_VIDEO AND FLAM_OPENCV_videoio AND EXISTS ${FLAM_OPENCV_INCLUDE}/opencv2/videoio.hpp)
  add_library(opencv_videoio SHARED IMPORTED)
  set_target_properties(opencv_videoio PROPERTIES IMPORTED_LOCATION ${FLAM_OPENCV_videoio}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${FLAM_OPENCV_INCLUDE})
endif()
