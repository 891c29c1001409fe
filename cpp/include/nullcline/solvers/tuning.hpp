// Constants of the solvers, most of which no paper gives: they were chosen by calibration.
//
// Each comment ends with how flat the optimum is: by how much, at most, the products per start
// change when the value is halved or doubled (the iterations, of Levenberg–Marquardt's constants).
// `benchmarks/calibrate.py` measures it on trained networks, in geometric means over either half of
// them, for `auto` in both precisions and for `krylov`, and writes every ratio to
// benchmarks/results/calibration.json.
#pragma once

#include <cstddef>

#if defined(NULLCLINE_TUNABLE)
#include <cstdlib>
#include <sstream>
#include <string>
#endif

namespace nullcline {

/// The value of a constant. In a build for calibration alone (`-DNULLCLINE_TUNABLE`) the variable
/// `NULLCLINE_TUNING` of the environment, "name=value,name=value", may replace some of them.
template <class Value>
[[nodiscard]] constexpr Value tuned([[maybe_unused]] const char* name, Value value) {
#if defined(NULLCLINE_TUNABLE)
    if (const char* const text = std::getenv("NULLCLINE_TUNING")) {
        std::istringstream changes(text);
        for (std::string change; std::getline(changes, change, ',');) {
            const std::size_t equals = change.find('=');
            if (change.substr(0, equals) == name) {
                return static_cast<Value>(std::stod(change.substr(equals + 1)));
            }
        }
    }
#endif
    return value;
}

struct Tuning {
    // solvers/krylov_newton.hpp: when the model is solved well enough for its step to be tried.

    /// The gradient of the model, as a part of that at the state (the forcing term).
    /// Halved or doubled: 5 %.
    double gradient_forcing = tuned("gradient_forcing", 0.02);
    /// The last direction's share of the decrease, as a part of the average direction's.
    /// Halved or doubled: 4 %, and 10 % in single precision.
    double gain_forcing = tuned("gain_forcing", 0.02);
    /// The most directions for one subspace, including those that restarts dropped.
    /// Halved or doubled: 0 %: no subspace on these networks takes so many.
    std::size_t most_products = tuned<std::size_t>("most_products", 150);
    /// Directions that a restart keeps: the solution and those of least curvature.
    /// Halved or doubled: 0 %: subspaces on these networks hardly ever restart.
    std::size_t kept_directions = tuned<std::size_t>("kept_directions", 12);

    // solvers/krylov_newton.hpp: when factors of a dense matrix are to take over.

    // Calibrated on half of the population of benchmarks/population.py, in time.

    /// Directions that cost as much as one step by factors, in units of H. On one core such a step
    /// takes 10, 28, 100 and 450 µs at H = 32, 64, 128 and 256, and a direction 1.3, 5, 10 and 17
    /// (`python -m benchmarks.prices` measures both). Halved or doubled: 2 %.
    double affordable_share = tuned("affordable_share", 0.1);
    /// The least number of such directions: small matrices cost what it takes to call for them.
    /// Halved or doubled: 1 %.
    double least_affordable = tuned("least_affordable", 6.0);
    /// Iterations that are paid for in advance. With three, easy networks gain 5 %, and hard ones,
    /// which end with factors, lose as much.
    double spare_iterations = tuned("spare_iterations", 2.0);
    /// The same of a start that converges: a few iterations of few directions take it to a zero. A
    /// UGRNN of 256 units and gain 1.2 takes a quarter less time than with two, and the tuned half
    /// as much as before. With four or six: 2 %, which is noise.
    double spare_when_converging = tuned("spare_when_converging", 5.0);
    /// What the last step of such a start has gained, in units of ‖f‖²; half is all. On networks
    /// where factors pay, steps gain less. With 0.4 the UGRNN gains half as much.
    double good_gain = tuned("good_gain", 0.3);

    // solvers/krylov_newton.hpp: the model and its products.

    /// A step that gains less than this part of ‖f‖² shows that a minimum is near, where the
    /// Gauss–Newton model and Newton's differ in the direction that matters.
    /// Halved or doubled: 1 %.
    double little_gain = tuned("little_gain", 0.1);
    /// The projected gradient, in units of ‖J‖ ‖f‖, at which a minimum is near in the same sense.
    /// Chosen on the population of benchmarks/population.py: without it the trained networks that
    /// have ghosts take up to a quarter longer; with three times it hardly any is faster, and some
    /// starts of random networks end elsewhere.
    double nearly_stationary = tuned("nearly_stationary", 3e-3);
    /// Products of a step in single precision serve while it gains more than this part of its
    /// norm: their errors are a part of its norm too, and must not hide what it gains.
    /// Halved or doubled: 1 %.
    double exact_below = tuned("exact_below", 1e-5);
    /// Products that steps in single precision have updated are good until ‖f‖ falls to this part
    /// of what it was when they were made in full.
    /// Halved or doubled: 3 %, and 9 % in single precision, where twice the value would be better.
    double stale_below = tuned("stale_below", 1e-3);
    /// μ of the preconditioner at a start, in units of J's squared singular values, which are near
    /// 1: later it is the trust region's multiplier.
    /// Halved or doubled: 0.2 %.
    double first_shift = tuned("first_shift", 1e-2);
    /// The least μ of the preconditioner.
    /// Halved or doubled: 0.1 %.
    double smallest_shift = tuned("smallest_shift", 1e-6);

