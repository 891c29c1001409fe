// The sources of cpp/cuda, compiled for the CPU, find what the CPU's own search finds. With
// ThreadSanitizer, under which these claims are compiled, races of the kernels' threads fail them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../../emulated/device.hpp"
#include "block.hpp"
#include "cublas.hpp"
#include "device.hpp"
#include "driver.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cpu/backend.hpp"
#include "nullcline/cpu/preconditioner.hpp"
#include "nullcline/gpu/cell.hpp"
#include "nullcline/gpu/preconditioner.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/runtime.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/parallel/pace.hpp"
#include "nullcline/search/searcher.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/reference_blas.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr std::size_t n_inputs = 3;

/// A random network: a cell, starts in its box and inputs.
template <class T>
struct Network {
    Network(CellKind kind, std::size_t n_units, std::size_t n_starts)
        : random(static_cast<std::uint64_t>(kind) + 1),
          cell(make_cell(kind, n_units)),
          starts(random.matrix<T>(n_starts, cell.state_size())),
          inputs(random.matrix<T>(n_starts, n_inputs)) {}

    Cell<T> make_cell(CellKind kind, std::size_t n) {
        const CellTraits& traits = cell_traits[static_cast<std::size_t>(kind)];
        const Matrix<T> weight_ih = random.matrix<T>(traits.blocks * n, n_inputs);
        Matrix<T> weight_hh = random.matrix<T>(traits.blocks * n, n);
        for (T& weight : weight_hh.elements()) {
            weight *= T(2.5) / std::sqrt(static_cast<T>(n));
        }
        const std::vector<T> bias = random.vector<T>(traits.blocks * n);
        const std::vector<T> parameters =
            random.vector<T>(traits.parameters.size() * n, 0.2, 0.8);  // leaks, or biases
        std::vector<Activation> activations;
        if (traits.has_activation) {
            activations.push_back(*activation_named("tanh"));
        }
        return Cell<T>(kind, CellArrays<T>{
                                 .weight_ih = weight_ih.view(),
                                 .weight_hh = Weights<T>(std::as_const(weight_hh).view()),
                                 .bias = bias,
                                 .parameters = parameters,
                                 .activations = activations,
                             });
    }

    Random random;
    Cell<T> cell;
    Matrix<T> starts, inputs;
};

template <class T>
struct Ends {
    Matrix<T> h;
    std::vector<double> q;
    std::vector<Kind> kinds;
    std::vector<std::int32_t> iterations;
};

struct Ask {
    Method method = Method::automatic;
    bool has_inputs = false;
    int device = 0;
    std::size_t max_iterations = 60;
    std::function<void()> poll = [] {};
    double launch_seconds = 0;  ///< all is the GPU's, and rows are gathered wherever they can be
};

template <class T>
[[nodiscard]] gpu::Source source_of(const Matrix<T>& matrix) {
    const MatrixView<const T> view = matrix.view();
    return {.data = view.data(),
            .rows = view.rows(),
            .cols = view.cols(),
            .row_stride = static_cast<std::ptrdiff_t>(view.cols()),
            .column_stride = 1,
            .is_double = sizeof(T) == sizeof(double),
            .on_device = false};
}

template <class T>
[[nodiscard]] Ends<T> on_gpu(const Network<T>& network, const Ask& ask, const gpu::Source& starts,
                             std::vector<std::uintptr_t> streams = {}) {
    cuda::load_cublas(NULLCLINE_CUBLAS);
    [[maybe_unused]] static const bool has_blas = [] {  // once, whatever threads search
        tests::use_reference_blas<float>();
        tests::use_reference_blas<T>();
        return true;
    }();
    Ends<T> ends{Matrix<T>(starts.rows, network.cell.state_size()),
                 std::vector<double>(starts.rows),
                 {},
                 {}};
    gpu::Problem<T> problem{
        .cell = network.cell,
        .starts = starts,
        .inputs = std::nullopt,
        .deflated = {},
        .method = ask.method,
        .options = {.max_iterations = ask.max_iterations},
        .h = ends.h.elements().data(),
        .q = ends.q.data(),
        .progress = [](std::size_t) {},
        .poll = ask.poll,
        .costs = {.launch = ask.launch_seconds},
        .n_threads = 2,
        .device = ask.device,
        .streams = std::move(streams),
    };
    if (ask.has_inputs) {
        problem.inputs = source_of(network.inputs);
    }
    gpu::Labels labels = cuda::search(problem);
    ends.kinds = std::move(labels.kinds);
    ends.iterations = std::move(labels.iterations);
    return ends;
}

