// What a search on a GPU is given and what it returns: the one interface between the GPU's code and
// the bindings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::gpu {

/// A matrix of float or double with any strides, on the host or on the device.
struct Source {
    const void* data = nullptr;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::ptrdiff_t row_stride = 0;  ///< in elements
    std::ptrdiff_t column_stride = 0;
    bool is_double = true;
    bool on_device = false;
};

/// What decides how and where work is done, in seconds of an H100 and of a core beside it: a model,
/// by which no answer changes. docs/gpu.md says what it rests on, and benchmarks/gpu_weights.py has
/// the same numbers.
struct Costs {
    /// A multiplication, and an addition, in a product in double precision.
    static constexpr double multiplication = 1 / 2e13;
    /// The same in factors that one block of threads makes.
    static constexpr double block_multiplication = 1 / 1e10;
    /// The same in the CPU's products, in single precision; in double it takes twice as long
    /// (`python -m benchmarks.prices` measures both).
    static constexpr double host_multiplication = 1 / 4.5e10;
    /// The loops of a slot's own in a round of Krylov-Newton: a warp minimizes two models of about
    /// sixteen directions, one barrier after the other, fifty thousand cycles in all.
    static constexpr double small_matrices = 3e-5;

    /// A kernel at the least, with the gap before the next. Where it is 0, all is the device's.
    double launch = 4e-6;
};

/// One search. `h` and `q` may lie on the host or on the device.
template <class T>
struct Problem {
    const Cell<T>& cell;
    Source starts;
    std::optional<Source> inputs;  ///< one row, or one for each start
    MatrixView<const T> deflated;  ///< on the host
    Method method = Method::automatic;
    Options options;
    T* h = nullptr;       ///< (n, S), receives the states
    double* q = nullptr;  ///< (n,)
    std::function<void(std::size_t)> progress;
    Poll poll;
    Costs costs;
    std::size_t n_threads = 1;  ///< of the CPU, for passes that are too small for a device
    int device = 0;
    std::vector<std::uintptr_t> streams;  ///< whose work is to be done before arrays are read
};

/// The other results of a search, on the host.
struct Labels {
    std::vector<Kind> kinds;
    std::vector<Reason> reasons;
    std::vector<std::int32_t> iterations;
    std::size_t n_products = 0;
};

/// What a device does per second: operations, and bytes read or written.
struct Rates {
    double square_product = 0;  ///< of large square matrices, its best
    double product = 0;         ///< W h for many states
    double residual = 0;        ///< with the gates, counting the products' operations alone
    double copy = 0;            ///< bytes, read and written
    double assembly = 0;        ///< bytes of Jacobians written
};

/// The device has too little memory.
struct OutOfMemory : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An array has numbers that are not finite.
struct NotFinite : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

}  // namespace nullcline::gpu
