// Layers that are trained: check what comes from Python, release the GIL, forward.
#include "training.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "interpreter.hpp"
#include "nullcline/training/layer.hpp"

namespace nullcline::bindings {
namespace {

using training::Layout;
using training::Packing;
using training::TrainedCell;

TrainedCell trained_cell(std::string_view name) {
    const std::optional<TrainedCell> cell = training::trained_cell_named(name);
    if (!cell) {
        throw py::value_error("there is no cell '" + std::string(name) + "' to train");
    }
    return *cell;
}

/// The orders in which a layer's blocks are to be given: of `weight_hh`, and of `weight_ih`.
py::tuple block_orders(const std::string& name) {
    const Layout& layout = training::layout(trained_cell(name));
    const auto order = [&](const auto& preactivations) {
        std::vector<std::size_t> blocks(layout.blocks);
        for (std::size_t block = 0; block < layout.blocks; ++block) {
            blocks[block] = block;
        }
        std::ranges::sort(blocks, {}, [&](std::size_t block) { return preactivations[block]; });
        return blocks;
    };
    return py::make_tuple(order(layout.product_preactivations), order(layout.drive_preactivations));
}

/// How many numbers a unit's equations read at a step.
std::size_t n_preactivations(const std::string& name) {
    return training::layout(trained_cell(name)).preactivations;
}

/// An array that is written to.
template <class T>
MatrixView<T> changing(Array<T>& array, const char* name, py::ssize_t rows, py::ssize_t cols) {
    const MatrixView<const T> view = matrix(array, name, rows, cols);
    return {array.mutable_data(), view.rows(), view.cols()};
}

/// A cell, and the sizes of its layer.
struct Sizes {
    template <class T>
    Sizes(const std::string& name, const Array<T>& weight_ih, const Array<T>& weight_hh,
          const Array<std::int64_t>& active, int n_threads)
        : cell(trained_cell(name)), layout(training::layout(cell)) {
        if (weight_ih.ndim() != 2 || weight_hh.ndim() != 2 || weight_hh.shape(1) == 0) {
            throw py::value_error(
                "weights must have shapes (blocks H, D) and (blocks H, H), H > 0");
        }
        if (n_threads < 1) {
            throw py::value_error("n_threads must be at least 1");
        }
        const auto counts = vector(active, "active", active.ndim() == 1 ? active.shape(0) : -1);
        units = weight_hh.shape(1);
        inputs = weight_ih.shape(1);
        products = static_cast<py::ssize_t>(layout.blocks) * units;
        states = static_cast<py::ssize_t>(layout.parts) * units;
        preactivations = static_cast<py::ssize_t>(layout.preactivations) * units;
        for (std::size_t t = 0; t < counts.size(); ++t) {
            if (counts[t] < 1 || (t > 0 && counts[t] > counts[t - 1])) {
                throw py::value_error("active must fall, and not below 1");
            }
            rows += counts[t];
        }
        sequences = counts.empty() ? 0 : counts[0];
    }

    /// What the cell has beside weights, such as a leak.
    template <class T>
    [[nodiscard]] std::span<const T> parameters(const std::optional<Array<T>>& given) const {
        if (given.has_value() != (layout.parameters > 0)) {
            throw py::value_error(
                "parameters must be given where the cell has some, and only there");
        }
        if (!given) {
            return {};
        }
        const auto n = static_cast<py::ssize_t>(layout.parameters);
        return matrix(*given, "parameters", n, units).elements();
    }

