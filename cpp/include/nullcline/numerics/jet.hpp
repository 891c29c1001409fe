// Numbers that carry their derivatives, so that a cell is written as its equations and no more.
//
// A jet is a value with its first, or first and second, derivatives by a unit's *fields*: the
// products W_k h at that unit, and its part of the state. Which fields a number depends on is part
// of its type: derivatives that are zero by structure cost nothing (forward-mode differentiation:
// Griewank and Walther, "Evaluating Derivatives", 2008, chapters 3 and 13).
#pragma once

#include <bit>
#include <cstddef>
#include <utility>

#include "nullcline/numerics/elementary.hpp"

namespace nullcline {

/// A value and its derivatives up to `order` by the fields whose bits are set in `mask`.
template <class T, unsigned mask, int order>
struct Jet {
    static constexpr unsigned fields = mask;
    static constexpr std::size_t n_fields = static_cast<std::size_t>(std::popcount(mask));
    static constexpr std::size_t n_gradient = order > 0 ? n_fields : 0;
    static constexpr std::size_t n_hessian = order > 1 ? n_fields * (n_fields + 1) / 2 : 0;

    T value;
    T gradient_entries[n_gradient > 0 ? n_gradient : 1];  // an array has at least one element
    T hessian_entries[n_hessian > 0 ? n_hessian : 1];

    template <std::size_t field>
    static constexpr bool has = (mask >> field & 1U) != 0;

    /// How many of its fields come before this one.
    template <std::size_t field>
    static constexpr std::size_t place =
        static_cast<std::size_t>(std::popcount(mask & ((1U << field) - 1)));

    /// The field at this place.
    [[nodiscard]] static constexpr std::size_t field_at(std::size_t wanted) {
        std::size_t field = 0;
        for (std::size_t before = 0; (mask >> field & 1U) == 0 || before++ < wanted;) {
            ++field;
        }
        return field;
    }

    /// The place of the second derivative by two fields: rows of the upper triangle, in order.
    [[nodiscard]] static constexpr std::size_t pair_place(std::size_t i, std::size_t j) {
        return i * n_fields - i * (i + 1) / 2 + j;
    }

    /// The pair of fields' places, the row first, whose second derivative has this place.
    [[nodiscard]] static constexpr std::pair<std::size_t, std::size_t> pair_at(std::size_t wanted) {
        std::size_t row = 0;
        while (pair_place(row + 1, row + 1) <= wanted && row + 1 < n_fields) {
            ++row;
        }
        return {row, wanted - pair_place(row, row) + row};
    }

    template <std::size_t field>
    [[gnu::always_inline]] constexpr T gradient() const {
        if constexpr (has<field> && order > 0) {
            return gradient_entries[place<field>];
        } else {
            return T{0};
        }
    }

    /// The second derivative by two fields, p <= q.
    template <std::size_t p, std::size_t q>
    [[gnu::always_inline]] constexpr T hessian() const {
        if constexpr (has<p> && has<q> && order > 1) {
            return hessian_entries[pair_place(place<p>, place<q>)];
        } else {
            return T{0};
        }
    }
};

namespace detail {

template <class J, class Rule, std::size_t... k>
[[gnu::always_inline]] constexpr void set_gradient(J& jet, const Rule& rule,
                                                   std::index_sequence<k...>) {
    ((jet.gradient_entries[k] = rule.template gradient<J::field_at(k)>()), ...);
}

template <class J, class Rule, std::size_t... k>
[[gnu::always_inline]] constexpr void set_hessian(J& jet, const Rule& rule,
                                                  std::index_sequence<k...>) {
    ((jet.hessian_entries[k] = rule.template hessian<J::field_at(J::pair_at(k).first),
                                                     J::field_at(J::pair_at(k).second)>()),
     ...);
}

/// The jet that a rule of calculus makes, field by field.
template <class T, unsigned mask, int order, class Rule>
[[gnu::always_inline]] constexpr Jet<T, mask, order> by_rule(const Rule& rule) {
    using J = Jet<T, mask, order>;
    J jet{};
    jet.value = rule.value();
    set_gradient(jet, rule, std::make_index_sequence<J::n_gradient>{});
    set_hessian(jet, rule, std::make_index_sequence<J::n_hessian>{});
    return jet;
}

template <class A, class B, bool minus>
struct SumRule {
    const A& a;
    const B& b;

    [[gnu::always_inline]] constexpr auto value() const {
        return minus ? a.value - b.value : a.value + b.value;
    }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr auto gradient() const {
        const auto own = minus ? -b.template gradient<p>() : b.template gradient<p>();
        if constexpr (A::template has<p> && B::template has<p>) {
            return a.template gradient<p>() + own;
        } else if constexpr (A::template has<p>) {
            return a.template gradient<p>();
        } else {
            return own;
        }
    }
    template <std::size_t p, std::size_t q>
    [[gnu::always_inline]] constexpr auto hessian() const {
        return minus ? a.template hessian<p, q>() - b.template hessian<p, q>()
                     : a.template hessian<p, q>() + b.template hessian<p, q>();
    }
};

template <class A, class B>
struct ProductRule {
    const A& a;
    const B& b;

