// The emulated GPU's memory and linear algebra.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "nullcline/gpu/memory.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline::emulated {
namespace {

using tests::Random;

constexpr std::size_t n = 6;
constexpr double tolerance = 1e-12;

TEST("a device has so much memory, and has it back once it is released") {
    Device device;
    const std::size_t all = device.free_bytes();
    {
        const gpu::Buffer<Device> buffer(device, 1000);
        CHECK(device.free_bytes() == all - 1000);
        CHECK_THROWS((gpu::Buffer<Device>(device, all)), gpu::OutOfMemory);
        CHECK(device.free_bytes() == all - 1000);
    }
    CHECK(device.free_bytes() == all);
}

TEST("memory that nobody has written reads as NaN") {
    Device device;
    const gpu::Array<Device, float> array(device, 3, 5);
    for (const float value : array.download()) {
        CHECK(std::isnan(value));
    }
}

TEST("an array on the device is a copy of what was on the host") {
    Device device;
    Random random(131);
    Matrix<double> host = random.matrix<double>(3, 4);
    const Matrix<double> before = host;
    gpu::Array<Device, double> array(device, std::as_const(host).view());
    host.elements()[0] = 7;
    const auto back = array.download();
    CHECK(std::ranges::equal(back, before.elements()));
    const gpu::Array<Device, double> moved = std::move(array);
    CHECK(moved.download() == back);
}

TEST("the device's products are those of plain loops") {
    Device device;
    Random random(132);
    const Matrix<double> a = random.matrix<double>(4, n);
    const Matrix<double> b = random.matrix<double>(n, 5);
    Matrix<double> turned(5, n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < 5; ++j) {
            turned.view()(j, i) = b.view()(i, j);
        }
    }
    Matrix<double> plain_out(4, 5);
    Matrix<double> turned_out(4, 5);
    device.multiply(a.view(), b.view(), plain_out.view());
    device.multiply_transposed(a.view(), std::as_const(turned).view(), turned_out.view());
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 5; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < n; ++k) {
                sum += a.view()(i, k) * b.view()(k, j);
            }
            CHECK_CLOSE(plain_out.view()(i, j), sum, tolerance);
            CHECK_CLOSE(turned_out.view()(i, j), sum, tolerance);
        }
    }
}

TEST("the device's Gram matrices are J'J, matrix by matrix") {
    Device device;
    Random random(133);
    auto jacobians = random.vector<double>(2 * n * n);
    std::vector<double> normals(2 * n * n);
    const std::array<double*, 2> from{jacobians.data(), jacobians.data() + n * n};
    const std::array<double*, 2> to{normals.data(), normals.data() + n * n};
    device.grams(2, n, from.data(), to.data());
    for (std::size_t m = 0; m < 2; ++m) {
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                double sum = 0;
                for (std::size_t k = 0; k < n; ++k) {
                    sum += jacobians[(m * n + k) * n + i] * jacobians[(m * n + k) * n + j];
                }
                CHECK_CLOSE(normals[(m * n + i) * n + j], sum, tolerance);
            }
        }
    }
}

TEST("the device's LU factors solve each system of a batch, and say which is singular") {
    Device device;
    Random random(134);
    std::array matrices{random.matrix<double>(n, n), random.matrix<double>(n, n),
                        Matrix<double>(n, n)};
    const auto before = matrices;
    std::array vectors{random.vector<double>(n), random.vector<double>(n)};
    const auto right_hand_sides = vectors;
    const std::array<double*, 3> at{matrices[0].elements().data(), matrices[1].elements().data(),
                                    matrices[2].elements().data()};
    const std::array<double*, 2> vectors_at{vectors[0].data(), vectors[1].data()};
    std::array<int, 3 * n> pivots{};
    std::array<int, 3> info{};
    device.lu(3, n, at.data(), pivots.data(), info.data());
    CHECK(info[0] == 0 && info[1] == 0 && info[2] != 0);
    device.lu_solve(2, n, at.data(), pivots.data(), vectors_at.data());
    for (std::size_t m = 0; m < 2; ++m) {
        for (std::size_t i = 0; i < n; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < n; ++j) {
                sum += before[m].view()(i, j) * vectors[m][j];
            }
            CHECK_CLOSE(sum, right_hand_sides[m][i], tolerance);
        }
    }
}

TEST("a kernel runs in every thread of every block, each block with shared memory of its own") {
    struct Kernel {
        struct Shared {
            double sum;
        };
        double* sums;
        std::atomic<int>* n_threads;

        void operator()(const gpu::CooperativeGroup<BlockLanes>& group, std::size_t block,
                        Shared& shared) const {
            ++*n_threads;
            group.single([&] { shared.sum = static_cast<double>(block); });
            group.for_each(1, [&](std::size_t) { sums[block] = shared.sum; });
        }
    };
    Device device;
    std::vector<double> sums(4);
    std::atomic<int> n_threads = 0;
    device.launch(4, Kernel{sums.data(), &n_threads});
    CHECK((sums == std::vector<double>{0, 1, 2, 3}));
    CHECK(n_threads == static_cast<int>(4 * block_size));
}

}  // namespace
}  // namespace nullcline::emulated
