// Searches on a GPU: as many starts as fit into its memory, as slots of one tile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/cell.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/host_pass.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/preconditioner.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/row_kernels.hpp"
#include "nullcline/gpu/rows.hpp"
#include "nullcline/gpu/search_view.hpp"
#include "nullcline/gpu/tile_driver.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/pace.hpp"
#include "nullcline/search/merging.hpp"
#include "nullcline/search/searcher.hpp"
#include "nullcline/solvers/deflation.hpp"

namespace nullcline::gpu {

/// The backend of a device, for as many starts as fit into its memory (see search/backend.hpp).
template <GpuDevice Device, class T>
class Backend {
  public:
    Backend(Device& device, const Problem<T>& problem, const DeviceCell<Device, T>& cell,
            MatrixView<const T> deflated, std::size_t first, std::size_t n_starts)
        : device_(device),
          problem_(problem),
          cell_(cell),
          deflation_(deflated),
          first_(first),
          n_starts_(n_starts),
          h_(device, n_starts, problem.cell.state_size()),
          drives_(make_drives()),
          iterations_on_device_(device, 1, n_starts),
          terminations_on_device_(device, 1, n_starts),
          kinds_on_device_(device, 1, n_starts),
          reasons_on_device_(device, 1, n_starts),
          q_(device, 1, n_starts),
          counters_(device, 1, 1),
          iterations_(n_starts),
          terminations_(n_starts, Termination::limit),
          reasons_(n_starts) {
        load_rows(device, problem.starts, first, h_.view(), "starts");
        device.launch(n_starts, ProjectRows<T>{h_.view(), drives_.view(), reduced()});
        device.zero(iterations_on_device_.elements().data(), n_starts * sizeof(std::int32_t));
        device.upload(terminations_on_device_.elements().data(), terminations_.data(),
                      n_starts * sizeof(Termination));
    }

    [[nodiscard]] std::size_t n_starts() const { return n_starts_; }
    [[nodiscard]] std::size_t size() const { return problem_.cell.size(); }
    [[nodiscard]] CellEquation<T> reduced() const { return nullcline::reduced(cell_.view()); }
    [[nodiscard]] CellEquation<T> update() const { return nullcline::update(cell_.view()); }
    [[nodiscard]] const Deflation<T>& deflation() const { return deflation_; }
    [[nodiscard]] std::span<const Termination> terminations() const { return terminations_; }
    [[nodiscard]] std::span<const Reason> reasons() const { return reasons_; }
    [[nodiscard]] std::size_t iterations_left(std::size_t start) const {
        return problem_.options.max_iterations - static_cast<std::size_t>(iterations_[start]);
    }

    bool make_preconditioner() {
        inverse_ = make_inverse(device_, cell_);
        return inverse_.view().rows() > 0;
    }

    template <Program P>
    void run(const P& program, const std::vector<std::size_t>& starts) {
        belongs_to_host(program, starts.size()) ? run_on_host(program, starts)
                                                : run_on_device(program, starts);
        iterations_ = iterations_on_device_.download();
        terminations_ = terminations_on_device_.download();
        reasons_ = reasons_on_device_.download();
    }

    void move_to_cell_centres(const std::vector<std::size_t>& starts) {
        const auto queue = to_device(starts);
        const auto norms = problem_.cell.row_norms();
        device_.launch(
            starts.size(),
            MoveToCellCentres<T>{view(queue), cell_side(norms.first(reduced().weights().rows())),
                                 reduced()});
    }

    [[nodiscard]] std::vector<std::uint64_t> keys(const std::vector<std::size_t>& starts) {
        const auto queue = to_device(starts);
        const Array<Device, std::uint64_t> keys(device_, 1, starts.size());
        device_.launch(starts.size(), Keys<T>{view(queue), keys.elements()});
        return keys.download();
    }

    [[nodiscard]] std::vector<std::uint8_t> are_equal(const Followers& pairs) {
        const auto queue = to_device(pairs.starts);
        const auto others = to_device(pairs.leaders);
        const Array<Device, std::uint8_t> equal(device_, 1, pairs.starts.size());
        device_.launch(pairs.starts.size(),
                       AreEqual<T>{view(queue), others.elements(), equal.elements()});
        return equal.download();
    }

    void follow(const Followers& followers) {
        const auto queue = to_device(followers.starts);
        const auto leaders = to_device(followers.leaders);
        const auto iterations = to_device(followers.iterations);
        device_.launch(followers.starts.size(),
                       Follow<T>{view(queue), leaders.elements(), iterations.elements()});
        iterations_ = iterations_on_device_.download();
        terminations_ = terminations_on_device_.download();
    }