template <class T>
[[nodiscard]] Ends<T> on_gpu(const Network<T>& network, const Ask& ask = {}) {
    return on_gpu(network, ask, source_of(network.starts));
}

template <class T>
[[nodiscard]] Ends<T> on_cpu(const Network<T>& network, const Ask& ask) {
    tests::use_reference_blas<float>();
    tests::use_reference_blas<T>();
    const cpu::Problem<Cell<T>> problem{
        .network = network.cell,
        .starts = network.starts.view(),
        .inputs = {ask.has_inputs ? network.inputs.view() : MatrixView<const T>()},
        .deflated = {},
        .options = {.max_iterations = ask.max_iterations},
        .n_threads = 2,
        .progress = [](std::size_t) {},
        .poll = [] {},
    };
    cpu::Backend backend(problem);
    Searcher(backend).run(ask.method);
    Outcomes<T> outcomes = backend.take_outcomes();
    return {std::move(outcomes.h), std::move(outcomes.q), std::move(outcomes.kind),
            std::move(outcomes.iterations)};
}

template <class T>
void check_ends(const Ends<T>& ours, const Ends<T>& theirs, const std::string& what) {
    constexpr bool is_double = sizeof(T) == sizeof(double);
    constexpr double tolerance = is_double ? 1e-9 : 1e-3;
    std::size_t n_same = 0;
    for (std::size_t i = 0; i < ours.kinds.size(); ++i) {
        double farthest = 0;
        for (std::size_t j = 0; j < ours.h.view().cols(); ++j) {
            farthest = std::max(farthest, static_cast<double>(std::abs(ours.h.view()(i, j) -
                                                                       theirs.h.view()(i, j))));
        }
        const bool is_fixed = ours.kinds[i] == Kind::fixed;
        n_same += ours.kinds[i] == theirs.kinds[i] && farthest < (is_fixed ? tolerance : 1e-2);
    }
    // Rounding decides where a start ends that lies between two basins.
    if (n_same * 10 < ours.kinds.size() * 9) {
        throw tests::Failure(what + ": " + std::to_string(n_same) + " of " +
                             std::to_string(ours.kinds.size()) + " starts end alike");
    }
}

/// Compare the two for cells that differ in what kernels do: a plain one, one with a gated block,
/// one whose state has two parts, and one whose box follows the input.
template <class T>
void compare(Method method) {
    for (const char* name : {"gru", "original_gru", "lstm", "rate_rnn"}) {
        const Network<T> network(*cell_named(name), 5, 5);
        const bool has_inputs = std::string_view(name) != "gru";
        const Ask ask{.method = method, .has_inputs = has_inputs, .max_iterations = 12};
        check_ends(on_gpu(network, ask), on_cpu(network, ask), name);
    }
}

TEST("on CUDA, automatic searches end where the CPU's do") { compare<double>(Method::automatic); }
TEST("on CUDA, Krylov-Newton ends where the CPU's does") { compare<double>(Method::krylov); }
TEST("on CUDA, Levenberg-Marquardt ends where the CPU's does") {
    compare<double>(Method::levenberg_marquardt);
}
TEST("on CUDA, Newton's method ends where the CPU's does") { compare<double>(Method::newton); }
TEST("on CUDA, the gradient method ends where the CPU's does") {
    compare<double>(Method::gradient);
}
TEST("on CUDA, searches in single precision end where the CPU's do") {
    compare<float>(Method::automatic);
}

const CellKind gru = *cell_named("gru");

