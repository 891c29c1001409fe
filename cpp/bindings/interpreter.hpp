// Native code and the interpreter that it comes from, which may fork or end meanwhile.
//
// Up to 3.13, Python ends a thread that asks for the GIL too late by unwinding its stack, and no
// C++ frame with a destructor that may not throw, or with a `catch (...)`, survives that. So such
// a thread stays for ever where it asked, as Python itself does it from 3.14 on.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "nullcline/parallel/process.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::bindings {

namespace py = pybind11;

[[nodiscard]] inline bool interpreter_ends() {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

/// Call Python's C API where it may end this thread.
template <class F>
auto unless_ended(const F& call_api) {
    try {
        return call_api();
    } catch (...) {
        if (!interpreter_ends()) {
            throw;
        }
        while (true) {
            std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }
}

/// Call a function of Python.
inline py::object call(const py::function& function, const py::tuple& arguments) {
    PyObject* const result =
        unless_ended([&] { return PyObject_Call(function.ptr(), arguments.ptr(), nullptr); });
    if (result == nullptr) {
        throw py::error_already_set();
    }
    return py::reinterpret_steal<py::object>(result);
}

/// One call of native code from Python.
class NativeCall {
  public:
    NativeCall() = default;
    NativeCall(const NativeCall&) = delete;
    NativeCall& operator=(const NativeCall&) = delete;

    /// Work without the GIL.
    template <class Work>
    void without_gil(const Work& work) {
        const Released released(state_);
        const Computing computing;
        work();
    }

    /// Within such work, or without it: use Python.
    template <class Use>
    void with_gil(const Use& use) {
        if (state_ == nullptr) {
            use();
            return;
        }
        Process::self().leave();
        unless_ended([&] { PyEval_RestoreThread(state_); });
        const Reacquired reacquired(state_);
        use();
    }

    /// What Python does while it waits: handle signals, which is how Ctrl-C comes in.
    [[nodiscard]] Poll poll() {
        return [this] {
            if (Process::self().ends()) {
                throw ProcessEnds();
            }
            with_gil([] {
                if (PyErr_CheckSignals() != 0) {
                    throw py::error_already_set();
                }
            });
        };
    }

  private:
    struct Released {
        explicit Released(PyThreadState*& state) : state_(state) { state_ = PyEval_SaveThread(); }
        ~Released() {
            unless_ended([&] { PyEval_RestoreThread(state_); });
            state_ = nullptr;
        }
        Released(const Released&) = delete;
        Released& operator=(const Released&) = delete;
        PyThreadState*& state_;
    };
    struct Reacquired {
        explicit Reacquired(PyThreadState*& state) : state_(state) { state_ = nullptr; }
        ~Reacquired() {
            state_ = PyEval_SaveThread();
            Process::self().enter();
        }
        Reacquired(const Reacquired&) = delete;
        Reacquired& operator=(const Reacquired&) = delete;
        PyThreadState*& state_;
    };

    PyThreadState* state_ = nullptr;  ///< while the GIL is released
};

/// What every module of native code does when it is loaded.
inline void prepare_module() {
    py::register_local_exception_translator([](std::exception_ptr error) {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::bad_alloc&) {
            PyErr_SetString(PyExc_MemoryError,
                            "there is too little memory for this: give fewer states at a time, or "
                            "search with fewer threads (n_threads), whose memory adds up, or by "
                            "method=\"krylov\", which needs the least");
        }
    });
    py::module_::import("os").attr("register_at_fork")(
        py::arg("before") = py::cpp_function([] {
            const py::gil_scoped_release release;
            Process::self().pause();
        }),
        py::arg("after_in_parent") = py::cpp_function([] { Process::self().resume(); }),
        py::arg("after_in_child") = py::cpp_function([] { Process::self().begin_as_child(); }));
}

}  // namespace nullcline::bindings
