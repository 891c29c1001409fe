// The module `nullcline._native._core`: check what comes from Python, release the GIL, forward.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "cell_arguments.hpp"
#include "enclosure.hpp"
#include "enumeration.hpp"
#include "function.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cells/residual_map.hpp"
#include "nullcline/cells/secants.hpp"
#include "nullcline/cells/sequences.hpp"
#include "nullcline/cells/speed_hessian.hpp"
#include "nullcline/cpu/backend.hpp"
#include "nullcline/numerics/trust_region.hpp"
#include "nullcline/parallel/workers.hpp"
#include "nullcline/search/searcher.hpp"
#include "outcomes.hpp"
#include "search_options.hpp"
#include "training.hpp"

namespace nullcline::bindings {
namespace {

template <class T>
class PyResidualMap {
  public:
    using A = Array<T>;

    PyResidualMap(const Cell<T>& cell, std::span<const T> h, std::span<const T> x) {
        std::vector<T> drive(cell.drive_size());
        NativeCall native;
        native.without_gil([&] {
            cell.drive(x, std::span(drive));
            map_.emplace(cell, h, std::span<const T>(drive));
        });
    }

    [[nodiscard]] py::array_t<T> residual() const {
        NewArray<T> out({units()});
        std::ranges::copy(map_->residual(), out.view.elements().begin());
        return out.array;
    }

    [[nodiscard]] py::array_t<T> jvp(const A& v) const {
        return mapped(vector(v, "v", units()), &ResidualMap<T>::jvp);
    }

    [[nodiscard]] py::array_t<T> vjp(const A& u) const {
        return mapped(vector(u, "u", units()), &ResidualMap<T>::vjp);
    }

  private:
    using Map = void (ResidualMap<T>::*)(std::span<const T>, std::span<T>) const;

    [[nodiscard]] py::ssize_t units() const { return static_cast<py::ssize_t>(map_->size()); }

    [[nodiscard]] py::array_t<T> mapped(std::span<const T> from, Map map) const {
        NewArray<T> out({units()});
        NativeCall native;
        native.without_gil([&] { ((*map_).*map)(from, out.view.elements()); });
        return out.array;
    }

