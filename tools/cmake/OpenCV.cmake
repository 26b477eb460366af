# The three OpenCV modules in use as imported targets. Debian's CMake files for OpenCV lie in libopencv-dev, which brings
# every module and their hundreds of dependencies; the headers and libraries of these three are enough.
find_path(FLAM_OPENCV_INCLUDE opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(module core imgproc imgcodecs)
  find_library(FLAM_OPENCV_${module} opencv_${module} REQUIRED)
  mark_as_advanced(FLAM_OPENCV_${module})
  add_library(opencv_${module} SHARED IMPORTED)
  set_target_properties(opencv_${module} PROPERTIES IMPORTED_LOCATION ${FLAM_OPENCV_${module}}
                                                    INTERFACE_INCLUDE_DIRECTORIES ${FLAM_OPENCV_INCLUDE})
endforeach()
