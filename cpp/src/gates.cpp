// The gates' loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/cells/gates.hpp"

#include <cstddef>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline::gates {
namespace {

// Everything within the version of the caller is inlined into it, or it would run the plain one.
#define NULLCLINE_INLINE_LAMBDA __attribute__((always_inline))

/// Call `use.operator()<Cell, Phi>()`, Phi being the units' activations where the cell has any.
template <class Use>
[[gnu::always_inline]] inline void with_cell_and_activation(CellKind kind, Activation activation,
                                                            const Use& use) {
    with_cell(kind, [&]<class C>() NULLCLINE_INLINE_LAMBDA {
        if constexpr (C::has_activation) {
            if (activation == Activation::per_unit) {
                return use.template operator()<C, PerUnit>();
            }
            with_activation(activation, [&]<class A>() NULLCLINE_INLINE_LAMBDA {
                use.template operator()<C, Uniform<A>>();
            });
        } else {
            use.template operator()<C, PerUnit>();
        }
    });
}

/// Call `use.operator()<Cell, which, Phi>()`.
template <class Use>
[[gnu::always_inline]] inline void with_residual(CellKind kind, Residual which,
                                                 Activation activation, const Use& use) {
    with_cell_and_activation(kind, activation, [&]<class C, class Phi>() NULLCLINE_INLINE_LAMBDA {
        if (which == Residual::reduced) {
            use.template operator()<C, Residual::reduced, Phi>();
        } else {
            use.template operator()<C, Residual::update, Phi>();
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
    with_residual(kind, which, point.activation,
                  [&]<class C, Residual of, class Phi>() NULLCLINE_INLINE_LAMBDA {
#pragma omp simd
                      for (std::size_t i = 0; i < at.size; ++i) {
                          linearize_unit<C, of, Phi>(at, i, residual, scales, identity, gate);
                      }
                  });
}

template <class T>
[[gnu::always_inline]] inline void input_scales_of_all(CellKind kind, Residual which,
                                                       const UnitPoint<T>& point,
                                                       std::span<T> out) {
    const UnitArrays<T> at(point);
    T* const scales = out.data();
    with_residual(kind, which, point.activation,
                  [&]<class C, Residual of, class Phi>() NULLCLINE_INLINE_LAMBDA {
#pragma omp simd
                      for (std::size_t i = 0; i < at.size; ++i) {
                          input_scales_unit<C, of, Phi>(at, i, scales);
                      }
                  });
}

template <class T>
[[gnu::always_inline]] inline void secants_of_all(CellKind kind, const UnitPoint<T>& base,
                                                  const UnitPoint<T>& actual,
                                                  const Linearized<T>& out,
                                                  std::span<T> input_scales) {
    const UnitArrays<T> from(base);
    const UnitArrays<T> to(actual);
    T* const mean = out.residual.data();
    T* const scales = out.scales.data();
    T* const identity = out.identity.data();
    T* const gate = out.gate.data();
    T* const by_drive = input_scales.data();
    with_cell_and_activation(
        kind, base.activation, [&]<class C, class Phi>() NULLCLINE_INLINE_LAMBDA {
#pragma omp simd
            for (std::size_t i = 0; i < from.size; ++i) {
                secant_unit<C, Phi>(from, to, i, mean, scales, identity, gate, by_drive);
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
    with_residual(kind, which, point.activation,
                  [&]<class C, Residual of, class Phi>() NULLCLINE_INLINE_LAMBDA {
#pragma omp simd
                      for (std::size_t i = 0; i < at.size; ++i) {
                          curvature_unit<C, of, Phi>(at, i, weight, gated_input_weight, to);
                      }
                  });
}

/// The input of a gated block, for cells that have activations or for the others.
template <bool of_activations, class T>
[[gnu::always_inline]] inline void gated_input_of_all(CellKind kind, const UnitPoint<T>& point,
                                                      std::span<T> out) {
    const UnitArrays<T> at(point);
    T* const to = out.data();
    with_cell_and_activation(
        kind, point.activation, [&]<class C, class Phi>() NULLCLINE_INLINE_LAMBDA {
            if constexpr (C::has_gated_input && C::has_activation == of_activations) {
#pragma omp simd
                for (std::size_t i = 0; i < at.size; ++i) {
                    to[i] = gated_unit<C, Phi>(at, i);
                }
            }
        });
}

template <class T>
void plain_gated_input(CellKind kind, const UnitPoint<T>& point, std::span<T> out) {
    gated_input_of_all<false>(kind, point, out);
}

NULLCLINE_MULTIVERSION
void rates(CellKind kind, const UnitPoint<double>& point, std::span<double> out) {
    gated_input_of_all<true>(kind, point, out);
}

NULLCLINE_MULTIVERSION
void rates(CellKind kind, const UnitPoint<float>& point, std::span<float> out) {
    gated_input_of_all<true>(kind, point, out);
}

/// A GRU's r ∘ h is made by plain operations: fused ones would change the last bits of its answers.
template <class T>
void gated_input_of(CellKind kind, const UnitPoint<T>& point, std::span<T> out) {
    if (cell_traits[static_cast<std::size_t>(kind)].has_activation) {
        rates(kind, point, out);
    } else {
        plain_gated_input(kind, point, out);
    }
}

}  // namespace

void gated_input(CellKind kind, const UnitPoint<double>& point, std::span<double> out) {
    gated_input_of(kind, point, out);
}

void gated_input(CellKind kind, const UnitPoint<float>& point, std::span<float> out) {
    gated_input_of(kind, point, out);
}

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
void secants(CellKind kind, const UnitPoint<double>& base, const UnitPoint<double>& actual,
             const Linearized<double>& out, std::span<double> input_scales) {
    secants_of_all(kind, base, actual, out, input_scales);
}

NULLCLINE_MULTIVERSION
void secants(CellKind kind, const UnitPoint<float>& base, const UnitPoint<float>& actual,
             const Linearized<float>& out, std::span<float> input_scales) {
    secants_of_all(kind, base, actual, out, input_scales);
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
