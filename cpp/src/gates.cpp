// The gates' loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/cells/gates.hpp"

#include <cstddef>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline::gates {
namespace {

/// Call `use.operator()<Cell, which>()`, within the version of the caller.
template <class Use>
[[gnu::always_inline]] inline void with_residual(CellKind kind, Residual which, const Use& use) {
    with_cell(kind, [&]<class C>() __attribute__((always_inline)) {
        if (which == Residual::reduced) {
            use.template operator()<C, Residual::reduced>();
        } else {
            use.template operator()<C, Residual::update>();
        }
    });
}

template <class T>
[[gnu::always_inline]] inline void linearize_all(CellKind kind, Residual which,
                                                 const UnitPoint<T>& point,
                                                 const Linearized<T>& out) {
    const UnitArrays<T> at(point);
    T* const residual = out.residual.data();
    T* const scales = out.scales.data();
    T* const identity = out.identity.data();
    T* const gate = out.gate.data();
    with_residual(kind, which, [&]<class C, Residual of>() __attribute__((always_inline)) {
#pragma omp simd
        for (std::size_t i = 0; i < at.size; ++i) {
            linearize_unit<C, of>(at, i, residual, scales, identity, gate);
        }
    });
}

template <class T>
[[gnu::always_inline]] inline void input_scales_of_all(CellKind kind, Residual which,
                                                       const UnitPoint<T>& point,
                                                       std::span<T> out) {
    const UnitArrays<T> at(point);
    T* const scales = out.data();
    with_residual(kind, which, [&]<class C, Residual of>() __attribute__((always_inline)) {
#pragma omp simd
        for (std::size_t i = 0; i < at.size; ++i) {
            input_scales_unit<C, of>(at, i, scales);
        }
    });
}

template <class T>
[[gnu::always_inline]] inline void curvature_of_all(CellKind kind, Residual which,
                                                    const UnitPoint<T>& point,
                                                    std::span<const T> weights,
                                                    std::span<const T> gated_input_weights,
                                                    std::span<T> out) {
    const UnitArrays<T> at(point);
    const T* const weight = weights.data();
    const T* const gated_input_weight = gated_input_weights.data();
    T* const to = out.data();
    with_residual(kind, which, [&]<class C, Residual of>() __attribute__((always_inline)) {
#pragma omp simd
        for (std::size_t i = 0; i < at.size; ++i) {
            curvature_unit<C, of>(at, i, weight, gated_input_weight, to);
        }
    });
}

}  // namespace

NULLCLINE_MULTIVERSION
void linearize(CellKind kind, Residual which, const UnitPoint<double>& point,
               const Linearized<double>& out) {
    linearize_all(kind, which, point, out);
}

NULLCLINE_MULTIVERSION
void linearize(CellKind kind, Residual which, const UnitPoint<float>& point,
               const Linearized<float>& out) {
    linearize_all(kind, which, point, out);
}

NULLCLINE_MULTIVERSION
void input_scales(CellKind kind, Residual which, const UnitPoint<double>& point,
                  std::span<double> scales) {
    input_scales_of_all(kind, which, point, scales);
}

NULLCLINE_MULTIVERSION
void input_scales(CellKind kind, Residual which, const UnitPoint<float>& point,
                  std::span<float> scales) {
    input_scales_of_all(kind, which, point, scales);
}

NULLCLINE_MULTIVERSION
void curvature(CellKind kind, Residual which, const UnitPoint<double>& point,
               std::span<const double> weights, std::span<const double> gated_input_weights,
               std::span<double> out) {
    curvature_of_all(kind, which, point, weights, gated_input_weights, out);
}

NULLCLINE_MULTIVERSION
void curvature(CellKind kind, Residual which, const UnitPoint<float>& point,
               std::span<const float> weights, std::span<const float> gated_input_weights,
               std::span<float> out) {
    curvature_of_all(kind, which, point, weights, gated_input_weights, out);
}

}  // namespace nullcline::gates
