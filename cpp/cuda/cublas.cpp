// cuBLAS by dlopen.
#include "cublas.hpp"

#include <dlfcn.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "nullcline/gpu/problem.hpp"

namespace nullcline::cuda {
namespace {

std::mutex mutex;
std::optional<Cublas> loaded;

constexpr int allocation_failed = 3;  // CUBLAS_STATUS_ALLOC_FAILED

template <class F>
void find(void* library, const std::string& name, F*& routine) {
    void* const symbol = dlsym(library, name.c_str());
    if (symbol == nullptr) {
        throw std::runtime_error("this cuBLAS has no " + name);
    }
    routine = reinterpret_cast<F*>(symbol);
}

template <class T>
void find_routines(void* library, const std::string& precision, CublasRoutines<T>& routines) {
    const std::string prefix = "cublas" + precision;
    find(library, prefix + "gemm_v2", routines.gemm);
    find(library, prefix + "gemmBatched", routines.gemm_batched);
    find(library, prefix + "getrfBatched", routines.getrf_batched);
    find(library, prefix + "getrsBatched", routines.getrs_batched);
}

}  // namespace

void load_cublas(const std::string& path) {
    const std::lock_guard lock(mutex);
    // It stays loaded: contexts that are kept hold handles of it.
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw std::runtime_error(dlerror());
    }
    Cublas table;
    find(library, "cublasCreate_v2", table.create);
    find(library, "cublasDestroy_v2", table.destroy);
    find(library, "cublasSetStream_v2", table.set_stream);
    find(library, "cublasGetStatusString", table.status_string);
    find_routines(library, "D", table.doubles);
    find_routines(library, "S", table.floats);
    if (!loaded) {
        loaded = table;
    }
}

const Cublas& cublas() {
    const std::lock_guard lock(mutex);
    if (!loaded) {
        throw std::runtime_error("cuBLAS is not loaded: call load_cublas first");
    }
    return *loaded;
}

void check_cublas(int status, const char* doing) {
    if (status == 0) {
        return;
    }
    const std::string message =
        std::string("cuBLAS failed to ") + doing + ": " + cublas().status_string(status);
    if (status == allocation_failed) {
        throw gpu::OutOfMemory(message);
    }
    throw std::runtime_error(message);
}

}  // namespace nullcline::cuda