    void share_labels(const Followers& followers) {
        const auto queue = to_device(followers.starts);
        const auto leaders = to_device(followers.leaders);
        device_.launch(followers.starts.size(), ShareLabels<T>{view(queue), leaders.elements()});
    }

    void report_all_done() { problem_.progress(first_ + n_starts_); }

    /// Write the states to the problem's arrays, and append to the labels.
    void hand_over(Labels& labels) {
        const std::size_t size = problem_.cell.state_size();
        device_.copy(problem_.h + first_ * size, h_.view().data(), n_starts_ * size * sizeof(T));
        device_.copy(problem_.q + first_, q_.elements().data(), n_starts_ * sizeof(double));
        const auto append = [](auto& all, const auto& some) {
            all.insert(all.end(), some.begin(), some.end());
        };
        append(labels.kinds, kinds_on_device_.download());
        append(labels.reasons, reasons_on_device_.download());
        append(labels.iterations, iterations_on_device_.download());
        labels.n_products += n_products_;
    }

    /// Bytes of the device's memory per start, besides its slot.
    [[nodiscard]] static std::size_t bytes_per_start(const Problem<T>& problem) {
        const std::size_t inputs = has_own_inputs(problem)
                                       ? problem.inputs->cols * (sizeof(double) + sizeof(T)) +
                                             problem.cell.zero_input_drive().size() * sizeof(T)
                                       : 0;
        constexpr std::size_t columns = 128;  // bytes of the other arrays, with a margin
        return problem.cell.state_size() * (sizeof(T) + sizeof(double)) + inputs + columns;
    }

  private:
    template <Program P>
    void run_on_device(const P& program, const std::vector<std::size_t>& starts) {
        const auto queue = to_device(starts);
        PassMatrices<T> matrices;
        if constexpr (P::requests.contains(Request::forward)) {
            const Weights<float> single = cell_.single(program.served());
            matrices.weights = plain_rows(program.served(), single);
            matrices.gated = gated_rows(program.served(), single);
        }
        if constexpr (P::requests.contains(Request::precondition)) {
            matrices.inverse = program.has_inverse ? inverse_.view() : MatrixView<float>();
        }
        if constexpr (P::factors != Factors::none) {
            matrices.dense = cell_.dense(program.served());
        }
        const std::size_t budget = bytes_for_slots() + workspace_.bytes();
        TileDriver(device_, program, matrices, view(queue), problem_.costs, budget, workspace_)
            .run([&](const Counters& counters) {
                last_ = counters;
                if (pace_.is_due()) {  // each takes the interpreter's lock
                    problem_.poll();
                    problem_.progress(first_ + n_zeros_ + counters.n_zeros);
                }
            });
        n_zeros_ += last_.n_zeros;
        n_products_ += last_.n_products;
    }

    /// Whether the CPU is through with a round of these starts before this device is. A pass over
    /// all starts is the device's, as was asked for.
    template <Program P>
    [[nodiscard]] bool belongs_to_host(const P& program, std::size_t n) const {
        return n < n_starts_ && problem_.costs.launch > 0 && can_move(program) &&
               blas::routines<T>().gemm != nullptr &&
               host_round_seconds(program, n, problem_.n_threads) <
                   device_round_seconds(program, problem_.costs);
    }

    template <Program P>
    void run_on_host(const P& program, const std::vector<std::size_t>& starts) {
        const auto queue = to_device(starts);
        HostStarts<T> here = take_to_host(queue, starts);
        const auto poll = [&] {
            problem_.poll();
            problem_.progress(first_ + n_zeros_);
        };
        n_products_ += gpu::run_on_host(moved_to(program, problem_.cell.view()), here,
                                        problem_.n_threads, poll);
        n_zeros_ +=
            static_cast<std::size_t>(std::ranges::count(here.terminations, Termination::zero));
        std::vector<Label> labels;
        if constexpr (requires { program.by_speed; }) {
            for (std::size_t place = 0; place < here.size(); ++place) {
                labels.push_back({here.kinds[place], here.reasons[place], here.q[place]});
            }
        }
        const Array<Device, T> h(
            device_, MatrixView<const T>(here.h.data(), starts.size(), h_.view().cols()));
        const Array<Device, std::int32_t> iterations(
            device_, std::span<const std::int32_t>(here.iterations));
        const Array<Device, Termination> terminations(
            device_, std::span<const Termination>(here.terminations));
        const Array<Device, Label> labels_there(device_, std::span<const Label>(labels));
        device_.launch(starts.size(),
                       ReturnStarts<T>{view(queue), h.view(), iterations.elements(),
                                       terminations.elements(), labels_there.elements()});
    }

