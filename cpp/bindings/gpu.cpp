// The modules `nullcline._native._cuda` and `nullcline._native._emulated_gpu`: check, release the
// GIL, forward.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "cell_arguments.hpp"
#include "dlpack.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/runtime.hpp"
#include "search_options.hpp"

namespace nullcline::bindings {
namespace {

namespace runtime = NULLCLINE_GPU;

using Pair = std::pair<py::ssize_t, py::ssize_t>;

gpu::Source source_of(std::uintptr_t address, const Pair& shape, const Pair& strides,
                      bool is_double, bool on_device) {
    if (shape.first < 0 || shape.second < 0) {
        throw py::value_error("shape must not be negative");
    }
    return {
        .data = reinterpret_cast<const void*>(address),
        .rows = static_cast<std::size_t>(shape.first),
        .cols = static_cast<std::size_t>(shape.second),
        .row_stride = strides.first,
        .column_stride = strides.second,
        .is_double = is_double,
        .on_device = on_device,
    };
}

/// An array that owns memory of a device.
class DeviceArray {
  public:
    DeviceArray(std::vector<std::int64_t> shape, bool is_double, int device)
        : shape_(std::move(shape)),
          is_double_(is_double),
          device_(device),
          data_(runtime::allocate(device, bytes()),
                [device](void* data) { runtime::release(device, data); }) {}

    [[nodiscard]] std::uintptr_t address() const {
        return reinterpret_cast<std::uintptr_t>(data_.get());
    }
    [[nodiscard]] py::tuple shape() const { return py::tuple(py::cast(shape_)); }
    [[nodiscard]] bool is_double() const { return is_double_; }
    [[nodiscard]] int device() const { return device_; }

    [[nodiscard]] py::array numpy() const {
        py::array host(is_double_ ? py::dtype::of<double>() : py::dtype::of<float>(), shape_);
        void* const to = host.mutable_data();
        NativeCall().without_gil([&] { runtime::copy_to_host(device_, to, data_.get(), bytes()); });
        return host;
    }

    /// Take the numbers of an array of the host, of the same type and as many.
    void assign(const gpu::Source& from) {
        if (from.on_device || from.is_double != is_double_ ||
            from.rows * from.cols * (is_double_ ? sizeof(double) : sizeof(float)) != bytes()) {
            throw py::value_error("an array of the host of the same type and size is needed");
        }
        write(from, {});
    }

    /// Write what `from` holds, once the work on these streams is done.
    void write(const gpu::Source& from, const std::vector<std::uintptr_t>& streams) {
        NativeCall().without_gil([&] {
            is_double_ ? runtime::copy(from, static_cast<double*>(data_.get()), device_, streams)
                       : runtime::copy(from, static_cast<float*>(data_.get()), device_, streams);
        });
    }

    /// All work on the array is done before Python gets it, so that no stream need be awaited.
    [[nodiscard]] py::dict cuda_array_interface() const {
        py::dict fields;
        fields["shape"] = shape();
        fields["typestr"] = is_double_ ? "<f8" : "<f4";
        fields["data"] = py::make_tuple(address(), false);
        fields["strides"] = py::none();
        fields["stream"] = py::none();
        fields["version"] = 3;
        return fields;
    }

    [[nodiscard]] std::pair<int, int> dlpack_device() const {
        return {runtime::is_gpu ? dlpack::cuda : dlpack::cpu, device_};
    }

