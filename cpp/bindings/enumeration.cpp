// Enumerations for Python: boxes come and go as their ends.
#include "enumeration.hpp"

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "cell_arguments.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/catalogue.hpp"
#include "nullcline/enumeration/cell_system.hpp"
#include "nullcline/enumeration/enumerate.hpp"
#include "nullcline/enumeration/latent_system.hpp"
#include "nullcline/enumeration/relu_regions.hpp"

namespace nullcline::bindings {
namespace {

using enumeration::balls_of;
using enumeration::Enumerated;
using enumeration::Limits;
using enumeration::Sides;

using A = Array<double>;
using Names = std::vector<std::string>;

/// What all enumerations take beside their network.
struct PyLimits {
    std::uint64_t max_boxes;
    double patience;
    double resolution;
    int n_threads;
    std::optional<py::function> progress;

    [[nodiscard]] Limits within(NativeCall& native) const {
        Limits limits{.most_boxes = max_boxes,
                      .patience = patience,
                      .resolution = resolution,
                      .n_threads = static_cast<std::size_t>(std::max(n_threads, 1)),
                      .progress = {},
                      .poll = native.poll()};
        if (progress) {
            limits.progress = [this, &native](double share) {
                native.with_gil([&] { call(*progress, py::make_tuple(share)); });
            };
        }
        return limits;
    }
};

Sides sides(const A& low, const A& high, const char* name, py::ssize_t size) {
    const auto from = vector(low, name, size);
    const auto to = vector(high, name, size);
    Sides box(from.size());
    std::ranges::transform(from, to, box.begin(),
                           [](double a, double b) { return Interval(a, b); });
    return box;
}

/// The ends of boxes, as two arrays (n, size).
py::tuple ends_of(const std::vector<Sides>& boxes, py::ssize_t size) {
    const auto n = static_cast<py::ssize_t>(boxes.size());
    NewArray<double> low({n, size});
    NewArray<double> high({n, size});
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        std::ranges::transform(boxes[i], low.view.row(i).begin(), &Interval::low);
        std::ranges::transform(boxes[i], high.view.row(i).begin(), &Interval::high);
    }
    return py::make_tuple(low.array, high.array);
}

/// Ends of the boxes in which zeros exist, their indices, ends of the open boxes, the number of
/// boxes, and why it ended. `outputs(box)` makes boxes of outputs of those of the unknowns.
template <class Outputs>
py::tuple as_tuple(const Enumerated& found, py::ssize_t size, const Outputs& outputs) {
    std::vector<Sides> exists;
    std::vector<Sides> open;
    NewArray<std::int8_t> index({static_cast<py::ssize_t>(found.roots.size())});
    for (std::size_t i = 0; i < found.roots.size(); ++i) {
        exists.push_back(outputs(found.roots[i].exists));
        index.view.elements()[i] = static_cast<std::int8_t>(found.roots[i].index);
    }
    for (const Sides& box : found.open) {
        open.push_back(outputs(box));
    }
    return py::make_tuple(ends_of(exists, size), index.array, ends_of(open, size), found.n_boxes,
                          static_cast<int>(found.end));
}

/// Middles and radii of numbers that come as their ends.
struct Drive {
    Drive(const A& low, const A& high, py::ssize_t size) {
        for (const Ball& ball : balls_of(sides(low, high, "drive", size))) {
            middle.push_back(ball.middle);
            radius.push_back(ball.radius);
        }
    }
    std::vector<double> middle, radius;
};

std::vector<Activation> per_unit(const Names& names, const CellTraits& traits, py::ssize_t size) {
    const auto n = static_cast<std::size_t>(size);
    std::vector<Activation> found = activations_of(names, traits, n);
    found.resize(n, found.front());
    return found;
}

const CellTraits& traits_of(const std::string& name, CellKind& kind) {
    const std::optional<CellKind> found = cell_named(name);
    if (!found) {
        throw py::value_error("there is no cell '" + name + "'");
    }
    kind = *found;
    return cell_traits[static_cast<std::size_t>(kind)];
}

/// Weights of a cell, blocks in its kind's order, with the numbers of its activations.
struct CellOf {
    CellOf(const std::string& name, const A& weight_hh, const A& drive_low, const A& drive_high,
           const std::optional<A>& given, const std::optional<Names>& activations)
        : traits(traits_of(name, kind)),
          size(weight_hh.ndim() == 2 ? weight_hh.shape(1) : 0),
          rows(static_cast<py::ssize_t>(traits.blocks) * size),
          weights(matrix(weight_hh, "weight_hh", rows, size)),
          drive(drive_low, drive_high, rows) {
        if (given) {
            const auto view = matrix(*given, "parameters",
                                     static_cast<py::ssize_t>(traits.parameters.size()), size);
            parameters.assign(view.elements().begin(), view.elements().end());
        }
        if (activations) {
            for (const Activation activation : per_unit(*activations, traits, size)) {
                parameters.push_back(static_cast<double>(static_cast<int>(activation)));
            }
        }
        if (parameters.size() != traits.n_parameters * static_cast<std::size_t>(size)) {
            throw py::value_error("parameters and activations must be given as the kind has them");
        }
    }

    [[nodiscard]] enumeration::CellWeights view() const {
        return {weights, drive.middle, drive.radius, parameters};
    }