TEST("on CUDA, slots that move together end where the CPU's do") {
    const Network<double> network(gru, 3, 40);  // more than are kept at the least
    const Ask ask{.method = Method::newton};
    check_ends(on_gpu(network, ask), on_cpu(network, ask), "a GRU");
}

TEST("on CUDA, states of more units than a block has threads end where the CPU's do") {
    const Network<double> network(gru, 130, 2);
    for (const Method method : {Method::automatic, Method::krylov}) {
        const Ask ask{.method = method, .max_iterations = 3};
        check_ends(on_gpu(network, ask), on_cpu(network, ask), "a GRU");
    }
}

TEST("on CUDA, a search on one GPU makes no context on another and leaves none current") {
    // To be proved alone, as ctest does: other claims search on the first GPU.
    const Network<double> network(gru, 5, 3);
    static_cast<void>(on_gpu(network, {.device = 1}));
    CHECK(cuda_on_cpu::has_context(1));
    CHECK(cuda_on_cpu::current_device() == 0);
    CHECK(!cuda_on_cpu::has_context(0));
    void* const data = cuda::allocate(1, 8);
    double number = 0;
    cuda::copy_to_host(1, &number, data, sizeof number);
    cuda::release(1, data);
    CHECK(!cuda_on_cpu::has_context(0));
}

TEST("on CUDA, starts that a stream writes on the GPU, in any strides, are read afterwards") {
    const Network<double> network(gru, 5, 12);
    const std::size_t n = network.starts.elements().size();
    const cuda::CurrentDevice current(0);
    auto* const there = static_cast<double*>(cuda::allocate(0, n * sizeof(double)));
    auto* const stream = reinterpret_cast<cudaStream_t>(std::uintptr_t{1});
    static_cast<void>(cuda_on_cpu::enqueue(stream, [&] {
        for (std::size_t i = 0; i < 12; ++i) {
            for (std::size_t j = 0; j < 5; ++j) {
                there[j * 12 + i] = network.starts.view()(i, j);
            }
        }
    }));
    gpu::Source turned = source_of(network.starts);
    turned.data = there;
    turned.on_device = true;
    turned.row_stride = 1;
    turned.column_stride = 12;
    const Ends<double> ends = on_gpu(network, {}, turned, {1});
    CHECK(std::ranges::equal(ends.h.elements(), on_gpu(network).h.elements()));
    cuda::release(0, there);
}

