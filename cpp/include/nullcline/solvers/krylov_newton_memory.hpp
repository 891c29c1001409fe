// The memory of slots of the Krylov–Newton method.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/solvers/step_control.hpp"
#include "nullcline/solvers/subspace_model.hpp"
#include "nullcline/solvers/trust_region_radius.hpp"

namespace nullcline {

/// What a slot does once it has what it waits for (see the table in krylov_newton.hpp).
enum class KrylovNewtonStage : std::uint8_t {
    evaluate_state,
    start_subspace,
    make_direction,
    expand_subspace,
    test_model_gradient,
    predict_truncated_step,
    complete_trial,
    evaluate_trial,
};

/// The numbers of one slot.
template <class T>
struct KrylovNewtonScalars {
    Request request = Request::none;
    KrylovNewtonStage stage = KrylovNewtonStage::evaluate_state;
    std::size_t start = 0;
    std::size_t iterations = 0;
    std::size_t limit = 0;
    std::size_t directions = 0;       // of all subspaces before the current one
    bool side = false;                // which of the two states is the current one
    double residual_norm = 0;         // ‖f‖
    bool has_exact_products = false;  // whether products are W h in full precision
    double exact_residual_norm = 0;   // ‖f‖ when they last were
    double last_reduction = 0;        // by the last step, in units of ‖f‖²
    StepControl<T, TrustRegionRadius<T>> steps;
    double jacobian_scale = 0;
    double gradient_norm = 0;
    double model_reduction = 0;  // that the model predicts so far
    double shift = 0;            // the trust region's multiplier μ, for the preconditioner
    SubspaceState model;
};

/// The matrices of a tile, a row per slot.
template <class T>
struct KrylovNewtonMemory {
    KrylovNewtonMemory() = default;
    KrylovNewtonMemory(Arena& arena, const TileShape& shape, RequestSet requests,
                       bool has_linear_products)
        : operands(arena, shape, requests),
          scalars(arena.matrix<KrylovNewtonScalars<T>>(shape.rows, 1)),
          states(arena, shape),
          drives(arena.matrix<T>(shape.rows, shape.drive_size)),
          hessians(arena.matrix<T>(shape.rows, curvature_size(shape.curved_fields, shape.units))),
          jacobians(arena, shape),
          free(arena.matrix<float>(shape.rows, shape.size())),
          residuals(arena.matrix<float>(shape.rows, shape.size())),
          changes(arena.matrix<float>(shape.rows, shape.size())),
          curved_products(arena.matrix<float>(has_linear_products ? 0 : shape.rows, shape.size())),
          models(arena, shape) {}

    Operands<T> operands;
    MatrixView<KrylovNewtonScalars<T>> scalars;
    StatePair<T> states;
    MatrixView<T> drives;
    MatrixView<T> hessians;  // of the curvature, before rounding to single precision
    JacobianMemory<float> jacobians;
    MatrixView<float> free;             // 0 for units that a face keeps from descending, else 1
    MatrixView<float> residuals;        // f + J s, for f scaled to norm 1
    MatrixView<float> changes;          // J v
    MatrixView<float> curved_products;  // Σ_i f_i ∂²f_i v, where no fields make it
    SubspaceMemory models;
};

}  // namespace nullcline