    CellKind kind{};
    const CellTraits& traits;
    py::ssize_t size, rows;
    MatrixView<const double> weights;
    Drive drive;
    std::vector<double> parameters;
};

py::tuple enumerate_cell(const std::string& name, const A& weight_hh, const A& drive_low,
                         const A& drive_high, const std::optional<A>& parameters,
                         const std::optional<Names>& activations, const A& low, const A& high,
                         const PyLimits& given) {
    const CellOf cell(name, weight_hh, drive_low, drive_high, parameters, activations);
    const Sides box = sides(low, high, "low", cell.size);
    NativeCall native;
    const Limits limits = given.within(native);
    Enumerated found;
    native.without_gil([&] {
        found = with_cell(cell.kind, [&]<class C>() {
            return enumerate(enumeration::CellSystem<C>(cell.view()), box, limits);
        });
    });
    return as_tuple(found, cell.size, [](const Sides& own) { return own; });
}

/// h = φ(M κ + b), or h = M κ + b where `of_arguments`.
py::tuple enumerate_latent(const A& left, const A& right, const A& remainder, const A& drive_low,
                           const A& drive_high, const Names& activations, bool of_arguments,
                           const A& low, const A& high, const PyLimits& given) {
    const py::ssize_t size = left.ndim() == 2 ? left.shape(0) : 0;
    const py::ssize_t rank = left.ndim() == 2 ? left.shape(1) : 0;
    const Drive drive(drive_low, drive_high, size);
    CellKind kind{};
    const std::vector<Activation> units = per_unit(activations, traits_of("rnn", kind), size);
    const enumeration::LatentSystem system(
        {matrix(left, "left", size, rank), matrix(right, "right", size, rank),
         vector(remainder, "remainder", size), drive.middle, drive.radius, units});
    const Sides box = sides(low, high, "low", rank);
    NativeCall native;
    const Limits limits = given.within(native);
    Enumerated found;
    native.without_gil([&] { found = enumerate(system, box, limits); });
    return as_tuple(found, size, [&](const Sides& latent) {
        const Balls x = balls_of(latent);
        Sides outputs(static_cast<std::size_t>(size));
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            outputs[i] =
                of_arguments ? system.argument(i, x).ball().interval() : system.output(i, x);
        }
        return outputs;
    });
}

CellOf rectified(const A& weight, const A& drive_low, const A& drive_high) {
    return {"rnn", weight, drive_low, drive_high, std::nullopt, Names{std::string(Relu::name)}};
}

/// h = max(W h + b, 0) <= bound; or of such r, h = W r + b where `of_arguments`.
py::tuple enumerate_relu(const A& weight, const A& drive_low, const A& drive_high, double bound,
                         bool of_arguments, const PyLimits& given) {
    const CellOf cell = rectified(weight, drive_low, drive_high);
    NativeCall native;
    const Limits limits = given.within(native);
    Enumerated found;
    native.without_gil([&] { found = enumeration::enumerate_relu(cell.view(), bound, limits); });
    return as_tuple(found, cell.size, [&](const Sides& rates) {
        if (!of_arguments) {
            return rates;
        }
        const Balls x = balls_of(rates);
        Sides arguments(rates.size());
        for (std::size_t i = 0; i < rates.size(); ++i) {
            auto u = dot(cell.weights.row(i), x, cell.drive.middle[i]);
            u.rounding += cell.drive.radius[i];
            arguments[i] = u.ball().interval();
        }
        return arguments;
    });
}

/// Whether all zeros are proved to have h <= bound, and the number of boxes that it took.
py::tuple bounded_relu(const A& weight, const A& drive_low, const A& drive_high, double bound,
                       const PyLimits& given) {
    const CellOf cell = rectified(weight, drive_low, drive_high);
    NativeCall native;
    const Limits limits = given.within(native);
    Enumerated found;
    native.without_gil([&] { found = enumeration::beyond_relu(cell.view(), bound, limits); });
    return py::make_tuple(found.open.empty(), found.n_boxes, static_cast<int>(found.end));
}

}  // namespace

void declare_enumeration(py::module_& module) {
    py::class_<PyLimits>(module, "EnumerationLimits")
        .def(py::init([](std::uint64_t max_boxes, double patience, double resolution, int n_threads,
                         const std::optional<py::function>& progress) {
                 return PyLimits{max_boxes, patience, resolution, n_threads, progress};
             }),
             py::arg("max_boxes"), py::arg("patience"), py::arg("resolution"), py::arg("n_threads"),
             py::arg("progress") = py::none());
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    module.def("enumerate_cell", &enumerate_cell, py::arg("kind"), array("weight_hh"),
               array("drive_low"), array("drive_high"), array("parameters"), py::arg("activations"),
               array("low"), array("high"), py::arg("limits"));
    module.def("enumerate_latent", &enumerate_latent, array("left"), array("right"),
               array("remainder"), array("drive_low"), array("drive_high"), py::arg("activations"),
               py::arg("of_arguments"), array("low"), array("high"), py::arg("limits"));
    module.def("enumerate_relu", &enumerate_relu, array("weight"), array("drive_low"),
               array("drive_high"), py::arg("bound"), py::arg("of_arguments"), py::arg("limits"));
    module.def("bounded_relu", &bounded_relu, array("weight"), array("drive_low"),
               array("drive_high"), py::arg("bound"), py::arg("limits"));
}

}  // namespace nullcline::bindings
