// The gates' loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/gates.hpp"

#include <cstddef>

#include "nullcline/elementary.hpp"
#include "nullcline/multiversion.hpp"

namespace nullcline {
namespace {

enum class Equation { reduced, update };

template <Equation equation, class T>
[[gnu::always_inline]] inline void linearize(const GruPoint<T>& point, const Linearized<T>& out) {
    const std::size_t size = point.h.size();
    const T* const h = point.h.data();
    const T* const products = point.products.data();
    const T* const drive = point.drive.data();
    const T* const bias_n = point.bias_n.data();
    T* const residual = out.residual.data();
    T* const scales = out.scales.data();
    T* const identity = out.identity.data();
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        const auto r = elementary::logistic(products[i] + drive[i]);
        const T inner = products[size + i] + bias_n[i];
        const T n = elementary::tanh(drive[size + i] + r.value * inner);
        const T slope = (T{1} - n) * (T{1} + n);
        const T g = n - h[i];
        const T scale_r = slope * inner * (r.value * r.complement);
        const T scale_n = slope * r.value;
        if constexpr (equation == Equation::reduced) {
            residual[i] = g;
            scales[i] = scale_r;
            scales[size + i] = scale_n;
            identity[i] = T{1};
        } else {
            const auto z = elementary::logistic(products[2 * size + i] + drive[2 * size + i]);
            residual[i] = z.complement * g;
            scales[i] = z.complement * scale_r;
            scales[size + i] = z.complement * scale_n;
            scales[2 * size + i] = -(z.value * z.complement) * g;
            identity[i] = z.complement;
        }
    }
}

template <Equation equation, class T>
[[gnu::always_inline]] inline void input_scales(const GruPoint<T>& point, std::span<T> out) {
    const std::size_t size = point.h.size();
    const T* const h = point.h.data();
    const T* const products = point.products.data();
    const T* const drive = point.drive.data();
    const T* const bias_n = point.bias_n.data();
    T* const scales = out.data();
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        const auto r = elementary::logistic(products[i] + drive[i]);
        const T inner = products[size + i] + bias_n[i];
        const T n = elementary::tanh(drive[size + i] + r.value * inner);
        T slope = (T{1} - n) * (T{1} + n);
        T scale_z = 0;
        if constexpr (equation == Equation::update) {
            const auto z = elementary::logistic(products[2 * size + i] + drive[2 * size + i]);
            slope *= z.complement;
            scale_z = -(z.value * z.complement) * (n - h[i]);
        }
        scales[i] = slope * inner * (r.value * r.complement);
        scales[size + i] = slope;
        scales[2 * size + i] = scale_z;
    }
}

template <Equation equation, class T>
[[gnu::always_inline]] inline void curvature(const GruPoint<T>& point, std::span<const T> weights,
                                             std::span<T> out) {
    const std::size_t size = point.h.size();
    const T* const h = point.h.data();
    const T* const products = point.products.data();
    const T* const drive = point.drive.data();
    const T* const bias_n = point.bias_n.data();
    const T* const weight = weights.data();
    T* const to = out.data();
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        const auto r = elementary::logistic(products[i] + drive[i]);
        const T inner = products[size + i] + bias_n[i];
        const T n = elementary::tanh(drive[size + i] + r.value * inner);
        // n = tanh(u): along products a of r and b of n, u' = s a + r b and u'' = s₂ a² + 2 r' a b.
        const T slope = (T{1} - n) * (T{1} + n);
        const T bend = -2 * n * slope;
        const T slope_r = r.value * r.complement;
        const T s = slope_r * inner;
        T factor = weight[i];
        if constexpr (equation == Equation::update) {
            const auto z = elementary::logistic(products[2 * size + i] + drive[2 * size + i]);
            const T slope_z = z.value * z.complement;
            const T by_z = weight[i] * slope_z;
            to[2 * size + i] = -by_z * slope * s;        // rz
            to[3 * size + i] = 0;                        // rh
            to[5 * size + i] = -by_z * slope * r.value;  // nz
            to[6 * size + i] = 0;                        // nh
            to[7 * size + i] = -by_z * (z.complement - z.value) * (n - h[i]);
            to[8 * size + i] = by_z;  // zh
            to[9 * size + i] = 0;     // hh
            factor *= z.complement;
        }
        constexpr std::size_t nn = equation == Equation::update ? 4 : 2;
        to[i] = factor * (bend * s * s + slope * s * (r.complement - r.value));
        to[size + i] = factor * (bend * s * r.value + slope * slope_r);
        to[nn * size + i] = factor * bend * r.value * r.value;
    }
}

}  // namespace

NULLCLINE_MULTIVERSION
void gru_reduced(const GruPoint<double>& point, const Linearized<double>& out) {
    linearize<Equation::reduced>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_reduced(const GruPoint<float>& point, const Linearized<float>& out) {
    linearize<Equation::reduced>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_update(const GruPoint<double>& point, const Linearized<double>& out) {
    linearize<Equation::update>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_update(const GruPoint<float>& point, const Linearized<float>& out) {
    linearize<Equation::update>(point, out);
}

NULLCLINE_MULTIVERSION
void gru_input_scales(const GruPoint<double>& point, std::span<double> scales) {
    input_scales<Equation::update>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_input_scales(const GruPoint<float>& point, std::span<float> scales) {
    input_scales<Equation::update>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_input_scales(const GruPoint<double>& point, std::span<double> scales) {
    input_scales<Equation::reduced>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_input_scales(const GruPoint<float>& point, std::span<float> scales) {
    input_scales<Equation::reduced>(point, scales);
}

NULLCLINE_MULTIVERSION
void gru_reduced_curvature(const GruPoint<double>& point, std::span<const double> weights,
                           std::span<double> out) {
    curvature<Equation::reduced>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_reduced_curvature(const GruPoint<float>& point, std::span<const float> weights,
                           std::span<float> out) {
    curvature<Equation::reduced>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_update_curvature(const GruPoint<double>& point, std::span<const double> weights,
                          std::span<double> out) {
    curvature<Equation::update>(point, weights, out);
}

NULLCLINE_MULTIVERSION
void gru_update_curvature(const GruPoint<float>& point, std::span<const float> weights,
                          std::span<float> out) {
    curvature<Equation::update>(point, weights, out);
}

}  // namespace nullcline
