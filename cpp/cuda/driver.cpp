// CUDA's driver by dlopen: whoever has a GPU has it, and nobody else has to.
#include "driver.hpp"

#include <dlfcn.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "errors.hpp"

namespace nullcline::cuda {
namespace {

template <class F>
void find(void* library, const char* name, F*& routine) {
    void* const symbol = dlsym(library, name);
    if (symbol == nullptr) {
        throw std::runtime_error(std::string("the NVIDIA driver has no ") + name);
    }
    routine = reinterpret_cast<F*>(symbol);
}

[[nodiscard]] Driver load() {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw std::runtime_error(dlerror());
    }
    Driver found;
    find(library, "cuInit", found.init);
    find(library, "cuDevicePrimaryCtxRetain", found.primary_context);
    find(library, "cuCtxPushCurrent_v2", found.push);
    find(library, "cuCtxPopCurrent_v2", found.pop);
    return found;
}

[[nodiscard]] const Driver& driver() {
    static const Driver loaded = load();
    return loaded;
}

/// The driver numbers its errors as the runtime does.
void check_driver(int status, const char* doing) { check(static_cast<cudaError_t>(status), doing); }

/// A device's primary context, the one that the runtime and all libraries share. It is retained
/// once and kept: so are streams and memory in it.
[[nodiscard]] DriverContext* primary_context(int device) {
    static std::mutex mutex;
    static std::map<int, DriverContext*> contexts;
    const std::lock_guard lock(mutex);
    DriverContext*& context = contexts[device];
    if (context == nullptr) {
        check_driver(driver().init(0), "begin");
        check_driver(driver().primary_context(&context, device), "make a context");
    }
    return context;
}

}  // namespace

CurrentDevice::CurrentDevice(int device) {
    check_driver(driver().push(primary_context(device)), "choose a device");
}

CurrentDevice::~CurrentDevice() {
    DriverContext* ours = nullptr;
    static_cast<void>(driver().pop(&ours));
}

}  // namespace nullcline::cuda