TEST("on CUDA, little memory is enough, and all of it is given back") {
    const Network<double> network(gru, 5, 12);
    const Ends<double> whole = on_gpu(network);
    CHECK(cuda_on_cpu::bytes_in_use() == 0);
    cuda_on_cpu::set_memory(40'000);
    const Ends<double> chunks = on_gpu(network);
    CHECK(cuda_on_cpu::bytes_in_use() == 0);
    CHECK(std::ranges::equal(whole.h.elements(), chunks.h.elements()));
    cuda_on_cpu::set_memory(2000);
    CHECK_THROWS(static_cast<void>(on_gpu(network)), gpu::OutOfMemory);
    CHECK(cuda_on_cpu::bytes_in_use() == 0);
}

TEST("on CUDA, what ends a search leaves the GPU as it was") {
    const Network<double> network(gru, 5, 12);
    Ask ask;
    ask.poll = [] { throw std::domain_error("enough"); };
    CHECK_THROWS(static_cast<void>(on_gpu(network, ask)), std::domain_error);
    CHECK(cuda_on_cpu::bytes_in_use() == 0);
    check_ends(on_gpu(network), on_cpu(network, {}), "afterwards");
}

TEST("on CUDA, a search is asked whether to go on now and then, and not at every look") {
    const Network<double> network(gru, 5, 12);
    int n_polls = 0;
    Ask ask;
    ask.poll = [&] { ++n_polls; };
    const auto begin = Pace::Clock::now();
    static_cast<void>(on_gpu(network, ask));
    CHECK(n_polls >= 1 && n_polls <= 1 + (Pace::Clock::now() - begin) / poll_interval);
}

TEST("on CUDA, only slots that ask for a step have a matrix factored") {
    const Network<double> network(gru, 4, 30);
    for (const Method method : {Method::newton, Method::levenberg_marquardt}) {
        const std::size_t before = cuda_on_cpu::n_factorizations();
        const Ends<double> ends = on_gpu(network, {.method = method, .max_iterations = 40});
        const std::size_t n = cuda_on_cpu::n_factorizations() - before;
        const auto n_iterations = static_cast<std::size_t>(
            std::accumulate(ends.iterations.begin(), ends.iterations.end(), 0));
        CHECK(n > 0 && n <= n_iterations + network.starts.view().rows());
    }
}

TEST("on CUDA, searches whose rows are gathered end where the CPU's do") {
    for (const char* name : {"gru", "original_gru"}) {  // enough for places in a buffer
        const Network<double> network(*cell_named(name), 4, 24);
        const Ask ask{.method = Method::krylov, .has_inputs = true, .max_iterations = 12};
        check_ends(on_gpu(network, ask), on_cpu(network, ask), name);
    }
}

TEST("on CUDA, passes over a few starts are the CPU's, and end where the GPU's do") {
    for (const auto& [name, method] :
         {std::pair{"gru", Method::automatic}, std::pair{"lstm", Method::automatic},
          std::pair{"original_gru", Method::krylov}}) {
        const Network<double> network(*cell_named(name), 4, 6);
        Ask ask{.method = method, .has_inputs = true, .max_iterations = 30};
        std::size_t before = cuda_on_cpu::n_kernels();
        const Ends<double> on_device = on_gpu(network, ask);
        const std::size_t n_alone = cuda_on_cpu::n_kernels() - before;
        ask.launch_seconds = 1;
        before = cuda_on_cpu::n_kernels();
        check_ends(on_gpu(network, ask), on_device, name);
        CHECK(cuda_on_cpu::n_kernels() - before < n_alone);
    }
}

/// The preconditioner of a network, by a device and by the CPU.
template <class T>
void check_preconditioner(std::size_t size) {
    tests::use_reference_blas<T>();
    const Network<T> network(gru, size, 1);
    emulated::Device device;
    const gpu::DeviceCell<emulated::Device, T> cell(device, network.cell);
    const std::vector<float> ours = gpu::make_inverse(device, cell).download();
    const Matrix<T> theirs = cpu::make_inverse(network.cell);
    double largest = 0;
    for (const T value : theirs.elements()) {
        largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    CHECK(ours.size() == size * size);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const auto expected = static_cast<double>(theirs.elements()[i]);
        CHECK_CLOSE(static_cast<double>(ours[i]) / largest, expected / largest,
                    sizeof(T) == 8 ? 1e-6 : 1e-2);
    }
}

TEST("the preconditioner that products make is the one that factors make") {
    for (const std::size_t size : {1U, 2U, 7U, 20U}) {
        check_preconditioner<double>(size);
        check_preconditioner<float>(size);
    }
}

TEST("on CUDA, threads search at the same time") {
    const Network<double> network(gru, 5, 6);
    const Ends<double> alone = on_gpu(network);
    std::array<Ends<double>, 2> ends;
    {
        std::vector<std::jthread> threads;
        for (Ends<double>& own : ends) {
            threads.emplace_back([&] { own = on_gpu(network); });
        }
    }
    for (const Ends<double>& own : ends) {
        CHECK(std::ranges::equal(own.h.elements(), alone.h.elements()));
    }
}

TEST("on CUDA, rates are measured of as many Jacobians as there is room for") {
    cuda::load_cublas(NULLCLINE_CUBLAS);
    const Network<double> network(gru, 9, 1);
    const auto rates = [&] { return cuda::measure(network.cell, 200, 8, 0); };
    CHECK(rates().assembly > 0);
    cuda_on_cpu::set_memory(400'000);  // those of all would take 259,200
    CHECK(rates().assembly > 0);
    CHECK(cuda_on_cpu::bytes_in_use() == 0);
}

}  // namespace
}  // namespace nullcline
