// Counts what a search on a GPU asks of it: kernels, blocks, products, factorizations, looks.
//
// The search is the GPU's own (gpu/backend.hpp); the device below runs it on the CPU with one
// thread a block and plain loops, so that networks of hundreds of units take seconds. `benchmarks/
// gpu_weights.py` compiles this file and calls its two functions.
#include <cxxabi.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "lu.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/gpu/backend.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/jacobi_eigen.hpp"
#include "nullcline/numerics/small_matrix.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "support/reference_blas.hpp"

namespace {

using namespace nullcline;

/// A block of one thread.
struct OneLane {
    static constexpr std::size_t warp_width = 1;
    using Warp = OneLane;

    [[nodiscard]] std::size_t rank() const { return 0; }
    [[nodiscard]] std::size_t size() const { return 1; }
    void sync() const {}
    [[nodiscard]] OneLane warp() const { return {}; }
    template <class T>
    [[nodiscard]] T warp_sum(T value) const {
        return value;
    }
    template <class T>
    [[nodiscard]] T warp_min(T value) const {
        return value;
    }
    template <class T>
    [[nodiscard]] T* scratch() const {
        return nullptr;
    }
    template <class T>
    T fetch_add(T* counter, T by) const {
        return std::exchange(*counter, *counter + by);
    }
};

struct KernelCount {
    std::size_t launches = 0, blocks = 0, active = 0;
};

/// Products of one precision.
struct ProductCount {
    std::size_t calls = 0, rows = 0;
    double flop = 0;
};

struct Counts {
    std::map<std::string, KernelCount> kernels;
    std::map<std::string, ProductCount> products;
    std::size_t grams = 0, factorizations = 0;  // of matrices
    std::size_t looks = 0, polls = 0;
};

constexpr const char* request_names[n_requests] = {
    "none",        "exact",   "exact_gated",   "exact_gated_transposed", "exact_transposed",
    "solve",       "forward", "forward_gated", "backward_gated",         "backward",
    "precondition"};

/// The kernel's own name, without its namespace and what it is made for.
template <class K>
std::string kernel_name() {
    const std::unique_ptr<char, void (*)(void*)> whole(
        abi::__cxa_demangle(typeid(K).name(), nullptr, nullptr, nullptr), std::free);
    std::string name = whole.get();
    const std::size_t arguments = name.find('<');
    const std::string first = name.substr(0, arguments);
    const std::string short_name = first.substr(first.rfind(':') + 1);
    if (short_name != "AdvanceSlots") {
        return short_name;
    }
    const std::string program =
        name.substr(arguments + 1, name.find('<', arguments + 1) - arguments - 1);
    return short_name + " " + program.substr(program.rfind(':') + 1);
}

class CountingDevice {
  public:
    explicit CountingDevice(Counts& counts) : counts_(counts) {}

    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        return static_cast<std::byte*>(std::calloc(bytes + 1, 1));
    }
    void release(std::byte* data) { std::free(data); }
    [[nodiscard]] std::size_t free_bytes() const { return std::size_t{64} << 30U; }
    void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) {
            std::memcpy(to, from, bytes);
        }
    }
    void zero(void* data, std::size_t bytes) { std::memset(data, 0, bytes); }
    void synchronize() { ++counts_.looks; }
    template <class Run>
    [[nodiscard]] double seconds(const Run& run) {
        run();
        return 1;
    }

    template <gpu::Kernel Kernel>
    void launch(std::size_t n_blocks, const Kernel& kernel) {
        if (n_blocks == 0) {
            return;
        }
        typename Kernel::Shared shared;
        std::string name = kernel_name<Kernel>();
        constexpr bool advances = requires { kernel.memory.scalars(0, 0).request; };
        if constexpr (advances) {
            name += std::string(" ") + request_names[static_cast<std::size_t>(kernel.wanted)];
        }
        KernelCount& count = counts_.kernels[name];
        ++count.launches;
        count.blocks += n_blocks;
        for (std::size_t block = 0; block < n_blocks; ++block) {
            if constexpr (advances) {
                const bool is_gathered = kernel.gathered.n_slots != nullptr;
                count.active += is_gathered
                                    ? kernel.gathered.has(block)
                                    : kernel.memory.scalars(block, 0).request == kernel.wanted;
            }
            kernel(gpu::CooperativeGroup(OneLane()), block, shared);
        }
    }

    template <class T>
    void multiply_transposed(MatrixView<const std::type_identity_t<T>> a,
                             MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        note<T>(c.rows(), b.rows(), b.cols());
        for (std::size_t i = 0; i < c.rows(); ++i) {
            for (std::size_t j = 0; j < b.rows(); ++j) {
                T sum = 0;
                const T* const x = a.row(i).data();
                const T* const y = b.row(j).data();
#pragma omp simd reduction(+ : sum)
                for (std::size_t k = 0; k < b.cols(); ++k) {
                    sum += x[k] * y[k];
                }
                c(i, j) = sum;
            }
        }
    }
    template <class T>
    void multiply(MatrixView<const std::type_identity_t<T>> a,
                  MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        note<T>(c.rows(), b.cols(), b.rows());
        for (std::size_t i = 0; i < c.rows(); ++i) {
            T* const to = c.row(i).data();
            std::fill_n(to, b.cols(), T{0});
            for (std::size_t k = 0; k < b.rows(); ++k) {
                const T factor = a(i, k);
                const T* const y = b.row(k).data();
                for (std::size_t j = 0; j < b.cols(); ++j) {
                    to[j] += factor * y[j];
                }
            }
        }
    }
    template <class T>
    void grams(std::size_t count, std::size_t size, T* const* jacobians, T* const* normals) {
        counts_.grams += count;
        for (std::size_t i = 0; i < count; ++i) {
            gram(size, jacobians[i], normals[i]);
        }
    }
    template <class T>
    void lu(std::size_t count, std::size_t size, T* const* matrices, int* pivots, int* info) {
        counts_.factorizations += count;
        for (std::size_t i = 0; i < count; ++i) {
            info[i] =
                emulated::lu_factors(MatrixView<T>(matrices[i], size, size), pivots + i * size) ? 0
                                                                                                : 1;
        }
    }
    template <class T>
    void lu_solve(std::size_t count, std::size_t size, T* const* factors, const int* pivots,
                  T* const* vectors) {
        for (std::size_t i = 0; i < count; ++i) {
            emulated::lu_solution(MatrixView<const T>(factors[i], size, size), pivots + i * size,
                                  vectors[i]);
        }
    }

  private:
    template <class T>
    void note(std::size_t rows, std::size_t width, std::size_t depth) {
        ProductCount& count = counts_.products[sizeof(T) == 8 ? "float64" : "float32"];
        ++count.calls;
        count.rows += rows;
        count.flop += 2.0 * static_cast<double>(rows * width) * static_cast<double>(depth);
    }

    template <class T>
    static void gram(std::size_t size, const T* jacobian, T* normal) {
        std::fill_n(normal, size * size, T{0});
        for (std::size_t k = 0; k < size; ++k) {
            const T* const row = jacobian + k * size;
            for (std::size_t i = 0; i < size; ++i) {
                for (std::size_t j = 0; j < size; ++j) {
                    normal[i * size + j] += row[i] * row[j];
                }
            }
        }
    }

    Counts& counts_;
};

