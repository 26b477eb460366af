#pragma once
// The symbols of at::cuda::CUDAGraph's members (ATen/cuda/CUDAGraph.h) in libtorch_cuda. A changed signature
// changes the symbol, so a symbol that is found can be called.

namespace flam::cuda_graph_symbols {

constexpr const char* kConstruct = "_ZN2at4cuda9CUDAGraphC1Eb";
constexpr const char* kDestroy = "_ZN2at4cuda9CUDAGraphD1Ev";
constexpr const char* kCaptureBegin =
    "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode";
constexpr const char* kCaptureEnd = "_ZN2at4cuda9CUDAGraph11capture_endEv";
constexpr const char* kReplay = "_ZN2at4cuda9CUDAGraph6replayEv";
constexpr const char* kAll[] = {kConstruct, kDestroy, kCaptureBegin, kCaptureEnd, kReplay};

}  // namespace flam::cuda_graph_symbols
