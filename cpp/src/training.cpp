// The loops over units of training, compiled for any x86-64, for AVX2 with FMA and for AVX-512.
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "nullcline/numerics/multiversion.hpp"
#include "nullcline/training/steps.hpp"

namespace nullcline::training {
namespace {

inline constexpr std::size_t n_cells = std::tuple_size_v<TrainedCells>;

template <std::size_t... k>
constexpr std::array<Layout, n_cells> all_layouts(std::index_sequence<k...>) {
    return {layout_of<std::tuple_element_t<k, TrainedCells>>()...};
}

constexpr std::array<Layout, n_cells> layouts = all_layouts(std::make_index_sequence<n_cells>{});

template <std::size_t... k>
constexpr std::array<std::string_view, n_cells> all_names(std::index_sequence<k...>) {
    return {std::tuple_element_t<k, TrainedCells>::name...};
}

constexpr std::array<std::string_view, n_cells> names =
    all_names(std::make_index_sequence<n_cells>{});

/// Call `use.operator()<Cell>()`. All is inlined into the version of the caller.
template <std::size_t k = 0, class Use>
[[gnu::always_inline]] inline void with_trained_cell(TrainedCell cell, const Use& use) {
    if constexpr (k + 1 < n_cells) {
        if (static_cast<std::size_t>(cell) != k) {
            with_trained_cell<k + 1>(cell, use);
            return;
        }
    }
    use.template operator()<std::tuple_element_t<k, TrainedCells>>();
}

#define NULLCLINE_INLINE_LAMBDA __attribute__((always_inline))

template <class T>
[[gnu::always_inline]] inline void advance_all(TrainedCell cell, MatrixView<const T> preactivations,
                                               MatrixView<const T> before,
                                               std::span<const T> parameters, MatrixView<T> after) {
    with_trained_cell(cell, [&]<class C>() NULLCLINE_INLINE_LAMBDA {
        const std::size_t size = before.cols() / C::parts;
        for (std::size_t row = 0; row < preactivations.rows(); ++row) {
            const StepArrays<T> at{size, preactivations.row(row).data(), before.row(row).data(),
                                   parameters.data()};
            T* const to = after.row(row).data();
#pragma omp simd
            for (std::size_t i = 0; i < size; ++i) {
                advance_unit<C>(at, i, to);
            }
        }
    });
}

template <class T>
[[gnu::always_inline]] inline void pull_back_all(TrainedCell cell, MatrixView<T> preactivations,
                                                 MatrixView<const T> before,
                                                 std::span<const T> parameters,
                                                 MatrixView<T> gradient) {
    with_trained_cell(cell, [&]<class C>() NULLCLINE_INLINE_LAMBDA {
        const std::size_t size = before.cols() / C::parts;
        for (std::size_t row = 0; row < preactivations.rows(); ++row) {
            T* const of_preactivations = preactivations.row(row).data();
            const StepArrays<T> at{size, of_preactivations, before.row(row).data(),
                                   parameters.data()};
            T* const of_state = gradient.row(row).data();
#pragma omp simd
            for (std::size_t i = 0; i < size; ++i) {
                pull_back_unit<C>(at, i, of_preactivations, of_state);
            }
        }
    });
}

}  // namespace

std::optional<TrainedCell> trained_cell_named(std::string_view name) {
    for (std::size_t k = 0; k < n_cells; ++k) {
        if (names[k] == name) {
            return static_cast<TrainedCell>(k);
        }
    }
    return std::nullopt;
}

const Layout& layout(TrainedCell cell) { return layouts[static_cast<std::size_t>(cell)]; }

NULLCLINE_WIDE_MULTIVERSION
void advance(TrainedCell cell, MatrixView<const float> preactivations,
             MatrixView<const float> before, std::span<const float> parameters,
             MatrixView<float> after) {
    advance_all(cell, preactivations, before, parameters, after);
}

NULLCLINE_WIDE_MULTIVERSION
void advance(TrainedCell cell, MatrixView<const double> preactivations,
             MatrixView<const double> before, std::span<const double> parameters,
             MatrixView<double> after) {
    advance_all(cell, preactivations, before, parameters, after);
}

NULLCLINE_WIDE_MULTIVERSION
void pull_back(TrainedCell cell, MatrixView<float> preactivations, MatrixView<const float> before,
               std::span<const float> parameters, MatrixView<float> gradient) {
    pull_back_all(cell, preactivations, before, parameters, gradient);
}

NULLCLINE_WIDE_MULTIVERSION
void pull_back(TrainedCell cell, MatrixView<double> preactivations, MatrixView<const double> before,
               std::span<const double> parameters, MatrixView<double> gradient) {
    pull_back_all(cell, preactivations, before, parameters, gradient);
}

}  // namespace nullcline::training