static_assert(gpu::GpuDevice<CountingDevice>);

/// A thread that counts its loops.
struct CountingGroup : SerialGroup {
    std::size_t* n_loops;

    template <class F>
    void for_each(std::size_t n, const F& f) const {
        ++*n_loops;
        SerialGroup::for_each(n, f);
    }
};

std::string json(const Counts& counts, const gpu::Labels& labels, std::size_t n_starts) {
    std::ostringstream out;
    std::size_t launches = 0;
    out << "{\"kernels\": {";
    const char* comma = "";
    for (const auto& [name, count] : counts.kernels) {
        launches += count.launches;
        out << comma << "\"" << name << "\": {\"launches\": " << count.launches
            << ", \"blocks\": " << count.blocks << ", \"active\": " << count.active << "}";
        comma = ", ";
    }
    out << "}, \"products\": {";
    comma = "";
    for (const auto& [name, count] : counts.products) {
        out << comma << "\"" << name << "\": {\"calls\": " << count.calls
            << ", \"rows\": " << count.rows << ", \"flop\": " << count.flop << "}";
        comma = ", ";
    }
    std::size_t n_fixed = 0;
    std::size_t n_slow = 0;
    for (const Kind kind : labels.kinds) {
        n_fixed += kind == Kind::fixed;
        n_slow += kind == Kind::slow;
    }
    out << "}, \"launches\": " << launches << ", \"grams\": " << counts.grams
        << ", \"factorizations\": " << counts.factorizations << ", \"looks\": " << counts.looks
        << ", \"polls\": " << counts.polls << ", \"n_starts\": " << n_starts
        << ", \"fixed\": " << n_fixed << ", \"slow\": " << n_slow << "}";
    return out.str();
}

}  // namespace

/// Search with a GRU of `n_units` from `n_starts` states; writes what was counted, as JSON.
extern "C" void count_search(std::size_t n_units, std::size_t n_starts, const double* weight_hh,
                             const double* bias, const double* hidden_bias, const double* starts,
                             int method, double tol_slow, std::size_t max_iterations,
                             double launch_seconds, char* out, std::size_t capacity) {
    const Matrix<double> weight_ih(3 * n_units, 1);
    const Cell<double> cell(
        *cell_named("gru"),
        CellArrays<double>{
            .weight_ih = weight_ih.view(),
            .weight_hh = Weights<double>(MatrixView<const double>(weight_hh, 3 * n_units, n_units)),
            .bias = {bias, 3 * n_units},
            .parameters = {hidden_bias, n_units},
            .activations = {},
        });
    tests::use_reference_blas<double>();  // for passes that are the processor's
    std::vector<double> h(n_starts * n_units);
    std::vector<double> q(n_starts);
    Counts counts;
    const gpu::Problem<double> problem{
        .cell = cell,
        .starts = {starts, n_starts, n_units, static_cast<std::ptrdiff_t>(n_units), 1, true, false},
        .inputs = std::nullopt,
        .deflated = {},
        .method = static_cast<Method>(method),
        .options = {tol_slow, max_iterations, 0.01},
        .h = h.data(),
        .q = q.data(),
        .progress = [](std::size_t) {},
        .poll = [&] { ++counts.polls; },
        .costs = {.launch = launch_seconds},
        .device = 0,
        .streams = {},
    };
    CountingDevice device(counts);
    const std::string text = json(counts, gpu::search(device, problem), n_starts);
    std::strncpy(out, text.c_str(), capacity - 1);
}

/// The sweeps that the eigenvectors of a symmetric matrix take, of order SmallMatrix::largest.
extern "C" std::size_t count_sweeps(const double* matrix) {
    constexpr std::size_t n = SmallMatrix::largest;
    constexpr std::size_t loops_per_sweep = 3 * (n - 1);
    SmallMatrix a;
    SmallMatrix vectors;
    std::vector<double> numbers(n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            a(i, j) = matrix[i * n + j];
        }
    }
    std::size_t n_loops = 0;
    CountingGroup group{{}, &n_loops};
    gpu::jacobi_eigen(group, a, vectors, numbers);
    return n_loops / loops_per_sweep;
}