    [[nodiscard]] HostStarts<T> take_to_host(const Array<Device, std::size_t>& queue,
                                             const std::vector<std::size_t>& starts) {
        const Array<Device, T> h(device_, starts.size(), h_.view().cols());
        const Array<Device, T> drives(device_, starts.size(), drives_.view().cols());
        device_.launch(starts.size(), GatherStarts<T>{view(queue), h.view(), drives.view()});
        HostStarts<T> here(problem_.options, starts.size());
        here.h = h.download();
        here.drives = drives.download();
        for (std::size_t place = 0; place < starts.size(); ++place) {
            here.iterations[place] = iterations_[starts[place]];
            here.terminations[place] = terminations_[starts[place]];
        }
        return here;
    }

    [[nodiscard]] static bool has_own_inputs(const Problem<T>& problem) {
        return problem.inputs && problem.inputs->rows != 1;
    }

    /// The drives, one row for all starts or one row per start.
    [[nodiscard]] Array<Device, T> make_drives() {
        const auto zero_input = cell_.zero_input_drive();
        const std::size_t rows = has_own_inputs(problem_) ? n_starts_ : 1;
        Array<Device, T> drives(device_, rows, zero_input.cols());
        if (!problem_.inputs || problem_.inputs->cols == 0) {
            device_.copy(drives.view().data(), zero_input.data(), zero_input.cols() * sizeof(T));
            return drives;
        }
        const Array<Device, T> x(device_, rows, problem_.inputs->cols);
        load_rows(device_, *problem_.inputs, rows == 1 ? 0 : first_, x.view(), "inputs");
        device_.multiply_transposed(MatrixView<const T>(x.view()), cell_.input(), drives.view());
        device_.launch(rows, AddRow<T>{zero_input.row(0), drives.view()});
        return drives;
    }

    [[nodiscard]] SearchView<T> view(const Array<Device, std::size_t>& queue) const {
        return {h_.view(),
                drives_.view(),
                iterations_on_device_.elements(),
                terminations_on_device_.elements(),
                kinds_on_device_.elements(),
                reasons_on_device_.elements(),
                q_.elements(),
                problem_.options,
                queue.elements(),
                counters_.elements().data()};
    }

    [[nodiscard]] Array<Device, std::size_t> to_device(
        const std::vector<std::size_t>& numbers) const {
        return {device_, std::span<const std::size_t>(numbers)};
    }

    /// The free memory but for a tenth, which others may need meanwhile.
    [[nodiscard]] std::size_t bytes_for_slots() const {
        const std::size_t free = device_.free_bytes();
        return free - free / 10;
    }

    Device& device_;
    const Problem<T>& problem_;
    const DeviceCell<Device, T>& cell_;
    Deflation<T> deflation_;
    std::size_t first_, n_starts_;
    Array<Device, T> h_, drives_;
    Array<Device, std::int32_t> iterations_on_device_;
    Array<Device, Termination> terminations_on_device_;
    Array<Device, Kind> kinds_on_device_;
    Array<Device, Reason> reasons_on_device_;
    Array<Device, double> q_;
    Array<Device, Counters> counters_;
    Array<Device, float> inverse_;
    Buffer<Device> workspace_;
    Counters last_;
    Pace pace_;
    std::size_t n_zeros_ = 0;
    std::size_t n_products_ = 0;
    std::vector<std::int32_t> iterations_;
    std::vector<Termination> terminations_;
    std::vector<Reason> reasons_;
};

/// Search on a device, as many starts at a time as fit into its memory.
template <GpuDevice Device, class T>
[[nodiscard]] Labels search(Device& device, const Problem<T>& problem) {
    Labels labels;
    const DeviceCell<Device, T> cell(device, problem.cell);
    const Array<Device, T> deflated(device, problem.deflated);
    const std::size_t n = problem.starts.rows;
    const std::size_t bytes = Backend<Device, T>::bytes_per_start(problem);
    const std::size_t chunk = std::max<std::size_t>(1, device.free_bytes() / 3 / bytes);
    for (std::size_t first = 0; first < n; first += chunk) {
        Backend<Device, T> backend(device, problem, cell, deflated.view(), first,
                                   std::min(chunk, n - first));
        Searcher(backend).run(problem.method);
        backend.hand_over(labels);
    }
    device.synchronize();
    return labels;
}

}  // namespace nullcline::gpu
