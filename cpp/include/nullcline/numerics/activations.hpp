// The activation functions of rate units: one vocabulary, for all cells that let one choose.
//
// Each gives its name, its value with two derivatives, its divided differences, a bound of its
// value's rounding error, and its range, which makes a cell's box. A new one is a struct here and
// its place in the list below.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>

#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/divided_differences.hpp"
#include "nullcline/numerics/elementary.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jet.hpp"
#include "nullcline/numerics/rounded.hpp"
#include "nullcline/numerics/secant.hpp"

namespace nullcline {

/// A function's value and its first two derivatives.
template <class T>
struct Derivatives {
    T value, first, second;
};

/// tanh(u)
struct Tanh {
    static constexpr std::string_view name = "tanh";
    static constexpr bool is_smooth = true;
    template <class T>
    static constexpr Range<T> range = open_unit_range<T>;

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const T f = elementary::tanh(u);
        const T first = (T{1} - f) * (T{1} + f);
        return {f, first, -2 * f * first};
    }
    /// [f(a) − f(b)] / (a − b), and f′ where they meet.
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return elementary::tanh_secant(a, b);
    }
    /// A bound of the value's own rounding error, in units of eps: its size is at most 1.
    template <class T>
    static constexpr T own_error(T) {
        return T{1};
    }
};

/// max(u, 0). Its network is linear wherever the same units are active, so that one step of
/// Newton's method is exact where their pattern is right.
struct Relu {
    static constexpr std::string_view name = "relu";
    static constexpr bool is_smooth = false;
    template <class T>
    static constexpr Range<T> range{0, std::numeric_limits<T>::max(), true};

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const bool active = u > T{0};
        return {active ? u : T{0} * u, active ? T{1} : T{0}, T{0}};  // NaN stays NaN
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return elementary::straight_secant<Relu>(a, b);
    }
    template <class T>
    static constexpr T own_error(T) {
        return T{0};
    }
};

/// 1 / (1 + exp(−u))
struct LogisticSigmoid {
    static constexpr std::string_view name = "logistic";
    static constexpr bool is_smooth = true;
    template <class T>
    static constexpr Range<T> range{0, 1, true};  // both are reached in floating point

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const elementary::Logistic<T> f = elementary::logistic(u);
        const T first = f.value * f.complement;
        return {f.value, first, first * (f.complement - f.value)};
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return elementary::logistic_secant(a, b);
    }
    template <class T>
    static constexpr T own_error(T value) {
        return value;
    }
};

/// ln(1 + exp(u))
struct Softplus {
    static constexpr std::string_view name = "softplus";
    static constexpr bool is_smooth = true;
    template <class T>
    static constexpr Range<T> range{0, std::numeric_limits<T>::max(), true};

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const elementary::Logistic<T> slope = elementary::logistic(u);
        return {elementary::softplus(u), slope.value, slope.value * slope.complement};
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return elementary::softplus_secant(a, b);
    }
    template <class T>
    static constexpr T own_error(T value) {
        return value;
    }
};

/// u clipped to [−1, 1].
struct HardTanh {
    static constexpr std::string_view name = "hard_tanh";
    static constexpr bool is_smooth = false;
    template <class T>
    static constexpr Range<T> range{-1, 1, true};

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const T f = elementary::clamp(u, T{1});
        return {f, u > T{-1} && u < T{1} ? T{1} : T{0}, T{0}};
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return elementary::straight_secant<HardTanh>(a, b);
    }
    template <class T>
    static constexpr T own_error(T) {
        return T{0};
    }
};

/// u: the activation of a linear network.
struct Identity {
    static constexpr std::string_view name = "identity";
    static constexpr bool is_smooth = true;
    template <class T>
    static constexpr Range<T> range{-std::numeric_limits<T>::max(), std::numeric_limits<T>::max(),
                                    false};

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        return {u, T{1}, T{0}};
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T, T) {
        return T{1};
    }
    template <class T>
    static constexpr T own_error(T) {
        return T{0};
    }
};

/// max(tanh(u), 0): firing rates that saturate.
struct RectifiedTanh {
    static constexpr std::string_view name = "rectified_tanh";
    static constexpr bool is_smooth = false;
    template <class T>
    static constexpr Range<T> range{0, 1, true};

