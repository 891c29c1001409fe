// Enclosures of cells hold what is known of them otherwise: sums in twice the precision, one cell
// by its textbook formula, derivatives by differences, and at the states of a box what holds over
// it.
#include "nullcline/cells/enclosure.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/reference_blas.hpp"
#include "support/twofold.hpp"

namespace nullcline {
namespace {

using tests::Random;
using tests::Twofold;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A cell of random weights, all of them kept.
struct Network {
    Network(CellKind of, std::size_t size, double gain, Random& random)
        : kind(of),
          traits(cell_traits[static_cast<std::size_t>(of)]),
          weight_ih(random.matrix<double>(traits.blocks * size, 2)),
          weight_hh(random.matrix<double>(traits.blocks * size, size)),
          biases(random.matrix<double>(2, traits.blocks * size)),
          parameters(random.vector<double>(traits.parameters.size() * size, 0.1, 0.9)) {
        for (double& weight : weight_hh.elements()) {
            weight *= gain;
        }
        if (traits.has_activation) {
            activations.assign(1, *activation_named("tanh"));
        }
    }

    [[nodiscard]] CellEnclosure enclosure() const {
        return {kind,
                {weight_ih.view(), Weights<double>(weight_hh.view()), biases.view(), parameters,
                 activations}};
    }

    CellKind kind;
    const CellTraits& traits;
    Matrix<double> weight_ih, weight_hh, biases;
    std::vector<double> parameters;
    std::vector<Activation> activations;
};

/// A residual over a box, its Jacobian, and a bound of how fast that changes.
struct Over {
    Over(const CellEnclosure& cell, Residual which, std::span<const Interval> state,
         std::span<const Interval> x)
        : residual(state.size()), drive(cell.drive_size()) {
        cell.drive(x, drive);
        cell.linearize(which, state, drive, residual, jacobian);
    }

    [[nodiscard]] Interval entry(std::size_t i, std::size_t j) const {
        const double middle = jacobian.middle.view()(i, j);
        const double radius = jacobian.radius.view()(i, j);
        return {middle - radius, middle + radius};
    }

