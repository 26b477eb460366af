# The three OpenCV modules in use, as imported targets. OpenCV's own CMake files are not used: in Debian they are part of
# libopencv-dev, which installs every module and its hundreds of dependencies.
find_path(FLAM_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(module core imgproc imgcodecs)
  find_library(FLAM_OPENCV_${module} opencv_${module} REQUIRED)
  mark_as_advanced(FLAM_OPENCV_${module})
  add_library(opencv_${module} SHARED IMPORTED)
  set_target_properties(opencv_${module} PROPERTIES IMPORTED_LOCATION ${FLAM_OPENCV_${module}}
                                                    INTERFACE_INCLUDE_DIRECTORIES ${FLAM_OPENCV_INCLUDE})
endforeach()
