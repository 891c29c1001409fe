// Searches over functions of Python: the same solvers, whose values and derivatives Python
// computes.
#include "function.hpp"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/function.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cpu/backend.hpp"
#include "nullcline/search/searcher.hpp"
#include "outcomes.hpp"
#include "search_options.hpp"

namespace nullcline::bindings {
namespace {

/// Memory as an array, for as long as a call of Python's takes: it keeps nothing that it is given.
template <class T>
[[nodiscard]] py::array_t<T> array_of(MatrixView<const T> values) {
    static char nobody;
    const py::capsule owner(&nobody, [](void*) {});  // an array without an owner is a copy
    return py::array_t<T>(
        {static_cast<py::ssize_t>(values.rows()), static_cast<py::ssize_t>(values.cols())},
        values.data(), owner);
}

/// Take what a function of Python returned; `rows` x `cols` numbers of any shape.
template <class T>
void take(const py::object& returned, const char* name, MatrixView<T> out) {
    const auto array = Array<T>::ensure(returned);
    if (!array || static_cast<std::size_t>(array.size()) != out.size()) {
        throw py::value_error(std::string(name) + " returned an array of the wrong size or type");
    }
    std::copy_n(array.data(), out.size(), out.data());
}

/// A function of Python of any matrices, the last of which takes what it returns.
[[nodiscard]] inline auto calling(py::function function, const char* name) {
    return [function = std::move(function), name](const auto&... arguments) {
        const auto views = std::tie(arguments...);
        constexpr std::size_t n = sizeof...(arguments) - 1;
        [&]<std::size_t... i>(std::index_sequence<i...>) {
            take(call(function, py::make_tuple(array_of(std::get<i>(views))...)), name,
                 std::get<n>(views));
        }(std::make_index_sequence<n>());
    };
}

/// A linearized map of Python.
class PyLinearized : public LinearizedMap {
  public:
    explicit PyLinearized(py::object linearized)
        : pulled_(linearized.attr("pulled")),
          forward_(linearized.attr("forward")),
          curved_(linearized.attr("curved")),
          backward_(linearized.attr("backward")) {}

    void pulled(MatrixView<float> out) const override {
        take(call(pulled_, py::tuple()), "pulled", out);
    }
    void forward(Directions v, MatrixView<float> out) const override {
        take(call(forward_, py::make_tuple(array_of(v))), "forward", out);
    }
    void curved(Directions v, MatrixView<float> out, MatrixView<float> bent) const override {
        const py::tuple both = call(curved_, py::make_tuple(array_of(v)));
        take(both[0], "curved", out);
        take(both[1], "curved", bent);
    }
    void backward(Directions w, MatrixView<float> out) const override {
        take(call(backward_, py::make_tuple(array_of(w))), "backward", out);
    }

  private:
    py::function pulled_, forward_, curved_, backward_;
};

template <class T>
class PyFunction {
  public:
    PyFunction(std::size_t size, std::size_t input_size, T low, T high, py::function step,
               py::function jacobian, py::function rough_jacobian, py::function vjp,
               py::function linearized)
        : function_(size, input_size, {low, high, true}) {
        require_blas();
        if (size == 0) {
            throw py::value_error("size must be at least 1");
        }
        function_.step = calling(std::move(step), "step");
        function_.jacobian = calling(std::move(jacobian), "jacobian");
        function_.rough_jacobian = calling(std::move(rough_jacobian), "rough_jacobian");
        function_.vjp = calling(std::move(vjp), "vjp");
        function_.linearized = [f = std::move(linearized)](const auto&... arguments) {
            return std::make_unique<PyLinearized>(call(f, py::make_tuple(array_of(arguments)...)));
        };
    }

    /// Search, calling Python's functions, which have threads of their own, from this thread alone.
    PyOutcomes<T> search(const Array<T>& starts, const std::optional<Array<T>>& x,
                         const std::optional<Array<T>>& deflated, const std::string& method_name,
                         double tol_slow, std::optional<std::int32_t> max_iterations,
                         double learning_rate, int n_threads,
                         const std::optional<py::function>& progress) const {
        if (n_threads < 1) {
            throw py::value_error("n_threads must be at least 1");
        }
        const Method method = method_of(method_name);
        const auto size = static_cast<py::ssize_t>(function_.size());
        const auto view = matrix(starts, "starts", size);
        NativeCall native;
        const cpu::Problem<Function<T>> problem{
            .network = function_,
            .starts = view,
            .inputs =
                inputs_of(x, starts.shape(0), static_cast<py::ssize_t>(function_.input_size())),
            .deflated = deflated ? matrix(*deflated, "deflated", size) : MatrixView<const T>(),
            .options = options_of(method, tol_slow, max_iterations, learning_rate),
            .n_threads = static_cast<std::size_t>(n_threads),
            .progress = reporter(native, progress, view.rows()),
            .poll = native.poll(),
        };
        cpu::Backend backend(problem);
        Searcher(backend).run(method);
        return PyOutcomes<T>(backend.take_outcomes());
    }

  private:
    Function<T> function_;
};

template <class T>
void declare(py::module_& module, const char* name) {
    using F = PyFunction<T>;
    py::class_<F>(module, name)
        .def(py::init<std::size_t, std::size_t, T, T, py::function, py::function, py::function,
                      py::function, py::function>(),
             py::arg("size"), py::arg("input_size"), py::arg("low"), py::arg("high"),
             py::arg("step"), py::arg("jacobian"), py::arg("rough_jacobian"), py::arg("vjp"),
             py::arg("linearized"))
        .def("search", &F::search, py::arg("starts").noconvert(),
             py::arg("x").noconvert() = py::none(), py::kw_only(),
             py::arg("deflated").noconvert() = py::none(), py::arg("method") = "auto",
             py::arg("tol_slow") = 1e-6, py::arg("max_iterations") = py::none(),
             py::arg("learning_rate") = 0.01, py::arg("n_threads") = 1,
             py::arg("progress") = py::none());
}

}  // namespace

void declare_functions(py::module_& module) {
    declare<double>(module, "Function64");
    declare<float>(module, "Function32");
}

}  // namespace nullcline::bindings