    // solvers/damping.hpp

    /// The damping at a start (Madsen, Nielsen and Tingleff, Methods for Non-Linear Least Squares
    /// Problems, 2004, equation 3.14: τ = 1e-3).
    /// Halved or doubled: 4 %.
    double first_damping = tuned("first_damping", 1e-3);
    /// The least factor by which one accepted step multiplies the damping.
    /// Halved or doubled: 7 %.
    double damping_decrease = tuned("damping_decrease", 0.1);
    /// The factor by which the first rejected step of a row multiplies the damping: twice
    /// Nielsen's. Halved or doubled: 5 %.
    double damping_growth = tuned("damping_growth", 4.0);
    /// The damping from which on a step may be solved in single precision: its rounding, 1e-7 in
    /// units of ‖J‖², is then far below what is added to JᵀJ.
    /// A tenth of it: no change of the time; without single precision 21 % more.
    double rough_damping = tuned("rough_damping", 1e-4);

    // solvers/stationary.hpp

    /// ‖P Jᵀf‖ / (‖J‖ ‖f‖) at a minimum of ‖f‖, in double precision. Sixty units of rounding would
    /// do in exact products; beyond that it leaves a margin for products in single precision and
    /// for the flat floors of long valleys.
    /// Halved or doubled: 1 %, and 3 % of Levenberg–Marquardt's iterations.
    double stationary_tolerance = tuned("stationary_tolerance", 1e-6);
    /// ‖P Jᵀf‖ / (‖J‖ ‖f‖) at a minimum of ‖f‖, in single precision.
    /// Halved or doubled: 2 %.
    double stationary_tolerance_single = tuned("stationary_tolerance_single", 1e-4);

    // solvers/gradient.hpp

    /// Iterations after which the products of a descent are made in full again.
    /// Halved or doubled: 0.2 %.
    std::size_t refresh_period = tuned<std::size_t>("refresh_period", 100);

    // solvers/homotopy.hpp: chosen on random networks of four cells, 16 to 64 units and gains 2 to
    // 5, where twelve paths each had to end as those of steps that turn a sixth as much. All did;
    // numbers are changes of the solves.

    /// The length of a path's first step.
    double first_path_step = tuned("first_path_step", 0.1);
    /// The most by which the tangent may turn in a step, in radians; half of it is aimed at.
    /// Doubled: 8 % less, which is not worth the risk of another path.
    double largest_turn = tuned("largest_turn", 0.6);
    /// The last correction at a point of a path, as a part of the step.
    /// Ten times: 24 % less, and one path of 192 ends elsewhere; a tenth: 25 % more.
    double path_tolerance = tuned("path_tolerance", 1e-3);
    /// The largest correction across the path, as a part of the step.
    double largest_correction = tuned("largest_correction", 0.5);
    /// The most by which a correction may be a part of the one before.
    double largest_contraction = tuned("largest_contraction", 0.5);
    /// What is aimed at. With 0.15, and 0.4 above: 25 % more.
    double wanted_contraction = tuned("wanted_contraction", 0.25);

    // search/

    /// Iterations after which a start goes on in full precision: most need half as many.
    /// Halved or doubled: 0 %: no search of these networks runs out of it.
    std::size_t patience = tuned<std::size_t>("patience", 60);
    /// The most by which a move across a cell of the grid on which starts merge may change a
    /// gate's sum, unit by unit.
    /// Halved or doubled: 0 %, and 4 % in single precision.
    double largest_change = tuned("largest_change", 0x1p-8);
    /// Steps of the network from zero to the state whose Jacobian makes the preconditioner.
    /// Halved or doubled: 8 %, and up to 2 % of the starts end in another point.
    std::size_t settling_steps = tuned<std::size_t>("settling_steps", 100);
    /// μ of that preconditioner in units of the mean squared singular value of J, whatever the
    /// trust regions' multipliers are: it only has to keep the inverse in bounds.
    /// Halved or doubled: 6 %.
    double preconditioner_shift = tuned("preconditioner_shift", 1e-4);
};

#if defined(NULLCLINE_TUNABLE)
inline const Tuning tuning{};
#else
inline constexpr Tuning tuning{};
#endif

}  // namespace nullcline