    /// A capsule that keeps the memory alive. Its consumer may outlive Python, so that what is kept
    /// is no object of Python's.
    [[nodiscard]] py::capsule to_dlpack() const {
        struct Exported {
            dlpack::ManagedTensor managed;
            std::vector<std::int64_t> shape;
            std::shared_ptr<void> data;
        };
        auto exported = std::make_unique<Exported>();
        exported->shape = shape_;
        exported->data = data_;
        exported->managed = {
            .tensor = {.data = data_.get(),
                       .device = {dlpack_device().first, device_},
                       .n_dimensions = static_cast<std::int32_t>(shape_.size()),
                       .type = {dlpack::floating_point,
                                static_cast<std::uint8_t>(is_double_ ? 64 : 32), 1},
                       .shape = exported->shape.data(),
                       .strides = nullptr,
                       .byte_offset = 0},
            .owner = exported.get(),
            .deleter =
                [](dlpack::ManagedTensor* tensor) { delete static_cast<Exported*>(tensor->owner); },
        };
        return py::capsule(&exported.release()->managed, dlpack::fresh_name, [](PyObject* capsule) {
            if (PyCapsule_IsValid(capsule, dlpack::fresh_name) != 0) {
                auto* const tensor = static_cast<dlpack::ManagedTensor*>(
                    PyCapsule_GetPointer(capsule, dlpack::fresh_name));
                tensor->deleter(tensor);
            }
        });
    }

  private:
    [[nodiscard]] std::size_t bytes() const {
        std::size_t n = is_double_ ? sizeof(double) : sizeof(float);
        for (const std::int64_t extent : shape_) {
            if (extent < 0) {
                throw py::value_error("shape must not be negative");
            }
            n *= static_cast<std::size_t>(extent);
        }
        return n;
    }

    std::vector<std::int64_t> shape_;
    bool is_double_;
    int device_;
    std::shared_ptr<void> data_;
};

/// A contiguous copy on a device of an array of two dimensions.
std::unique_ptr<DeviceArray> copy_to_device(const gpu::Source& from, bool is_double, int device,
                                            const std::vector<std::uintptr_t>& streams) {
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(from.rows),
                                    static_cast<std::int64_t>(from.cols)};
    auto to = std::make_unique<DeviceArray>(std::move(shape), is_double, device);
    to->write(from, streams);
    return to;
}

/// A tensor of another library, taken over from its capsule.
class DlpackView {
  public:
    explicit DlpackView(const py::object& capsule) {
        if (PyCapsule_IsValid(capsule.ptr(), dlpack::fresh_name) == 0) {
            throw py::type_error("not a fresh DLPack capsule");
        }
        tensor_.reset(static_cast<dlpack::ManagedTensor*>(
            PyCapsule_GetPointer(capsule.ptr(), dlpack::fresh_name)));
        PyCapsule_SetName(capsule.ptr(), dlpack::used_name);
        const dlpack::DataType type = tensor().type;
        if (type.code != dlpack::floating_point || type.lanes != 1 ||
            (type.bits != 64 && type.bits != 32)) {
            throw py::type_error("must be float64 or float32");
        }
    }

    [[nodiscard]] std::uintptr_t address() const {
        return reinterpret_cast<std::uintptr_t>(tensor().data) + tensor().byte_offset;
    }
    [[nodiscard]] py::tuple shape() const {
        return py::tuple(py::cast(
            std::vector<std::int64_t>(tensor().shape, tensor().shape + tensor().n_dimensions)));
    }
    [[nodiscard]] py::tuple strides() const {
        const auto n = static_cast<std::size_t>(tensor().n_dimensions);
        std::vector<std::int64_t> strides(n);
        std::int64_t contiguous = 1;
        for (std::size_t i = n; i-- > 0; contiguous *= tensor().shape[i]) {
            strides[i] = tensor().strides == nullptr ? contiguous : tensor().strides[i];
        }
        return py::tuple(py::cast(strides));
    }
    [[nodiscard]] bool is_double() const { return tensor().type.bits == 64; }
    [[nodiscard]] int device() const { return tensor().device.number; }
    [[nodiscard]] bool on_device() const {
        return tensor().device.type == dlpack::cuda || tensor().device.type == dlpack::cuda_managed;
    }

  private:
    struct Delete {
        void operator()(dlpack::ManagedTensor* tensor) const {
            if (tensor->deleter != nullptr) {
                tensor->deleter(tensor);
            }
        }
    };

