// The gates' loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/gates.hpp"

#include <cstddef>

#include "nullcline/multiversion.hpp"

namespace nullcline {
namespace {

template <GruForm form, class T>
[[gnu::always_inline]] inline void linearize(const GruPoint<T>& point, const Linearized<T>& out) {
    const GruArrays<T> at(point);
    T* const residual = out.residual.data();
    T* const scales = out.scales.data();
    T* const identity = out.identity.data();
#pragma omp simd
    for (std::size_t i = 0; i < at.size; ++i) {
        gru_linearize_unit<form>(at, i, residual, scales, identity);
    }
}

template <GruForm form, class T>
[[gnu::always_inline]] inline void input_scales(const GruPoint<T>& point, std::span<T> out) {
    const GruArrays<T> at(point);
    T* const scales = out.data();
#pragma omp simd
    for (std::size_t i = 0; i < at.size; ++i) {
        gru_input_scales_unit<form>(at, i, scales);
    }
}

template <GruForm form, class T>
[[gnu::always_inline]] inline void curvature(const GruPoint<T>& point, std::span<const T> weights,
                                             std::span<T> out) {
    const GruArrays<T> at(point);
    const T* const weight = weights.data();
    T* const to = out.data();
#pragma omp simd
    for (std::size_t i = 0; i < at.size; ++i) {
        gru_curvature_unit<form>(at, i, weight[i], to);
    }
}

}  // namespace

NULLCLINE_MULTIVERSION
void gru_reduced(const GruPoint<double>& point, const Linearized<double>& out) {
    linearize<GruForm::reduced>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_reduced(const GruPoint<float>& point, const Linearized<float>& out) {
    linearize<GruForm::reduced>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_update(const GruPoint<double>& point, const Linearized<double>& out) {
    linearize<GruForm::update>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_update(const GruPoint<float>& point, const Linearized<float>& out) {
    linearize<GruForm::update>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_input_scales(const GruPoint<double>& point, std::span<double> scales) {
    input_scales<GruForm::update>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_input_scales(const GruPoint<float>& point, std::span<float> scales) {
    input_scales<GruForm::update>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_input_scales(const GruPoint<double>& point, std::span<double> scales) {
    input_scales<GruForm::reduced>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_input_scales(const GruPoint<float>& point, std::span<float> scales) {
    input_scales<GruForm::reduced>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_curvature(const GruPoint<double>& point, std::span<const double> weights,
                           std::span<double> out) {
    curvature<GruForm::reduced>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_reduced_curvature(const GruPoint<float>& point, std::span<const float> weights,
                           std::span<float> out) {
    curvature<GruForm::reduced>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_update_curvature(const GruPoint<double>& point, std::span<const double> weights,
                          std::span<double> out) {
    curvature<GruForm::update>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_update_curvature(const GruPoint<float>& point, std::span<const float> weights,
                          std::span<float> out) {
    curvature<GruForm::update>(point, weights, out);
}

}  // namespace nullcline