    std::vector<Interval> residual, drive;
    EnclosedMatrix jacobian;
};

std::vector<Interval> box_around(std::span<const double> middle, double radius) {
    std::vector<Interval> box;
    for (const double x : middle) {
        box.emplace_back(x - radius, x + radius);
    }
    return box;
}

std::vector<Interval> exactly(std::span<const double> x) { return {x.begin(), x.end()}; }

std::vector<double> within(std::span<const Interval> box, Random& random) {
    std::vector<double> x;
    for (const Interval& side : box) {
        const double drawn = side.low + (side.high - side.low) * random.uniform(-0.3, 1.3);
        x.push_back(std::clamp(drawn, side.low, side.high));
    }
    return x;
}

/// Whether an interval holds all of another one but for so much.
bool holds(const Interval& outer, const Interval& inner, double slack) {
    return outer.low - slack <= inner.low && inner.high <= outer.high + slack;
}

template <class Use>
void for_each_kind(const Use& use) {
    for (std::size_t k = 0; k < n_cells; ++k) {
        use(static_cast<CellKind>(k));
    }
}

TEST("sums of weights and biases that cancel lie in their enclosure, to the last bit") {
    Random random(1);
    for (int trial = 0; trial < 400; ++trial) {
        const std::size_t size = 1 + random.below(40);
        Network network(*cell_named("leaky_rnn"), size, 1e6, random);
        network.activations.assign(1, *activation_named("identity"));
        const std::vector<double> h = random.vector<double>(size, -2, 2);
        const std::vector<double> x = random.vector<double>(2);
        for (std::size_t i = 0; i < size; ++i) {  // the last term cancels the others
            double sum = 0;
            for (std::size_t j = 0; j + 1 < size; ++j) {
                sum += network.weight_hh.view()(i, j) * h[j];
            }
            network.weight_hh.view()(i, size - 1) = -sum / h[size - 1];
        }
        const Over at(network.enclosure(), Residual::reduced, exactly(h), exactly(x));
        for (std::size_t i = 0; i < size; ++i) {
            Twofold sum;
            for (std::size_t j = 0; j < size; ++j) {
                sum.add_product(network.weight_hh.view()(i, j), h[j]);
            }
            for (std::size_t j = 0; j < 2; ++j) {
                sum.add_product(network.weight_ih.view()(i, j), x[j]);
                sum.add(network.biases.view()(j, i));
            }
            sum.add(-h[i]);
            CHECK(sum.lies_in(at.residual[i]));
            CHECK(at.residual[i].high - at.residual[i].low < 1e-6);
            for (std::size_t j = 0; j < size; ++j) {
                Twofold entry;
                entry.add(network.weight_hh.view()(i, j));
                entry.add(i == j ? -1 : 0);
                CHECK(entry.lies_in(at.entry(i, j)));
            }
        }
    }
}

TEST("a sum over a box holds those at its corners, of states and of inputs") {
    Random random(2);
    for (int trial = 0; trial < 400; ++trial) {
        const std::size_t size = 1 + random.below(6);
        Network network(*cell_named("leaky_rnn"), size, 1, random);
        network.activations.assign(1, *activation_named("identity"));
        const auto state = box_around(random.vector<double>(size), random.uniform(0, 1));
        const auto input = box_around(random.vector<double>(2), random.uniform(0, 1));
        const Over at(network.enclosure(), Residual::reduced, state, input);
        for (std::size_t i = 0; i < size; ++i) {
            Twofold highest;
            for (std::size_t j = 0; j < size; ++j) {
                const double weight = network.weight_hh.view()(i, j);
                highest.add_product(weight, weight > 0 ? state[j].high : state[j].low);
            }
            for (std::size_t j = 0; j < 2; ++j) {
                const double weight = network.weight_ih.view()(i, j);
                highest.add_product(weight, weight > 0 ? input[j].high : input[j].low);
                highest.add(network.biases.view()(j, i));
            }
            highest.add(-state[i].low);
            CHECK(highest.lies_in(at.residual[i]));
        }
    }
}

TEST("weights of low rank are the products of their factors, to the last bit") {
    tests::use_reference_blas<double>();
    Random random(3);
    for (int trial = 0; trial < 200; ++trial) {
        const std::size_t size = 2 + random.below(10);
        Matrix<double> left = random.matrix<double>(size, 3);
        const Matrix<double> right = random.matrix<double>(size, 3);
        for (std::size_t i = 0; i < size; ++i) {  // the first column of W cancels
            left.view()(i, 2) =
                -(left.view()(i, 0) * right.view()(0, 0) + left.view()(i, 1) * right.view()(0, 1)) /
                right.view()(0, 2);
        }
        const EnclosedMatrix w = enclosed_weights({left.view(), right.view()});
        const std::vector<double> sums = row_sums(w);
        for (std::size_t i = 0; i < size; ++i) {
            Twofold size_of_row;
            for (std::size_t j = 0; j < size; ++j) {
                Twofold entry;
                for (std::size_t r = 0; r < 3; ++r) {
                    entry.add_product(left.view()(i, r), right.view()(j, r));
                }
                const double middle = w.middle.view()(i, j);
                const double radius = w.radius.view()(i, j);
                CHECK(entry.lies_in({middle - radius, middle + radius}));
                size_of_row.add(std::abs(entry.value()));
            }
            CHECK(size_of_row.value() <= sums[i]);
        }
    }
}

TEST("a product of enclosed matrices holds that of every pair within, at their corners too") {
    tests::use_reference_blas<double>();
    Random random(4);
    for (int trial = 0; trial < 400; ++trial) {
        const std::size_t n = 1 + random.below(8);
        EnclosedMatrix a{random.matrix<double>(n, n), {}};
        const double blur = random.below(2) == 0 ? 0.1 : 1e-18;
        if (random.below(2) == 0) {
            a.radius = Matrix<double>(n, n);
            std::ranges::fill(a.radius.elements(), blur);
        }
        EnclosedMatrix b{random.matrix<double>(n, n), Matrix<double>(n, n)};
        std::ranges::fill(b.radius.elements(), blur);
        const EnclosedMatrix c = product(a, n, b);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                Twofold
                    highest;  // Σ (|a| + R_a) (|b| + R_b) beside Σ a b, where signs are drawn so
                for (std::size_t k = 0; k < n; ++k) {
                    const double p = a.middle.view()(i, k);
                    const double q = b.middle.view()(k, j);
                    const double of_a = a.is_exact() ? 0 : blur;
                    highest.add_product(p, q);
                    highest.add_product(std::abs(p), blur);
                    highest.add_product(std::abs(q), of_a);
                    highest.add_product(of_a, blur);
                }
                const double middle = c.middle.view()(i, j);
                const double radius = c.radius.view()(i, j);
                CHECK(highest.lies_in({middle - radius, middle + radius}));
            }
        }
    }
}

