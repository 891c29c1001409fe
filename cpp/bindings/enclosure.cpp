// `CellEnclosure` for Python: boxes come as their ends, Jacobians go as middles and radii.
#include "enclosure.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "cell_arguments.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/enclosure.hpp"
#include "nullcline/numerics/default_arithmetic.hpp"

namespace nullcline::bindings {
namespace {

using A = Array<double>;
using MaybeA = std::optional<A>;

std::vector<Interval> box_of(const A& low, const A& high, const char* name, std::size_t size) {
    const auto from = vector(low, name, static_cast<py::ssize_t>(size));
    const auto to = vector(high, name, static_cast<py::ssize_t>(size));
    std::vector<Interval> box(size);
    for (std::size_t i = 0; i < size; ++i) {
        if (from[i] > to[i]) {
            throw py::value_error(std::string(name) +
                                  " must have low ends that are below high ones");
        }
        box[i] = {from[i], to[i]};
    }
    return box;
}

/// The ends of a box, as two arrays.
py::tuple ends_of(std::span<const Interval> box) {
    const auto size = static_cast<py::ssize_t>(box.size());
    NewArray<double> low({size});
    NewArray<double> high({size});
    std::ranges::transform(box, low.view.data(), &Interval::low);
    std::ranges::transform(box, high.view.data(), &Interval::high);
    return py::make_tuple(low.array, high.array);
}

py::array_t<double> array_of(const Matrix<double>& from) {
    NewArray<double> out(
        {static_cast<py::ssize_t>(from.rows()), static_cast<py::ssize_t>(from.cols())});
    std::ranges::copy(from.elements(), out.view.elements().begin());
    return out.array;
}

class PyCellEnclosure {
  public:
    PyCellEnclosure(const std::string& name, const A& weight_ih,
                    const Recurrence<double>& weight_hh, const A& biases, const MaybeA& parameters,
                    const std::optional<std::vector<std::string>>& activations)
        : cell_(make(name, weight_ih, weight_hh, biases, parameters, activations)) {}

    [[nodiscard]] py::tuple drive(const A& low, const A& high) const {
        const auto x = box_of(low, high, "x", cell_.input_size());
        std::vector<Interval> out(cell_.drive_size());
        native([&] { cell_.drive(x, out); });
        return ends_of(out);
    }

    [[nodiscard]] py::tuple zero_input_drive() const {
        std::vector<Interval> out(cell_.drive_size());
        native([&] { cell_.drive({}, out); });
        return ends_of(out);
    }

    [[nodiscard]] py::tuple linearize(bool is_reduced, const A& low, const A& high,
                                      const A& drive_low, const A& drive_high) const {
        const Residual which = is_reduced ? Residual::reduced : Residual::update;
        const std::size_t size = cell_.parts(which) * cell_.size();
        const auto state = box_of(low, high, "state", size);
        const auto drive = drive_of(drive_low, drive_high);
        std::vector<Interval> residual(size);
        EnclosedMatrix jacobian;
        native([&] { cell_.linearize(which, state, drive, residual, jacobian); });
        const py::tuple ends = ends_of(residual);
        return py::make_tuple(ends[0], ends[1], array_of(jacobian.middle),
                              array_of(jacobian.radius));
    }

    [[nodiscard]] py::array_t<double> curvature(const A& low, const A& high, const A& drive_low,
                                                const A& drive_high, const MaybeA& v,
                                                const MaybeA& w) const {
        const auto h = box_of(low, high, "h", cell_.size());
        const auto drive = drive_of(drive_low, drive_high);
        const auto units = static_cast<py::ssize_t>(cell_.size());
        const auto direction = [&](const MaybeA& given, const char* name) {
            return given ? vector(*given, name, units) : std::span<const double>();
        };
        const auto first = direction(v, "v");
        const auto second = direction(w, "w");
        NewArray<double> out({units});
        native([&] { cell_.curvature(h, drive, first, second, out.view.elements()); });
        return out.array;
    }

    [[nodiscard]] py::tuple complete(const A& low, const A& high, const A& drive_low,
                                     const A& drive_high) const {
        const auto h = box_of(low, high, "h", cell_.size());
        const auto drive = drive_of(drive_low, drive_high);
        std::vector<Interval> out(cell_.parts(Residual::update) * cell_.size());
        native([&] { cell_.complete(h, drive, out); });
        return ends_of(out);
    }

  private:
    static CellEnclosure make(const std::string& name, const A& weight_ih,
                              const Recurrence<double>& weight_hh, const A& biases,
                              const MaybeA& parameters,
                              const std::optional<std::vector<std::string>>& activations) {
        require_blas();
        const std::optional<CellKind> kind = cell_named(name);
        if (!kind) {
            throw py::value_error("there is no cell '" + name + "'");
        }
        const CellTraits& traits = cell_traits[static_cast<std::size_t>(*kind)];
        const Weights<double> recurrent = recurrence(weight_hh, traits);
        if (weight_ih.ndim() != 2) {
            throw py::value_error("weight_ih must have shape (blocks H, D)");
        }
        if (parameters.has_value() == traits.parameters.empty()) {
            throw py::value_error(
                "parameters must be given where the kind has any, and only there");
        }
        const auto rows = static_cast<py::ssize_t>(recurrent.rows());
        const auto size = static_cast<py::ssize_t>(recurrent.cols());
        const auto n_parameters = static_cast<py::ssize_t>(traits.parameters.size());
        const std::vector<Activation> numbers =
            activations_of(activations, traits, recurrent.cols());
        return {
            *kind,
            EnclosureArrays{
                .weight_ih = matrix(weight_ih, "weight_ih", rows, weight_ih.shape(1)),
                .weight_hh = recurrent,
                .biases = matrix(biases, "biases", rows),
                .parameters = parameters
                                  ? matrix(*parameters, "parameters", n_parameters, size).elements()
                                  : std::span<const double>(),
                .activations = numbers,
            }};
    }

    [[nodiscard]] std::vector<Interval> drive_of(const A& low, const A& high) const {
        return box_of(low, high, "drive", cell_.drive_size());
    }

    template <class Use>
    static void native(const Use& use) {
        NativeCall call;
        call.without_gil([&] {
            const DefaultArithmetic arithmetic;
            use();
        });
    }

    CellEnclosure cell_;
};

}  // namespace

void declare_enclosures(py::module_& module) {
    using E = PyCellEnclosure;
    const auto low = py::arg("low").noconvert();
    const auto high = py::arg("high").noconvert();
    const auto drive_low = py::arg("drive_low").noconvert();
    const auto drive_high = py::arg("drive_high").noconvert();
    py::class_<E>(module, "CellEnclosure")
        .def(py::init<const std::string&, const A&, const Recurrence<double>&, const A&,
                      const MaybeA&, const std::optional<std::vector<std::string>>&>(),
             py::arg("kind"), py::arg("weight_ih").noconvert(), py::arg("weight_hh").noconvert(),
             py::arg("biases").noconvert(), py::arg("parameters").noconvert(),
             py::arg("activations"))
        .def("drive", &E::drive, low, high)
        .def("zero_input_drive", &E::zero_input_drive)
        .def("linearize", &E::linearize, py::arg("is_reduced"), low, high, drive_low, drive_high)
        .def("curvature", &E::curvature, low, high, drive_low, drive_high,
             py::arg("v").noconvert() = py::none(), py::arg("w").noconvert() = py::none())
        .def("complete", &E::complete, low, high, drive_low, drive_high);
}

}  // namespace nullcline::bindings
