// A cell for Python: check what comes, release the GIL, forward.
#pragma once

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "cell_arguments.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cells/secants.hpp"
#include "nullcline/cells/sequences.hpp"
#include "nullcline/cells/speed_hessian.hpp"
#include "nullcline/cpu/backend.hpp"
#include "nullcline/parallel/workers.hpp"
#include "nullcline/search/searcher.hpp"
#include "outcomes.hpp"
#include "residual_map.hpp"
#include "search_options.hpp"

namespace nullcline::bindings {

template <class T>
class PyCell {
  public:
    using A = Array<T>;
    using MaybeA = std::optional<A>;

    using MaybeNames = std::optional<std::vector<std::string>>;

    PyCell(const std::string& kind, const A& weight_ih, const Recurrence<T>& weight_hh,
           const A& bias, const MaybeA& parameters, const MaybeNames& activations)
        : cell_(make(kind, weight_ih, weight_hh, bias, parameters, activations)) {}

    [[nodiscard]] std::size_t hidden_size() const { return cell_.size(); }
    [[nodiscard]] std::size_t state_size() const { return cell_.state_size(); }
    [[nodiscard]] std::size_t input_size() const { return cell_.input_size(); }

    py::array_t<T> step(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::step(batch, out.view); });
        return out.array;
    }

    py::array_t<T> residual(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), units()});
        compute(h, units(), x, n_threads,
                [&](const auto& batch) { nullcline::residual(batch, out.view); });
        return out.array;
    }

    py::array_t<T> complete(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        compute(h, units(), x, n_threads,
                [&](const auto& batch) { nullcline::complete(batch, out.view); });
        return out.array;
    }

    py::array_t<T> speed(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h)});
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::speed(batch, out.view.elements()); });
        return out.array;
    }

    py::array_t<T> jacobian(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), states(), states()});
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::jacobian(batch, out.view); });
        return out.array;
    }

    py::array_t<T> speed_hessian(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), states(), states()});
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::speed_hessian(batch, out.view); });
        return out.array;
    }

    py::array_t<T> residual_jacobian(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), units(), units()});
        compute(h, units(), x, n_threads,
                [&](const auto& batch) { nullcline::residual_jacobian(batch, out.view); });
        return out.array;
    }

    PyResidualMap<T> residual_map(const A& h, const MaybeA& x) const {
        return {cell_, vector(h, "h", units()),
                x ? vector(*x, "x", inputs()) : std::span<const T>()};
    }

    py::array_t<T> input_jacobian(const A& h, const MaybeA& x, int n_threads) const {
        NewArray<T> out({rows(h), states(), inputs()});
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::input_jacobian(batch, out.view); });
        return out.array;
    }

    py::array_t<T> jvp(const A& h, const MaybeA& x, const A& v, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        const auto view = matrix(v, "v", rows(h), states());
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::jvp(batch, view, out.view); });
        return out.array;
    }

    py::array_t<T> vjp(const A& h, const MaybeA& x, const A& u, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        const auto view = matrix(u, "u", rows(h), states());
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::vjp(batch, view, out.view); });
        return out.array;
    }

    py::array_t<T> hvp(const A& h, const MaybeA& x, const A& u, const A& v, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        const auto covectors = matrix(u, "u", rows(h), states());
        const auto directions = matrix(v, "v", rows(h), states());
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::hvp(batch, covectors, directions, out.view); });
        return out.array;
    }

    py::array_t<T> input_jvp(const A& h, const MaybeA& x, const A& v, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        const auto view = matrix(v, "v", rows(h), inputs());
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::input_jvp(batch, view, out.view); });
        return out.array;
    }

    py::array_t<T> residual_input_jvp(const A& h, const MaybeA& x, const A& v,
                                      int n_threads) const {
        NewArray<T> out({rows(h), units()});
        const auto view = matrix(v, "v", rows(h), inputs());
        compute(h, units(), x, n_threads,
                [&](const auto& batch) { nullcline::residual_input_jvp(batch, view, out.view); });
        return out.array;
    }

    py::array_t<T> input_vjp(const A& h, const MaybeA& x, const A& u, int n_threads) const {
        NewArray<T> out({rows(h), inputs()});
        const auto view = matrix(u, "u", rows(h), states());
        compute(h, states(), x, n_threads,
                [&](const auto& batch) { nullcline::input_vjp(batch, view, out.view); });
        return out.array;
    }

    py::tuple secant_vjp(const A& base, const A& base_x, const A& h, const A& x, const A& u,
                         int n_threads) const {
        NewArray<T> by_state({rows(h), states()});
        NewArray<T> by_input({rows(h), inputs()});
        const auto covectors = matrix(u, "u", rows(h), states());
        compute_secants(base, base_x, h, x, n_threads, [&](const auto& pairs) {
            nullcline::secant_vjp(pairs, covectors, by_state.view, by_input.view);
        });
        return py::make_tuple(by_state.array, by_input.array);
    }

    py::array_t<T> secant_jvp(const A& base, const A& base_x, const A& h, const A& x, const A& v,
                              const A& w, int n_threads) const {
        NewArray<T> out({rows(h), states()});
        const auto changes = matrix(v, "v", rows(h), states());
        const auto input_changes = matrix(w, "w", rows(h), inputs());
        compute_secants(base, base_x, h, x, n_threads, [&](const auto& pairs) {
            nullcline::secant_jvp(pairs, changes, input_changes, out.view);
        });
        return out.array;
    }

    py::array_t<T> run_sequences(const A& start, const A& x, const Array<std::int64_t>& active,
                                 int n_threads) const {
        const auto first = matrix(start, "start", states());
        NativeCall native;
        const Poll poll = native.poll();
        const Steps steps = steps_of(active, rows(start), n_threads, poll);
        const auto read = step_rows(x, "x", active.shape(0), rows(start), inputs());
        NewArray<T> out({active.shape(0) + 1, rows(start), states()});
        std::ranges::copy(first.elements(), out.view.elements().begin());
        native.without_gil([&] { nullcline::run_sequences(cell_, read, steps, out.view); });
        return out.array;
    }

    py::tuple pull_back_sequences(const A& base, const A& base_x, const A& h, const A& x,
                                  const A& covectors, const MaybeA& outputs, const A& directly,
                                  const Array<std::int64_t>& active, bool keep_states,
                                  int n_threads) const {
        NativeCall native;
        const Poll poll = native.poll();
        const py::ssize_t n = rows(covectors);
        const Steps steps = steps_of(active, n, n_threads, poll);
        const py::ssize_t count = active.shape(0);
        const bool is_resting = base.ndim() == 3 && base_x.ndim() == 3 &&
                                base.shape(0) * base.shape(1) == 1 && base_x.shape(0) == 1;
        const bool is_one = directly.ndim() == 3 && directly.shape(0) * directly.shape(1) == 1;
        const Runs<T> runs{
            is_resting ? Rows<T>{step_rows(base, "base", 1, 1, states()),
                                 step_rows(base_x, "base_x", 1, 1, inputs())}
                       : Rows<T>{step_rows(base, "base", count + 1, n, states()),
                                 step_rows(base_x, "base_x", count, n, inputs())},
            {step_rows(h, "h", count + 1, n, states()), step_rows(x, "x", count, n, inputs())}};
        const auto of_start = matrix(covectors, "covectors", n, states());
        NewArray<T> start({n, states()});
        std::ranges::copy(of_start.elements(), start.view.elements().begin());
        NewArray<T> kept({keep_states ? count : 0, n, states()});
        NewArray<T> by_input({count, n, inputs()});
        NewArray<T> directly_by_input({count, n, inputs()});
        for (const auto& view : {kept.view, by_input.view, directly_by_input.view}) {
            std::ranges::fill(view.elements(), T{0});
        }
        const PullBack<T> pull{
            .outputs =
                outputs ? step_rows(*outputs, "outputs", count, n, units()) : MatrixView<const T>(),
            .directly = is_one ? step_rows(directly, "directly", 1, 1, units())
                               : step_rows(directly, "directly", count, n, units()),
            .covectors = start.view,
            .states = kept.view,
            .inputs = by_input.view,
            .direct_inputs = directly_by_input.view,
        };
        native.without_gil([&] { nullcline::pull_back_sequences(cell_, runs, steps, pull); });
        return py::make_tuple(kept.array, start.array, by_input.array, directly_by_input.array);
    }

    /// The least and the largest value of each output, infinite where there is none, at one input.
    py::tuple bounds(const MaybeA& x) const {
        const Inputs<T> input = inputs_of(x, 1, inputs());
        std::vector<T> drive(cell_.drive_size());
        cell_.drive(input.row(0), std::span(drive));
        const Box<T> box = reduced(cell_.view()).box(drive);
        const auto outward = [](T value) {
            if (value == open_unit_range<T>.low || value == open_unit_range<T>.high) {
                return std::copysign(T{1},
                                     value);  // the search leaves out an open interval's endpoints
            }
            return std::abs(value) < std::numeric_limits<T>::max()
                       ? value
                       : std::copysign(std::numeric_limits<T>::infinity(), value);
        };
        NewArray<T> low({units()});
        NewArray<T> high({units()});
        for (std::size_t i = 0; i < cell_.size(); ++i) {
            low.view.elements()[i] = outward(box.low(i));
            high.view.elements()[i] = outward(box.high(i));
        }
        return py::make_tuple(low.array, high.array);
    }

    Outcomes<T> search(const A& starts, const MaybeA& x, const MaybeA& deflated,
                       const std::string& method_name, double tol_slow,
                       std::optional<std::int32_t> max_iterations, double learning_rate,
                       int n_threads, const std::optional<py::function>& progress) const {
        const Method method = method_of(method_name);
        const Options options = options_of(method, tol_slow, max_iterations, learning_rate);
        const auto zeros =
            deflated ? matrix(*deflated, "deflated", units()) : MatrixView<const T>();
        NativeCall native;
        const Poll poll = native.poll();
        const Batch<T> batch = batch_of(starts, states(), x, n_threads, poll);
        const cpu::Problem<Cell<T>> problem{
            .network = cell_,
            .starts = batch.h,
            .inputs = batch.inputs,
            .deflated = zeros,
            .options = options,
            .n_threads = batch.n_threads,
            .progress = reporter(native, progress, batch.h.rows()),
            .poll = poll,
        };
        std::optional<Outcomes<T>> outcomes;
        native.without_gil([&] {
            cpu::Backend backend(problem);
            Searcher(backend).run(method);
            outcomes = backend.take_outcomes();
        });
        return std::move(*outcomes);
    }

  private:
    static Cell<T> make(const std::string& kind, const A& weight_ih, const Recurrence<T>& weight_hh,
                        const A& bias, const MaybeA& parameters, const MaybeNames& activations) {
        require_blas();
        return cell_of<T>(kind, weight_ih, weight_hh, bias, parameters, activations);
    }

    /// Check states of this size and inputs, and call `use(batch)` without the GIL.
    template <class Use>
    void compute(const A& h, py::ssize_t size, const MaybeA& x, int n_threads,
                 const Use& use) const {
        NativeCall native;
        const Poll poll = native.poll();
        const Batch<T> batch = batch_of(h, size, x, n_threads, poll);
        native.without_gil([&] { use(batch); });
    }

    /// Check pairs of states with their inputs, and call `use(pairs)` without the GIL.
    template <class Use>
    void compute_secants(const A& base, const A& base_x, const A& h, const A& x, int n_threads,
                         const Use& use) const {
        require_threads(n_threads);
        const py::ssize_t n = rows(h);
        NativeCall native;
        const Poll poll = native.poll();
        const PairBatch<T> pairs{
            cell_,
            {matrix(base, "h0", n, states()), matrix(base_x, "x0", n, inputs())},
            {matrix(h, "h", n, states()), matrix(x, "x", n, inputs())},
            static_cast<std::size_t>(n_threads),
            poll};
        native.without_gil([&] { use(pairs); });
    }

    [[nodiscard]] static Steps steps_of(const Array<std::int64_t>& active, py::ssize_t n,
                                        int n_threads, const Poll& poll) {
        require_threads(n_threads);
        const auto counts = vector(active, "active", active.ndim() == 1 ? active.shape(0) : -1);
        std::int64_t most = n;
        for (const std::int64_t count : counts) {
            if (count < 0 || count > most) {
                throw py::value_error("active must fall from at most n to at least 0");
            }
            most = count;
        }
        return {counts, static_cast<std::size_t>(n), static_cast<std::size_t>(n_threads), poll};
    }

    static void require_threads(int n_threads) {
        if (n_threads < 1) {
            throw py::value_error("n_threads must be at least 1");
        }
    }

    [[nodiscard]] Batch<T> batch_of(const A& h, py::ssize_t size, const MaybeA& x, int n_threads,
                                    const Poll& poll) const {
        require_threads(n_threads);
        return {cell_, matrix(h, "h", size), inputs_of(x, rows(h), inputs()),
                static_cast<std::size_t>(n_threads), poll};
    }

    [[nodiscard]] py::ssize_t units() const { return static_cast<py::ssize_t>(cell_.size()); }
    [[nodiscard]] py::ssize_t states() const {
        return static_cast<py::ssize_t>(cell_.state_size());
    }
    [[nodiscard]] py::ssize_t inputs() const {
        return static_cast<py::ssize_t>(cell_.input_size());
    }
    /// The number of states; their shape is checked where they are read.
    [[nodiscard]] static py::ssize_t rows(const A& h) { return h.ndim() > 0 ? h.shape(0) : 0; }

    Cell<T> cell_;
};

}  // namespace nullcline::bindings