TEST("magnitudes of products are bounded, weights' radii included") {
    EnclosedMatrix w{Matrix<double>(1, 2), Matrix<double>(1, 2)};
    w.middle.view()(0, 0) = -3;
    w.middle.view()(0, 1) = 2;
    w.radius.view()(0, 0) = w.radius.view()(0, 1) = 0.5;
    std::vector<double> out(1);
    multiply_magnitudes(w, {2, 4}, out);
    CHECK(out[0] >= 17 && out[0] < 17.0001);
    CHECK(row_sums(w)[0] >= 6 && row_sums(w)[0] < 6.0001);
}

/// n(h) − h of a GRU, by the formula; its blocks are r, n and z.
std::vector<double> gru_residual(const Network& network, std::span<const double> h,
                                 std::span<const double> x) {
    const std::size_t size = h.size();
    std::vector<double> products(3 * size);
    std::vector<double> drive(3 * size);
    for (std::size_t row = 0; row < 3 * size; ++row) {
        for (std::size_t j = 0; j < size; ++j) {
            products[row] += network.weight_hh.view()(row, j) * h[j];
        }
        drive[row] = network.biases.view()(0, row) + network.biases.view()(1, row) +
                     network.weight_ih.view()(row, 0) * x[0] +
                     network.weight_ih.view()(row, 1) * x[1];
    }
    std::vector<double> out(size);
    for (std::size_t i = 0; i < size; ++i) {
        const double r = 1 / (1 + std::exp(-products[i] - drive[i]));
        const double inner = products[size + i] + network.parameters[i];
        out[i] = std::tanh(drive[size + i] + r * inner) - h[i];
    }
    return out;
}

TEST("a GRU's residual lies in its enclosure, which is narrow") {
    Random random(5);
    for (int trial = 0; trial < 300; ++trial) {
        const std::size_t size = 1 + random.below(5);
        const Network network(*cell_named("gru"), size, 2, random);
        const std::vector<double> h = random.vector<double>(size);
        const std::vector<double> x = random.vector<double>(2);
        const std::vector<double> truth = gru_residual(network, h, x);
        const Over at(network.enclosure(), Residual::reduced, exactly(h), exactly(x));
        for (std::size_t i = 0; i < size; ++i) {
            CHECK(holds(at.residual[i], truth[i], 1e-14));
            CHECK(at.residual[i].high - at.residual[i].low < 1e-12);
        }
    }
}

TEST("what holds over a box holds at its states, of every kind") {
    tests::use_reference_blas<double>();
    Random random(6);
    for_each_kind([&](CellKind kind) {
        for (int trial = 0; trial < 60; ++trial) {
            const std::size_t size = 1 + random.below(4);
            const Network network(kind, size, 1.5, random);
            const CellEnclosure cell = network.enclosure();
            for (const Residual which : {Residual::reduced, Residual::update}) {
                const std::size_t n = cell.parts(which) * size;
                const auto box = box_around(random.vector<double>(n), random.uniform(0, 0.5));
                const auto inputs = box_around(random.vector<double>(2), random.uniform(0, 0.5));
                const Over all(cell, which, box, inputs);
                const auto state = exactly(within(box, random));
                const Over one(cell, which, state, exactly(within(inputs, random)));
                for (std::size_t i = 0; i < n; ++i) {
                    const double slack = 1e-12 * (1 + one.residual[i].magnitude());
                    CHECK(holds(all.residual[i], one.residual[i], slack));
                    for (std::size_t j = 0; j < n; ++j) {
                        const Interval entry = one.entry(i, j);
                        CHECK(holds(all.entry(i, j), entry, 1e-11 * (1 + entry.magnitude())));
                        CHECK(entry.high - entry.low < 1e-9);
                    }
                }
            }
        }
    });
}

TEST("Jacobians are the derivatives of residuals, of every kind") {
    tests::use_reference_blas<double>();
    Random random(7);
    for_each_kind([&](CellKind kind) {
        for (int trial = 0; trial < 20; ++trial) {
            const std::size_t size = 1 + random.below(4);
            const Network network(kind, size, 1, random);
            const CellEnclosure cell = network.enclosure();
            for (const Residual which : {Residual::reduced, Residual::update}) {
                const std::size_t n = cell.parts(which) * size;
                std::vector<double> state = random.vector<double>(n);
                const Over at(cell, which, exactly(state), {});
                constexpr double step = 1e-5;
                for (std::size_t j = 0; j < n; ++j) {
                    const double here = state[j];
                    state[j] = here + step;
                    const Over ahead(cell, which, exactly(state), {});
                    state[j] = here - step;
                    const Over behind(cell, which, exactly(state), {});
                    state[j] = here;
                    for (std::size_t i = 0; i < n; ++i) {
                        const double slope =
                            (ahead.residual[i].middle() - behind.residual[i].middle()) / (2 * step);
                        CHECK_CLOSE(at.entry(i, j).middle(), slope, 1e-5 * (1 + std::abs(slope)));
                    }
                }
            }
        }
    });
}