    [[nodiscard]] const dlpack::Tensor& tensor() const { return tensor_->tensor; }

    std::unique_ptr<dlpack::ManagedTensor, Delete> tensor_;
};

struct PyLabels {
    py::array_t<std::uint8_t> kind, reason;
    py::array_t<std::int32_t> iterations;
    std::size_t n_products;

    explicit PyLabels(gpu::Labels&& labels)
        : kind(adopt<std::uint8_t>(std::move(labels.kinds))),
          reason(adopt<std::uint8_t>(std::move(labels.reasons))),
          iterations(adopt<std::int32_t>(std::move(labels.iterations))),
          n_products(labels.n_products) {}
};

/// The arguments of `cell_of`.
template <class T>
using CellParts = std::tuple<std::string, Array<T>, Recurrence<T>, Array<T>,
                             std::optional<Array<T>>, std::optional<std::vector<std::string>>>;

template <class T>
[[nodiscard]] Cell<T> cell_from(const CellParts<T>& cell_parts) {
    return std::apply([](const auto&... parts) { return cell_of<T>(parts...); }, cell_parts);
}

/// Operations and bytes per second, by name.
template <class T>
py::dict measure(const CellParts<T>& cell_parts, std::size_t n_states, std::size_t square,
                 int device) {
    const Cell<T> cell = cell_from<T>(cell_parts);
    gpu::Rates rates;
    NativeCall().without_gil([&] { rates = runtime::measure(cell, n_states, square, device); });
    py::dict by_name;
    by_name["square product"] = rates.square_product;
    by_name["product"] = rates.product;
    by_name["residual"] = rates.residual;
    by_name["copy"] = rates.copy;
    by_name["assembly"] = rates.assembly;
    return by_name;
}

template <class T>
PyLabels search(const CellParts<T>& cell_parts, const gpu::Source& starts,
                const std::optional<gpu::Source>& inputs, std::uintptr_t h, std::uintptr_t q,
                const std::optional<Array<T>>& deflated, const std::string& method_name,
                double tol_slow, std::optional<std::int32_t> max_iterations, double learning_rate,
                int device, std::vector<std::uintptr_t> streams,
                const std::optional<py::function>& progress, std::size_t n_threads,
                double launch_seconds) {
    const Cell<T> cell = cell_from<T>(cell_parts);
    if (starts.cols != cell.state_size()) {
        throw py::value_error("starts must have a column for each number of a state");
    }
    if (inputs &&
        (inputs->cols != cell.input_size() || (inputs->rows != 1 && inputs->rows != starts.rows))) {
        throw py::value_error(
            "inputs must have a column for each input, and one row or as many "
            "as starts");
    }
    const Method method = method_of(method_name);
    NativeCall native;
    const gpu::Problem<T> problem{
        .cell = cell,
        .starts = starts,
        .inputs = inputs,
        .deflated = deflated ? matrix(*deflated, "deflated", static_cast<py::ssize_t>(cell.size()))
                             : MatrixView<const T>(),
        .method = method,
        .options = options_of(method, tol_slow, max_iterations, learning_rate),
        .h = reinterpret_cast<T*>(h),
        .q = reinterpret_cast<double*>(q),
        .progress = reporter(native, progress, starts.rows),
        .poll = native.poll(),
        .costs = {.launch = launch_seconds},
        .n_threads = n_threads,
        .device = device,
        .streams = std::move(streams),
    };
    gpu::Labels labels;
    native.without_gil([&] { labels = runtime::search(problem); });
    return PyLabels(std::move(labels));
}

template <class T>
void declare(py::module_& module, const std::string& precision) {
    module.def(("measure" + precision).c_str(), &measure<T>, py::arg("cell").noconvert(),
               py::arg("n_states"), py::arg("square"), py::arg("device") = 0);
    module.def(("search" + precision).c_str(), &search<T>, py::arg("cell").noconvert(),
               py::arg("starts"), py::arg("inputs"), py::kw_only(), py::arg("h"), py::arg("q"),
               py::arg("deflated").noconvert() = py::none(), py::arg("method") = "auto",
               py::arg("tol_slow") = 1e-6, py::arg("max_iterations") = py::none(),
               py::arg("learning_rate") = 0.01, py::arg("device") = 0,
               py::arg("streams") = std::vector<std::uintptr_t>(), py::arg("progress") = py::none(),
               py::arg("n_threads") = 1, py::arg("launch_seconds") = runtime::launch_seconds);
}

}  // namespace
}  // namespace nullcline::bindings