    TrainedCell cell;
    const Layout& layout;
    py::ssize_t units, inputs, products, states, preactivations, sequences;
    py::ssize_t rows = 0;
};

template <class T>
py::array_t<T> run_layer(const std::string& name, const Array<T>& inputs, const Array<T>& weight_ih,
                         const Array<T>& weight_hh, const Array<T>& bias_ih,
                         const Array<T>& bias_hh, const Array<T>& start,
                         const Array<std::int64_t>& active, std::optional<Array<T>> preactivations,
                         int n_threads, const std::optional<Array<T>>& parameters) {
    const Sizes sizes(name, weight_ih, weight_hh, active, n_threads);
    const training::LayerWeights<T> weights{
        matrix(weight_ih, "weight_ih", sizes.products, sizes.inputs),
        matrix(weight_hh, "weight_hh", sizes.products, sizes.units),
        vector(bias_ih, "bias_ih", sizes.products), vector(bias_hh, "bias_hh", sizes.products),
        sizes.parameters(parameters)};
    NewArray<T> states({sizes.rows, sizes.states});
    const training::LayerRun<T> run{
        matrix(inputs, "inputs", sizes.rows, sizes.inputs),
        matrix(start, "start", sizes.sequences, sizes.states), states.view,
        preactivations
            ? changing(*preactivations, "preactivations", sizes.rows, sizes.preactivations)
            : MatrixView<T>()};
    NativeCall native;
    const Poll poll = native.poll();
    const Packing packing({active.data(), static_cast<std::size_t>(active.size())},
                          static_cast<std::size_t>(n_threads), poll);
    native.without_gil([&] { training::run_layer(sizes.cell, weights, packing, run); });
    return states.array;
}

template <class T>
py::tuple differentiate_layer(const std::string& name, const Array<T>& inputs,
                              const Array<T>& weight_ih, const Array<T>& weight_hh,
                              const Array<T>& start, Array<T> states, Array<T> preactivations,
                              const std::optional<Array<T>>& of_outputs, const Array<T>& of_last,
                              const Array<std::int64_t>& active, bool by_inputs, int n_threads,
                              const std::optional<Array<T>>& parameters) {
    const Sizes sizes(name, weight_ih, weight_hh, active, n_threads);
    const training::LayerWeights<T> weights{
        matrix(weight_ih, "weight_ih", sizes.products, sizes.inputs),
        matrix(weight_hh, "weight_hh", sizes.products, sizes.units),
        {},
        {},
        sizes.parameters(parameters)};
    const training::LayerRun<T> run{
        matrix(inputs, "inputs", sizes.rows, sizes.inputs),
        matrix(start, "start", sizes.sequences, sizes.states),
        changing(states, "states", sizes.rows, sizes.states),
        changing(preactivations, "preactivations", sizes.rows, sizes.preactivations)};
    NewArray<T> by_start({sizes.sequences, sizes.states});
    std::ranges::copy(matrix(of_last, "of_last", sizes.sequences, sizes.states).elements(),
                      by_start.view.elements().begin());
    NewArray<T> by_input({by_inputs ? sizes.rows : 0, sizes.inputs});
    NewArray<T> by_weight_ih({sizes.products, sizes.inputs});
    NewArray<T> by_weight_hh({sizes.products, sizes.units});
    NewArray<T> by_bias_ih({sizes.products});
    NewArray<T> by_bias_hh({sizes.products});
    const training::LayerGradients<T> gradients{
        of_outputs ? matrix(*of_outputs, "of_outputs", sizes.rows, sizes.units)
                   : MatrixView<const T>(),
        by_start.view,
        by_input.view,
        by_weight_ih.view,
        by_weight_hh.view,
        by_bias_ih.view.elements(),
        by_bias_hh.view.elements()};
    NativeCall native;
    const Poll poll = native.poll();
    const Packing packing({active.data(), static_cast<std::size_t>(active.size())},
                          static_cast<std::size_t>(n_threads), poll);
    native.without_gil([&] {
        training::pull_back_states(sizes.cell, weights, packing, run, gradients);
        training::sum_weight_gradients(packing, run, gradients);
    });
    return py::make_tuple(by_input.array, by_weight_ih.array, by_weight_hh.array, by_bias_ih.array,
                          by_bias_hh.array, by_start.array);
}

template <class T>
void declare(py::module_& module) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    module.def("run_layer", &run_layer<T>, py::arg("kind"), array("inputs"), array("weight_ih"),
               array("weight_hh"), array("bias_ih"), array("bias_hh"), array("start"),
               array("active"), array("preactivations"), py::arg("n_threads"),
               array("parameters") = py::none());
    module.def("differentiate_layer", &differentiate_layer<T>, py::arg("kind"), array("inputs"),
               array("weight_ih"), array("weight_hh"), array("start"), array("states"),
               array("preactivations"), array("of_outputs"), array("of_last"), array("active"),
               py::arg("by_inputs"), py::arg("n_threads"), array("parameters") = py::none());
}

}  // namespace

void declare_training(py::module_& module) {
    module.def("block_orders", &block_orders, py::arg("kind"));
    module.def("n_preactivations", &n_preactivations, py::arg("kind"));
    declare<double>(module);
    declare<float>(module);
}

}  // namespace nullcline::bindings