/// D G v at a state, by its enclosure.
std::vector<double> along(const CellEnclosure& cell, std::span<const double> h,
                          std::span<const double> v) {
    const Over at(cell, Residual::reduced, exactly(h), {});
    std::vector<double> out(h.size());
    for (std::size_t i = 0; i < h.size(); ++i) {
        for (std::size_t j = 0; j < h.size(); ++j) {
            out[i] += at.entry(i, j).middle() * v[j];
        }
    }
    return out;
}

TEST(
    "Jacobians change no faster than the curvature, along directions and along any, of all kinds") {
    tests::use_reference_blas<double>();
    Random random(8);
    for_each_kind([&](CellKind kind) {
        for (int trial = 0; trial < 60; ++trial) {
            const std::size_t size = 1 + random.below(4);
            const Network network(kind, size, 1.5, random);
            const CellEnclosure cell = network.enclosure();
            const auto box = box_around(random.vector<double>(size), random.uniform(0, 0.3));
            std::vector<Interval> drive(cell.drive_size());
            cell.drive({}, drive);
            const bool is_any = random.below(2) == 0;
            std::vector<double> v = random.vector<double>(size);
            if (is_any) {
                std::ranges::transform(v, v.begin(), [](double x) { return x < 0 ? -1.0 : 1.0; });
            }
            std::vector<double> bound(size);
            const std::span<const double> direction = is_any ? std::span<const double>() : v;
            cell.curvature(box, drive, direction, direction, bound);
            const std::vector<double> h = within(box, random);
            constexpr double step = 1e-5;
            std::vector<double> ahead(h);
            std::vector<double> behind(h);
            for (std::size_t j = 0; j < size; ++j) {
                ahead[j] += step * v[j];
                behind[j] -= step * v[j];
            }
            const std::vector<double> after = along(cell, ahead, v);
            const std::vector<double> before = along(cell, behind, v);
            double least = infinity;
            for (std::size_t i = 0; i < size; ++i) {
                const double second = std::abs(after[i] - before[i]) / (2 * step);
                CHECK(second <= bound[i] * (1 + 1e-3) + 1e-4 * (1 + bound[i]));
                least = std::min(least, bound[i]);
            }
            CHECK(least >= 0);
        }
    });
}

TEST("an LSTM's cell state at equilibrium is i g / (1 − f), over a box of outputs too") {
    Random random(9);
    for (int trial = 0; trial < 200; ++trial) {
        const std::size_t size = 1 + random.below(4);
        const Network network(*cell_named("lstm"), size, 1, random);
        const CellEnclosure cell = network.enclosure();
        const auto box = box_around(random.vector<double>(size), random.uniform(0, 0.5));
        std::vector<Interval> drive(cell.drive_size());
        cell.drive({}, drive);
        std::vector<Interval> state(2 * size);
        cell.complete(box, drive, state);
        const std::vector<double> h = within(box, random);
        for (std::size_t i = 0; i < size; ++i) {
            double sums[4];
            for (std::size_t k = 0; k < 4; ++k) {
                const std::size_t row = k * size + i;
                sums[k] = network.biases.view()(0, row) + network.biases.view()(1, row);
                for (std::size_t j = 0; j < size; ++j) {
                    sums[k] += network.weight_hh.view()(row, j) * h[j];
                }
            }
            const double c =
                std::tanh(sums[2]) / (1 + std::exp(-sums[0])) * (1 + std::exp(sums[1]));
            CHECK(holds(state[size + i], c, 1e-13 * (1 + std::abs(c))));
            CHECK(state[i].low == box[i].low && state[i].high == box[i].high);
        }
    }
}

TEST("what is not finite is not taken for known") {
    tests::use_reference_blas<double>();
    Random random(10);
    for_each_kind([&](CellKind kind) {
        const Network network(kind, 2, 1, random);
        const CellEnclosure cell = network.enclosure();
        for (const double odd : {infinity, std::numeric_limits<double>::quiet_NaN()}) {
            std::vector<double> h(2, 0.5);
            h[1] = odd;
            const Over at(cell, Residual::reduced, exactly(h), {});
            CHECK(!at.residual[1].is_finite());
        }
    });
}

}  // namespace
}  // namespace nullcline
