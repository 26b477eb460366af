// Records the decode step as a CUDA graph (CUDA C++ Programming Guide, "CUDA Graphs") with libtorch's
// CUDAGraph class, which keeps the memory that is allocated during recording.
//
// libtorch's CUDA half may be absent when this library is built or loaded, so it is not linked. The few
// functions that are needed are looked up when graphs are requested. A CUDA device is in use by then, and the
// CUDA half is loaded.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <dlfcn.h>

#include <mutex>

#include "framework/sdk.h"
#include "plugins/step_graph/cuda_graph/symbols.h"

namespace flam {

struct CudaGraphParams {
  void visit(ParamVisitor&) {}
};

namespace {

using at::cuda::CUDAGraph;

/// Members of CUDAGraph as functions whose first argument is the object (Itanium C++ ABI).
struct Functions {
  void (*construct)(CUDAGraph*, bool keep_graph) = nullptr;
  void (*destroy)(CUDAGraph*) = nullptr;
  void (*capture_begin)(CUDAGraph*, c10::MempoolId_t pool, cudaStreamCaptureMode mode) = nullptr;
  void (*capture_end)(CUDAGraph*) = nullptr;
  void (*replay)(CUDAGraph*) = nullptr;

  Functions() {
    find(construct, cuda_graph_symbols::kConstruct);
    find(destroy, cuda_graph_symbols::kDestroy);
    find(capture_begin, cuda_graph_symbols::kCaptureBegin);
    find(capture_end, cuda_graph_symbols::kCaptureEnd);
    find(replay, cuda_graph_symbols::kReplay);
  }

 private:
  template <class Function>
  static void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
    if (!function) {
      throw Error(cat("libtorch's CUDA half is not loaded, or does not belong to libtorch ",
                      FLAM_TORCH_VERSION, ": it has no ", symbol));
    }
  }
};

/// Shared by the graphs of one device. They record on one stream, because the matrix library keeps a
/// workspace for every stream that was ever used.
struct Recorder {
  explicit Recorder(at::Device device)
      : guard(at::kCUDA), stream(guard.getStreamFromGlobalPool(device, false)) {}

  const Functions functions;
  const c10::impl::VirtualGuardImpl guard;
  const c10::Stream stream;
  std::mutex recording;
};

class CudaGraph final : public StepGraph {
 public:
  explicit CudaGraph(std::shared_ptr<Recorder> recorder) : recorder_(std::move(recorder)) {
    recorder_->functions.construct(graph(), false);
  }
  ~CudaGraph() override {
    // Giving back a graph's memory must not meet the recording of another thread.
    const std::lock_guard lock(recorder_->recording);
    recorder_->functions.destroy(graph());
  }

  void capture(const std::function<void()>& work) override {
    const Functions& functions = recorder_->functions;
    const std::lock_guard lock(recorder_->recording);
    recorder_->guard.synchronizeDevice(
        recorder_->stream.device_index());  // wait until the inputs of the work are written
    const c10::StreamGuard on_stream(recorder_->stream);
    work();  // the first use prepares kernels, handles and workspaces, which cannot be recorded
    recorder_->guard.synchronizeStream(recorder_->stream);
    // Other threads may use the device meanwhile.
    functions.capture_begin(graph(), {0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        functions.capture_end(graph());
      } catch (const std::exception&) {  // a consequence of the first error, which says more
      }
      throw;
    }
    functions.capture_end(graph());
  }

  void replay() override { recorder_->functions.replay(graph()); }

 private:
  CUDAGraph* graph() { return reinterpret_cast<CUDAGraph*>(memory_); }

  std::shared_ptr<Recorder> recorder_;
  alignas(CUDAGraph) std::byte memory_[sizeof(CUDAGraph)];
};

}  // namespace

/// CUDA graphs of decode steps on one device.
class CudaGraphs final : public StepGraphs {
 public:
  CudaGraphs(const CudaGraphParams&, const Input& in) {
    if (!in.device.is_cuda()) throw Error(cat("works only on CUDA devices, found ", in.device.str()));
    recorder_ = std::make_shared<Recorder>(in.device);
  }

  std::unique_ptr<StepGraph> make() const override { return std::make_unique<CudaGraph>(recorder_); }

 private:
  std::shared_ptr<Recorder> recorder_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::CudaGraphs, flam::CudaGraphParams>("cuda_graph",
                                                         "decode steps recorded as CUDA graphs");
}