    [[gnu::always_inline]] constexpr auto value() const { return a.value * b.value; }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr auto gradient() const {
        if constexpr (A::template has<p> && B::template has<p>) {
            return a.template gradient<p>() * b.value + a.value * b.template gradient<p>();
        } else if constexpr (A::template has<p>) {
            return a.template gradient<p>() * b.value;
        } else {
            return a.value * b.template gradient<p>();
        }
    }
    template <std::size_t p, std::size_t q>
    [[gnu::always_inline]] constexpr auto hessian() const {
        return a.template hessian<p, q>() * b.value + a.value * b.template hessian<p, q>() +
               a.template gradient<p>() * b.template gradient<q>() +
               a.template gradient<q>() * b.template gradient<p>();
    }
};

/// a / b by derivatives of the quotient itself: those of 1 / b overflow long before it does.
template <class T, class A, class B>
struct QuotientRule {
    const A& a;
    const B& b;
    T quotient;

    [[gnu::always_inline]] constexpr T value() const { return quotient; }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr T gradient() const {
        return (a.template gradient<p>() - quotient * b.template gradient<p>()) / b.value;
    }
    template <std::size_t p, std::size_t q>
    [[gnu::always_inline]] constexpr T hessian() const {
        return (a.template hessian<p, q>() - gradient<p>() * b.template gradient<q>() -
                gradient<q>() * b.template gradient<p>() - quotient * b.template hessian<p, q>()) /
               b.value;
    }
};

/// f(u), given f and its derivatives at u.
template <class T, class U>
struct ChainRule {
    const U& u;
    T f, first_f, second_f;

    [[gnu::always_inline]] constexpr T value() const { return f; }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr T gradient() const {
        return first_f * u.template gradient<p>();
    }
    template <std::size_t p, std::size_t q>
    [[gnu::always_inline]] constexpr T hessian() const {
        return second_f * u.template gradient<p>() * u.template gradient<q>() +
               first_f * u.template hessian<p, q>();
    }
};

}  // namespace detail

/// A number that depends on no field.
template <int order, class T>
[[gnu::always_inline]] constexpr Jet<T, 0U, order> constant(T value) {
    Jet<T, 0U, order> jet{};
    jet.value = value;
    return jet;
}

/// A field itself.
template <std::size_t field, int order, class T>
[[gnu::always_inline]] constexpr Jet<T, 1U << field, order> variable(T value) {
    Jet<T, 1U << field, order> jet{};
    jet.value = value;
    jet.gradient_entries[0] = T{1};
    return jet;
}

template <class T, unsigned a_mask, unsigned b_mask, int order>
[[gnu::always_inline]] constexpr Jet<T, a_mask | b_mask, order> operator+(
    const Jet<T, a_mask, order>& a, const Jet<T, b_mask, order>& b) {
    return detail::by_rule<T, a_mask | b_mask, order>(
        detail::SumRule<Jet<T, a_mask, order>, Jet<T, b_mask, order>, false>{a, b});
}

template <class T, unsigned a_mask, unsigned b_mask, int order>
[[gnu::always_inline]] constexpr Jet<T, a_mask | b_mask, order> operator-(
    const Jet<T, a_mask, order>& a, const Jet<T, b_mask, order>& b) {
    return detail::by_rule<T, a_mask | b_mask, order>(
        detail::SumRule<Jet<T, a_mask, order>, Jet<T, b_mask, order>, true>{a, b});
}

template <class T, unsigned a_mask, unsigned b_mask, int order>
[[gnu::always_inline]] constexpr Jet<T, a_mask | b_mask, order> operator*(
    const Jet<T, a_mask, order>& a, const Jet<T, b_mask, order>& b) {
    return detail::by_rule<T, a_mask | b_mask, order>(
        detail::ProductRule<Jet<T, a_mask, order>, Jet<T, b_mask, order>>{a, b});
}

template <class T, unsigned a_mask, unsigned b_mask, int order>
[[gnu::always_inline]] constexpr Jet<T, a_mask | b_mask, order> operator/(
    const Jet<T, a_mask, order>& a, const Jet<T, b_mask, order>& b) {
    return detail::by_rule<T, a_mask | b_mask, order>(
        detail::QuotientRule<T, Jet<T, a_mask, order>, Jet<T, b_mask, order>>{a, b,
                                                                              a.value / b.value});
}

// Literals in equations: numbers that depend on nothing.
template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> operator+(double a,
                                                               const Jet<T, mask, order>& b) {
    return constant<order>(static_cast<T>(a)) + b;
}
template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> operator-(double a,
                                                               const Jet<T, mask, order>& b) {
    return constant<order>(static_cast<T>(a)) - b;
}
template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> operator*(double a,
                                                               const Jet<T, mask, order>& b) {
    return constant<order>(static_cast<T>(a)) * b;
}

/// f(u), given f and its first two derivatives at u.
template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Jet<T, mask, order> chain_rule(const Jet<T, mask, order>& u, T f,
                                                                T first, T second) {
    return detail::by_rule<T, mask, order>(
        detail::ChainRule<T, Jet<T, mask, order>>{u, f, first, second});
}

/// A gate σ(u) and its complement 1 − σ(u), each to full precision.
template <class Number>
struct Gate {
    Number value;
    Number complement;
};

template <class T, unsigned mask, int order>
[[gnu::always_inline]] constexpr Gate<Jet<T, mask, order>> logistic(const Jet<T, mask, order>& u) {
    using Rule = detail::ChainRule<T, Jet<T, mask, order>>;
    const elementary::Logistic<T> f = elementary::logistic(u.value);
    const T first = f.value * f.complement;
    const T second = first * (f.complement - f.value);
    return {detail::by_rule<T, mask, order>(Rule{u, f.value, first, second}),
            detail::by_rule<T, mask, order>(Rule{u, f.complement, -first, -second})};
}

}  // namespace nullcline