    std::optional<ResidualMap<T>> map_;
};

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

template <class T>
void declare(py::module_& module, const char* result_name, const char* map_name, const char* name) {
    using Result = PyOutcomes<T>;
    py::class_<Result>(module, result_name)
        .def_readonly("h", &Result::h)
        .def_readonly("q", &Result::q)
        .def_readonly("kind", &Result::kind)
        .def_readonly("reason", &Result::reason)
        .def_readonly("iterations", &Result::iterations)
        .def_readonly("n_products", &Result::n_products);

    using M = PyResidualMap<T>;
    py::class_<M>(module, map_name)
        .def_property_readonly("residual", &M::residual)
        .def("jvp", &M::jvp, py::arg("v").noconvert())
        .def("vjp", &M::vjp, py::arg("u").noconvert());

    using G = PyCell<T>;
    const auto h = py::arg("h").noconvert();
    const auto x = py::arg("x").noconvert();
    const auto u = py::arg("u").noconvert();
    const auto v = py::arg("v").noconvert();
    const auto h0 = py::arg("h0").noconvert();
    const auto x0 = py::arg("x0").noconvert();
    const auto no_x = py::arg("x").noconvert() = py::none();
    const auto n_threads = py::arg("n_threads") = 1;
    py::class_<G>(module, name)
        .def(py::init<const std::string&, const Array<T>&, const Recurrence<T>&, const Array<T>&,
                      const std::optional<Array<T>>&,
                      const std::optional<std::vector<std::string>>&>(),
             py::arg("kind"), py::arg("weight_ih").noconvert(), py::arg("weight_hh").noconvert(),
             py::arg("bias").noconvert(), py::arg("parameters").noconvert() = py::none(),
             py::arg("activations") = py::none())
        .def_property_readonly("hidden_size", &G::hidden_size)
        .def_property_readonly("state_size", &G::state_size)
        .def_property_readonly("input_size", &G::input_size)
        .def("bounds", &G::bounds, no_x)
        .def("step", &G::step, h, no_x, n_threads)
        .def("residual", &G::residual, h, no_x, n_threads)
        .def("complete", &G::complete, h, no_x, n_threads)
        .def("speed", &G::speed, h, no_x, n_threads)
        .def("jacobian", &G::jacobian, h, no_x, n_threads)
        .def("speed_hessian", &G::speed_hessian, h, no_x, n_threads)
        .def("residual_jacobian", &G::residual_jacobian, h, no_x, n_threads)
        .def("residual_map", &G::residual_map, h, no_x, py::keep_alive<0, 1>())
        .def("input_jacobian", &G::input_jacobian, h, no_x, n_threads)
        .def("jvp", &G::jvp, h, x, v, n_threads)
        .def("vjp", &G::vjp, h, x, u, n_threads)
        .def("hvp", &G::hvp, h, x, u, v, n_threads)
        .def("input_jvp", &G::input_jvp, h, x, v, n_threads)
        .def("residual_input_jvp", &G::residual_input_jvp, h, x, v, n_threads)
        .def("input_vjp", &G::input_vjp, h, x, u, n_threads)
        .def("secant_vjp", &G::secant_vjp, h0, x0, h, x, u, n_threads)
        .def("secant_jvp", &G::secant_jvp, h0, x0, h, x, v, py::arg("w").noconvert(), n_threads)
        .def("run_sequences", &G::run_sequences, py::arg("start").noconvert(), x,
             py::arg("active").noconvert(), n_threads)
        .def("pull_back_sequences", &G::pull_back_sequences, h0, x0, h, x,
             py::arg("covectors").noconvert(), py::arg("outputs").noconvert(),
             py::arg("directly").noconvert(), py::arg("active").noconvert(), py::arg("keep_states"),
             n_threads)
        .def(
            "search",
            [](const G& cell, const Array<T>& starts, const std::optional<Array<T>>& inputs,
               const std::optional<Array<T>>& deflated, const std::string& method, double tol_slow,
               std::optional<std::int32_t> max_iterations, double learning_rate, int threads,
               const std::optional<py::function>& progress) {
                return Result(cell.search(starts, inputs, deflated, method, tol_slow,
                                          max_iterations, learning_rate, threads, progress));
            },
            py::arg("starts").noconvert(), no_x, py::kw_only(),
            py::arg("deflated").noconvert() = py::none(), py::arg("method") = "auto",
            py::arg("tol_slow") = 1e-6, py::arg("max_iterations") = py::none(),
            py::arg("learning_rate") = 0.01, py::arg("n_threads") = 1,
            py::arg("progress") = py::none());
}

/// `minimize_model` for tests: (found, y, multiplier, decrease).
py::tuple trust_region_step(const Array<double>& a, const Array<double>& g, double radius) {
    const auto n = g.ndim() > 0 ? g.shape(0) : 0;
    if (n < 1 || static_cast<std::size_t>(n) > SmallMatrix::largest) {
        throw py::value_error("g must have from 1 to 32 numbers");
    }
    const auto gradient = vector(g, "g", n);
    const auto view = matrix(a, "a", n, n);
    SmallMatrix small{};
    for (std::size_t i = 0; i < view.rows(); ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            small(i, j) = view(i, j);
        }
    }
    NewArray<double> y({n});
    ModelWorkspace work;
    const ModelStep step =
        minimize_model(SerialGroup(), small, gradient, radius, y.view.elements(), work);
    return py::make_tuple(step.found, y.array, step.multiplier, step.decrease);
}

template <std::size_t n>
py::tuple as_tuple(const std::array<std::string_view, n>& texts) {
    return py::tuple(py::cast(texts));
}

/// The names of activations without kinks.
py::tuple smooth_activations() {
    py::list smooth;
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        if (with_activation(static_cast<Activation>(k), []<class A>() { return A::is_smooth; })) {
            smooth.append(activation_names[k]);
        }
    }
    return smooth;
}

}  // namespace
}  // namespace nullcline::bindings

PYBIND11_MODULE(_core, module) {
    using namespace nullcline::bindings;
    module.doc() = "The compiled core of nullcline.";
    prepare_module();
    module.attr("KINDS") = as_tuple(nullcline::kinds);
    module.attr("REASONS") = as_tuple(nullcline::reasons);
    module.attr("ACTIVATIONS") = as_tuple(nullcline::activation_names);
    module.attr("SMOOTH_ACTIVATIONS") = smooth_activations();
    module.def("blas_init", &take_capsules, py::arg("capsules"));
    module.def("trust_region_step", &trust_region_step, py::arg("a").noconvert(),
               py::arg("g").noconvert(), py::arg("radius"));
    module.def("blas_ready", &blas_ready);
    module.def("threads_with_room", &nullcline::n_workers_with_room, py::arg("n_threads"));
    declare<double>(module, "SearchResult64", "ResidualMap64", "Cell64");
    declare<float>(module, "SearchResult32", "ResidualMap32", "Cell32");
    declare_enclosures(module);
    declare_enumeration(module);
    declare_functions(module);
    declare_training(module);
}
