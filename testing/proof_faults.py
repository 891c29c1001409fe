"""Faults of the core's proofs: intervals, bounds of rounding, enclosures and enumerations."""

from __future__ import annotations

from testing.fault import Fault

INTERVAL = "cpp/include/nullcline/numerics/interval.hpp"
BOUNDS = "cpp/include/nullcline/numerics/rounding_bounds.hpp"
ARITHMETIC = "cpp/include/nullcline/numerics/default_arithmetic.hpp"
MATRIX = "cpp/src/enclosed_matrix.cpp"
ENCLOSURE = "cpp/src/enclosure.cpp"
CURVATURE = "cpp/src/enclosed_curvature.cpp"
ENUMERATION = "cpp/include/nullcline/enumeration"
KRAWCZYK = f"{ENUMERATION}/krawczyk.hpp"

FAULTS = (
    # Intervals
    Fault(
        "a lower end that is not moved outward",
        INTERVAL,
        "return x - (elementary::magnitude(x) * error + underflow);",
        "return x - 0 * error;",
    ),
    Fault(
        "an upper end that is moved inward",
        INTERVAL,
        "return x + (elementary::magnitude(x) * error + underflow);",
        "return x - (elementary::magnitude(x) * error + underflow);",
    ),
    Fault("nothing is set aside for underflow", INTERVAL, "= 0x1p-1000;", "= 0;"),
    Fault("a difference of equal ends", INTERVAL, "down(a.low - b.high)", "down(a.low - b.low)"),
    Fault("a negation that keeps its order", INTERVAL, "{-a.high, -a.low}", "{-a.low, -a.high}"),
    Fault(
        "a product without one pair of ends",
        INTERVAL,
        "a.low * b.low, a.low",
        "a.low * b.high, a.low",
    ),
    Fault(
        "a division by what may be zero",
        INTERVAL,
        "if (!(b.low > 0 || b.high < 0)) {",
        "if (false) {",
    ),
    Fault("a product with NaN is taken for known", INTERVAL, "if (sum != sum) {", "if (false) {"),
    Fault(
        "a radius that forgets the farther end",
        INTERVAL,
        "return up(below > above ? below : above);",
        "return up(below < above ? below : above);",
    ),
    Fault(
        "a magnitude of the upper end alone",
        INTERVAL,
        "return (below > above ? below : above) + (below + above >= 0 ? 0 : below + above);",
        "return above;",
    ),
    Fault(
        "functions trusted to nothing", INTERVAL, "function_error = 0x1p-49", "function_error = 0"
    ),
    Fault(
        "a hump by its ends alone",
        INTERVAL,
        "const double nearest = larger(larger(u.low, -u.high), 0);",
        "const double nearest = larger(u.low < 0 ? -u.low : u.low, 0);",
    ),
    Fault(
        "a wave without its turning points",
        INTERVAL,
        "may_hold(turn) ? -top : ends.low",
        "ends.low",
    ),
    Fault(
        "a turning point on the wrong side",
        INTERVAL,
        "may_hold(-turn) ? top",
        "may_hold(turn) ? top",
    ),
    Fault(
        "a complement by the wrong end",
        INTERVAL,
        "range(to.complement, from.complement)",
        "range(from.complement, to.complement)",
    ),
    Fault("relu of what may be negative", INTERVAL, "{{u.low > 0 ? u.low : 0,", "{{u.low,"),
    Fault(
        "relu that is cut above", INTERVAL, "u.high < 0 ? 0 : u.high}", "u.high < 1 ? 0 : u.high}"
    ),
    Fault(
        "a kink at an end that is not seen",
        INTERVAL,
        "if (u.high < kink) {",
        "if (u.high <= kink) {",
    ),
    Fault(
        "a bend at a kink that is taken for zero",
        INTERVAL,
        "u.high < kink || u.low > kink ? Interval{0}",
        "u.high <= kink || u.low >= kink ? Interval{0}",
    ),
    Fault(
        "hard tanh is inside at its face",
        INTERVAL,
        "u.low > -1 && u.high < 1;",
        "u.low > -1 && u.high <= 1;",
    ),
    Fault(
        "rectified tanh that is negative",
        INTERVAL,
        "detail::larger(f.value.low, 0),",
        "f.value.low,",
    ),
    Fault("rectified tanh of one slope", INTERVAL, "Interval{0, f.first.high}", "f.first"),
    # Bounds of rounding
    Fault("half a unit of rounding", BOUNDS, "unit_roundoff = 0x1p-53", "unit_roundoff = 0x1p-60"),
    Fault("operations that are not counted", BOUNDS, "return up(nu / (1 - nu));", "return up(nu);"),
    Fault("a ball's interval by its middle", BOUNDS, "down(down(middle) - radius)", "down(middle)"),
    Fault(
        "a product's rounding beside its sum", BOUNDS, "size += std::abs(w[j] * x[j].middle);", ""
    ),
    Fault(
        "a product that does not move", BOUNDS, "out.linear += std::abs(w[j]) * x[j].radius;", ""
    ),
    Fault("the caller's arithmetic", ARITHMETIC, "std::fesetenv(FE_DFL_ENV);", ""),
    Fault("the default arithmetic stays", ARITHMETIC, "{ std::fesetenv(&before_); }", "= default;"),
    # Products of enclosed matrices
    Fault("a sum whose rounding is not bounded", MATRIX, "(r[j] + error * std::abs(m[j]))", "r[j]"),
    Fault(
        "a sum over a box as at its middle",
        MATRIX,
        "(r[j] + error * std::abs(m[j]))",
        "(error * std::abs(m[j]))",
    ),
    Fault(
        "weights of low rank taken for exact",
        MATRIX,
        "radius = radius * error + underflow;",
        "radius = 0;",
    ),
    Fault("row sums without radii", MATRIX, "sums[i] += radius;", ""),
    Fault(
        "a product without its right side's radii",
        MATRIX,
        "error * magnitude + radius;",
        "error * magnitude;",
    ),
    Fault(
        "a product without its left side's radii",
        MATRIX,
        "if (!a.is_exact()) {",
        "if (false) {",
        "EnclosedMatrix product",
    ),
    Fault(
        "a product whose rounding is not bounded", MATRIX, "error * magnitude + radius;", "radius;"
    ),
    Fault(
        "magnitudes without radii",
        MATRIX,
        "w.is_exact() ? 0 : w.radius.row(i)[j]",
        "0.0 * w.radius.row(i)[j]",
    ),
    # Enclosures of cells
    Fault("the second bias is left out", ENCLOSURE, "bias_[i] + Interval(term)", "bias_[i]"),
    Fault(
        "a drive at the middle of its inputs",
        ENCLOSURE,
        "multiply(weight_ih_, 0, out.size(), EnclosedVector(x), read);",
        "const std::vector<Interval> point(x.size(), Interval(x[0].middle())); "
        "multiply(weight_ih_, 0, out.size(), EnclosedVector(point), read);",
    ),
    Fault(
        "a gated block that multiplies h",
        ENCLOSURE,
        "EnclosedVector(inputs)",
        "EnclosedVector(state.first(units))",
    ),
    Fault(
        "scales without their radii",
        ENCLOSURE,
        "scale.radius() + static_cast<double>",
        "static_cast<double>",
    ),
    Fault(
        "a Jacobian without its weights' radii",
        ENCLOSURE,
        "radius[j] += magnitude * e[j];",
        "radius[j] += 0 * e[j] * magnitude;",
    ),
    Fault(
        "a Jacobian's identity left out",
        ENCLOSURE,
        "up(middle[j] + radius[j])) - own;",
        "up(middle[j] + radius[j])) - 0 * own.low;",
    ),
    Fault("a gate's own part left out", ENCLOSURE, "entry = entry + gate[units + i];", ""),
    Fault("a gate by the wrong row", ENCLOSURE, "(units + i, j)", "(i, j)"),
    # Curvature
    Fault("a second derivative of one pair", CURVATURE, "v[p] * w[q] + v[q] * w[p]", "v[p] * w[q]"),
    Fault(
        "a gated block's bend left out",
        CURVATURE,
        "of_unit.slope.magnitude() * bent[i]",
        "0 * bent[i]",
    ),
    Fault(
        "a direction that moves no state",
        CURVATURE,
        "gate[units + j].magnitude() * (*of)[own + j]",
        "0 * gate[units + j].magnitude() * (*of)[own + j]",
    ),
    Fault(
        "a direction that moves no gate",
        CURVATURE,
        "moved[j] += gate[j].magnitude() * (*of)[units + j];",
        "",
    ),
    Fault(
        "any direction is one at most",
        CURVATURE,
        "std::vector<double> out(row_sums_);",
        "std::vector<double> out(row_sums_.size(), 1);",
    ),
    # Enumeration
    Fault(
        "a box of unknown slopes is left out",
        KRAWCZYK,
        "if (!std::isfinite(image.newton[i]) || !std::isfinite(radius + blur + size + defects)) {",
        "if (false) {",
    ),
    Fault(
        "an image without the box's part",
        KRAWCZYK,
        "sum_bound(radius + blur +",
        "sum_bound(radius +",
    ),
    Fault(
        "an index without its bound",
        KRAWCZYK,
        "sum_bound(norm + detour) < 1 ? inverse->sign : 0",
        "-inverse->sign",
    ),
    Fault(
        "boxes that touch the outside",
        f"{ENUMERATION}/boxes.hpp",
        "a.low < b.low && b.high < a.high",
        "a.low < b.low || b.high < a.high",
    ),
    Fault(
        "a defect without the matrix's radius",
        f"{ENUMERATION}/dense.hpp",
        "* size[j] + blur[j])",
        "* size[j])",
    ),
    Fault(
        "a sign that ignores exchanged rows",
        f"{ENUMERATION}/dense.hpp",
        "out.sign = -out.sign;",
        "",
    ),
    Fault(
        "a half that is dropped",
        f"{ENUMERATION}/enumerate.hpp",
        "waiting.push_back(std::move(parts->second));",
        "",
    ),
    Fault(
        "zeros that meet are one",
        f"{ENUMERATION}/enumerate.hpp",
        "found.open.push_back(hull(other->second.exists, root.exists));",
        "",
    ),
    Fault(
        "what is left in the end is dropped",
        f"{ENUMERATION}/enumerate.hpp",
        "found.open.push_back(std::move(node.box));",
        "",
    ),
    Fault(
        "a row of a system that is cut too far",
        f"{ENUMERATION}/contraction.hpp",
        "Interval(own.low - margin, own.high + margin)",
        "Interval(own.low + margin, own.high) ",
    ),
    Fault(
        "an active unit below its kink",
        f"{ENUMERATION}/relu_regions.hpp",
        "if (u.high < 0) {",
        "if (u.high < 2) {",
    ),
    Fault(
        "a bound that is not looked beyond",
        f"{ENUMERATION}/relu_regions.hpp",
        "root.pattern[k] = Unit::active;",
        "root.pattern[k] = Unit::inactive;",
    ),
)
