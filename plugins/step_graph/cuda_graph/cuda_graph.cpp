// The decode step as a CUDA graph (CUDA C++ Programming Guide, "CUDA Graphs"), with the class that libtorch
// has for it: what it allocates while it records stays its own.
//
// libtorch's CUDA half need not be there when this library is built or loaded, so nothing of it is linked:
// its few functions are looked up when graphs are asked for. By then a CUDA device is in use, and the half
// open.
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

/// Of CUDAGraph; a member function takes its object first (Itanium C++ ABI).
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
      throw Error(cat("libtorch's CUDA half is not open, or is not that of libtorch ", FLAM_TORCH_VERSION,
                      ": it has no ", symbol));
    }
  }
};

/// What the graphs of one device share. One stream to record on, as each that is used keeps a workspace of
/// the matrix library for good.
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
  ~CudaGraph() override { recorder_->functions.destroy(graph()); }

  void capture(const std::function<void()>& work) override {
    const Functions& functions = recorder_->functions;
    const std::lock_guard lock(recorder_->recording);
    recorder_->guard.synchronizeDevice(
        recorder_->stream.device_index());  // what the work reads has been written
    const c10::StreamGuard on_stream(recorder_->stream);
    work();  // kernels, handles and workspaces are prepared when first used, which can't be recorded
    recorder_->guard.synchronizeStream(recorder_->stream);
    // Other threads may go on meanwhile.
    functions.capture_begin(graph(), {0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        functions.capture_end(graph());
      } catch (const std::exception&) {  // follows from the first, which says more
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
    if (!in.device.is_cuda()) throw Error(cat("works on CUDA devices, found ", in.device.str()));
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
