// What only CUDA's driver can do: make a device current without leaving a trace.
//
// `cudaSetDevice` makes a context on the device that it names, which takes hundreds of megabytes
// there: to go back by it to GPU 0 after a search on GPU 1 would make one on a GPU that nobody
// uses. The driver has a stack of contexts for each thread, and the runtime works in the topmost.
#pragma once

namespace nullcline::cuda {

struct DriverContext;

/// The driver's routines, out of the library that the runtime has loaded.
struct Driver {
    int (*init)(unsigned flags) = nullptr;
    int (*primary_context)(DriverContext**, int device) = nullptr;
    int (*push)(DriverContext*) = nullptr;
    int (*pop)(DriverContext**) = nullptr;
};

/// Makes a device the current one of this thread, for a while.
class CurrentDevice {
  public:
    explicit CurrentDevice(int device);
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;
    ~CurrentDevice();
};

}  // namespace nullcline::cuda
