// What a search found, as NumPy arrays.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "arrays.hpp"
#include "nullcline/batching/outcome.hpp"

namespace nullcline::bindings {

template <class T>
struct PyOutcomes {
    py::array_t<T> h;
    py::array_t<double> q;
    py::array_t<std::uint8_t> kind, reason;
    py::array_t<std::int32_t> iterations;
    std::size_t n_products;

    explicit PyOutcomes(Outcomes<T>&& outcomes)
        : h({outcomes.h.rows(), outcomes.h.cols()}),
          q(adopt<double>(std::move(outcomes.q))),
          kind(adopt<std::uint8_t>(std::move(outcomes.kind))),
          reason(adopt<std::uint8_t>(std::move(outcomes.reason))),
          iterations(adopt<std::int32_t>(std::move(outcomes.iterations))),
          n_products(outcomes.n_products) {
        std::ranges::copy(outcomes.h.elements(), h.mutable_data());
    }
};

}  // namespace nullcline::bindings