PYBIND11_MODULE(NULLCLINE_GPU_MODULE, module) {
    using namespace nullcline;
    using namespace nullcline::bindings;
    module.doc() = "Searches on a GPU.";
    prepare_module();
    py::register_local_exception<gpu::OutOfMemory>(module, "OutOfMemory", PyExc_MemoryError);
    py::register_local_exception<gpu::NotFinite>(module, "NotFinite", PyExc_ValueError);
    module.def("blas_init", &take_capsules, py::arg("capsules"));
    module.def("blas_ready", &blas_ready);
    module.def("load_cublas", &runtime::load_cublas, py::arg("path"));
    module.def("device_count", &runtime::device_count);
    module.def("device_name", &runtime::device_name, py::arg("device"));
    module.def("compute_capability", &runtime::compute_capability, py::arg("device"));
    module.def("least_compute_capability", &runtime::least_compute_capability);
    module.def(
        "device_of",
        [](std::uintptr_t address) {
            return runtime::device_of(reinterpret_cast<const void*>(address));
        },
        py::arg("address"));
    // Local to the module: both kinds of GPU may be loaded.
    py::class_<gpu::Source>(module, "Source", py::module_local())
        .def(py::init(&source_of), py::arg("address"), py::arg("shape"), py::arg("strides"),
             py::arg("is_double"), py::arg("on_device"));
    py::class_<DeviceArray>(module, "DeviceArray", py::module_local())
        .def(py::init<std::vector<std::int64_t>, bool, int>(), py::arg("shape"),
             py::arg("is_double"), py::arg("device"))
        .def_property_readonly("address", &DeviceArray::address)
        .def_property_readonly("shape", &DeviceArray::shape)
        .def_property_readonly("is_double", &DeviceArray::is_double)
        .def_property_readonly("device", &DeviceArray::device)
        .def("numpy", &DeviceArray::numpy)
        .def("assign", &DeviceArray::assign, py::arg("source"))
        .def_property_readonly("__cuda_array_interface__", &DeviceArray::cuda_array_interface)
        .def("__dlpack_device__", &DeviceArray::dlpack_device)
        .def("__dlpack__",
             [](const DeviceArray& self, const py::kwargs&) { return self.to_dlpack(); });
    module.def("copy", &copy_to_device, py::arg("source"), py::arg("is_double"), py::arg("device"),
               py::arg("streams") = std::vector<std::uintptr_t>());
    py::class_<DlpackView>(module, "DlpackView", py::module_local())
        .def(py::init<const py::object&>(), py::arg("capsule"))
        .def_property_readonly("address", &DlpackView::address)
        .def_property_readonly("shape", &DlpackView::shape)
        .def_property_readonly("strides", &DlpackView::strides)
        .def_property_readonly("is_double", &DlpackView::is_double)
        .def_property_readonly("device", &DlpackView::device)
        .def_property_readonly("on_device", &DlpackView::on_device);
    py::class_<PyLabels>(module, "SearchResult", py::module_local())
        .def_readonly("kind", &PyLabels::kind)
        .def_readonly("reason", &PyLabels::reason)
        .def_readonly("iterations", &PyLabels::iterations)
        .def_readonly("n_products", &PyLabels::n_products);
    declare<double>(module, "64");
    declare<float>(module, "32");
}