    template <class T>
    [[gnu::always_inline]] static constexpr Derivatives<T> at(T u) {
        const Derivatives<T> f = Tanh::at(u);
        const bool active = u > T{0};
        return {active ? f.value : T{0} * u, active ? f.first : T{0}, active ? f.second : T{0}};
    }
    template <class T>
    [[gnu::always_inline]] static constexpr T secant(T a, T b) {
        return Tanh::secant(Relu::at(a).value, Relu::at(b).value) * Relu::secant(a, b);
    }
    template <class T>
    static constexpr T own_error(T) {
        return T{1};
    }
};

/// What an activation says of itself.
template <class A>
concept ActivationFunction = requires(double u) {
    { A::name } -> std::convertible_to<std::string_view>;
    { A::is_smooth } -> std::convertible_to<bool>;
    { A::template range<double> } -> std::convertible_to<Range<double>>;
    { A::at(u) } -> std::same_as<Derivatives<double>>;
    { A::secant(u, u) } -> std::same_as<double>;
    { A::own_error(u) } -> std::same_as<double>;
};

/// All that there are.
using Activations =
    std::tuple<Tanh, Relu, LogisticSigmoid, Softplus, HardTanh, Identity, RectifiedTanh>;

inline constexpr std::size_t n_activations = std::tuple_size_v<Activations>;

/// An activation's number in the list; `per_unit` is none, but says that units differ.
enum class Activation : std::uint8_t { per_unit = n_activations };

namespace detail {

template <ActivationFunction... A>
constexpr std::array<std::string_view, sizeof...(A)> names_of(const std::tuple<A...>*) {
    return {A::name...};
}

}  // namespace detail

inline constexpr std::array activation_names =
    detail::names_of(static_cast<const Activations*>(nullptr));

/// Call `use.operator()<A>()` for the activation of this number.
template <std::size_t k = 0, class Use>
[[gnu::always_inline]] constexpr auto with_activation(Activation activation, const Use& use) {
    if constexpr (k + 1 < n_activations) {
        if (static_cast<std::size_t>(activation) != k) {
            return with_activation<k + 1>(activation, use);
        }
    }
    return use.template operator()<std::tuple_element_t<k, Activations>>();
}

/// The activation of this name, if there is one.
[[nodiscard]] constexpr std::optional<Activation> activation_named(std::string_view name) {
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        if (activation_names[k] == name) {
            return static_cast<Activation>(k);
        }
    }
    return std::nullopt;
}

/// A(u) of a number that carries derivatives: the chain rule.
template <class A, class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> activate(const Jet<T, mask, order>& u) {
    const Derivatives<T> f = A::at(u.value);
    return chain_rule(u, f.value, f.first, f.second);
}

/// A(u) of a number that carries its rounding error. Where A is flat, no error of u counts, however
/// large; where it has kinks, the whole error does, for it may have decided on which side u is.
template <class A, class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> activate(const Rounded<T>& u) {
    const Derivatives<T> f = A::at(u.value);
    T carried = u.error;
    if constexpr (A::is_smooth) {
        carried = f.first > T{0} ? f.first * u.error : T{0};
    }
    return {f.value, carried + A::template own_error<T>(f.value)};
}

/// A(u) of a number of two runs: the divided difference is the slope.
template <class A, class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> activate(const Secant<T, mask>& u) {
    return chain_rule(u, A::at(u.base).value, A::at(u.actual).value, A::secant(u.actual, u.base));
}

template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> tanh(const Jet<T, mask, order>& u) {
    return activate<Tanh>(u);
}
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> tanh(const Secant<T, mask>& u) {
    return activate<Tanh>(u);
}
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> tanh(const Rounded<T>& u) {
    return activate<Tanh>(u);
}

/// The units of a network that all have the activation A.
template <class A>
struct Uniform {
    template <class Number, class T>
    [[gnu::always_inline]] static constexpr auto of(const Number& u, const T*, std::size_t) {
        return activate<A>(u);
    }
};

/// Units with an activation each, whose numbers are in an array.
struct PerUnit {
    template <class Number, class T>
    [[gnu::always_inline]] static constexpr Number of(const Number& u, const T* activations,
                                                      std::size_t i) {
        const auto which = static_cast<Activation>(static_cast<int>(activations[i]));
        return with_activation(which, [&]<class A>() { return activate<A>(u); });
    }
};

}  // namespace nullcline
