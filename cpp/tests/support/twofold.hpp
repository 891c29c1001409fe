// Sums of products in about twice the precision of double, without a wider type: what is rounded is
// summed, too (Ogita, Rump and Oishi, SIAM J. Sci. Comput. 26 (2005) 1955, algorithm 5.3).
#pragma once

#include <cmath>

#include "nullcline/numerics/interval.hpp"

namespace nullcline::tests {

class Twofold {
  public:
    void add(double x) {
        const double before = sum_;
        sum_ += x;
        const double part = sum_ - before;
        lost_ += (before - (sum_ - part)) + (x - part);
        size_ += std::abs(x);
    }
    void add_product(double a, double b) {
        const double product = a * b;
        add(product);
        lost_ += std::fma(a, b, -product);
    }
    [[nodiscard]] double value() const { return sum_ + lost_; }

    /// Whether an interval holds the sum, but for what twice the precision leaves open.
    [[nodiscard]] bool lies_in(const Interval& x) const {
        const double open = 1e-28 * size_;
        return (sum_ - x.low) + lost_ >= -open && (x.high - sum_) - lost_ >= -open;
    }

  private:
    double sum_ = 0;
    double lost_ = 0;
    double size_ = 0;
};

}  // namespace nullcline::tests
