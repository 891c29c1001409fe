# `make reproduce` draws the study's figures; `make test` runs all checks. Each sets itself up.

PYTHON ?= python3
JOBS   ?= 2

# One environment per purpose, made anew when what it is made of changes.
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(shell find cmake cpp python -path cpp/tests -prune -o '(' -name '*.[ch]pp' -o -name '*.cu*' -o -name '*.cmake' -o -name '*.py' -o -name '*.pyi' -o -name '*.html' -o -name '*.js' -o -name '*.css' ')' -print)
CPP_TESTS := $(shell find cpp/tests -type f)
CPP      = find cpp -name '*.[ch]pp' -o -name '*.cu' -o -name '*.cuh'
DEFINE   = --config-settings=cmake.define.
# The search on GPUs is compiled wherever nvcc is, with or without a GPU: for one kind, which is
# enough to know that it compiles.
CUDA     = $(if $(shell command -v nvcc),ON,OFF)
PIP      = pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The core's own tests are built with the package, of the same objects.
TEST_BUILD = build/test
TEST_OPTIONS = $(DEFINE)NULLCLINE_WERROR=ON $(DEFINE)NULLCLINE_TESTS=ON $(DEFINE)NULLCLINE_EMULATED_GPU=ON $(DEFINE)NULLCLINE_CUDA=$(CUDA) $(DEFINE)CMAKE_CUDA_ARCHITECTURES=80

.PHONY: reproduce seeds test environment lint types ctest tests fuzz sanitize mutants bench cuda-check docs format clean

reproduce: .venv/study.stamp
	.venv/bin/nullcline reproduce --resume --out reproduction

# The claims over seeds, docs/claims.md: hours for each of IMDB's sweeps, which go on where they were interrupted.
SEEDS = synthetic sst imdb imdb-whole

seeds: .venv-test/test.stamp
	for one in $(SEEDS); do .venv-test/bin/nullcline sweep docs/seeds/$$one.toml --out build/seeds/$$one --workers $(JOBS) --resume || exit 1; done
	.venv-test/bin/python -m docs.over_seeds $(SEEDS:%=build/seeds/%)

# Style and types, which need no compiled module, are checked while the compiler is at work.
test:
	$(MAKE) --jobs=2 --output-sync lint .venv-test/test.stamp
	$(MAKE) ctest
	$(MAKE) tests

# Style and types; .pre-commit-config.yaml is the one list of these checks.
lint: .venv-test/packages.stamp
	.venv-test/bin/pre-commit run --all-files --show-diff-on-failure

types: .venv-test/packages.stamp
	.venv-test/bin/pre-commit run --all-files mypy

# The core's own tests, without Python.
ctest: .venv-test/wheel.stamp
	.venv-test/bin/ctest --test-dir $(TEST_BUILD) --parallel $(JOBS) --output-on-failure --no-tests=error

tests: .venv-test/test.stamp
	.venv-test/bin/python -m pytest --numprocesses $(JOBS) --dist worksteal

# Damaged files for every reader and odd arguments for every function; `make tests` has a short run.
FUZZ_COUNT ?= 100000
FUZZ_SEED  ?= 0

fuzz: .venv-test/test.stamp
	mkdir -p build/fuzz
	.venv-test/bin/python -m testing.fuzz --readers --api --count $(FUZZ_COUNT) --seed $(FUZZ_SEED) --keep build/fuzz

# The core's own tests, and the sources of CUDA on a CPU, under each sanitizer; a report ends it.
sanitize: sanitize-address sanitize-thread

# A claim asks for more memory than there is, and is to be told so.
MAY_RETURN_NULL = ASAN_OPTIONS=allocator_may_return_null=1 TSAN_OPTIONS=allocator_may_return_null=1

sanitize-address: SANITIZERS = address,undefined
sanitize-thread: SANITIZERS = thread
sanitize-address sanitize-thread: sanitize-%: .venv-test/test.stamp
	.venv-test/bin/cmake -S . -B build/sanitize-$* -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/.venv-test/bin/ninja -DNULLCLINE_PYTHON=OFF -DNULLCLINE_TESTS=ON -DNULLCLINE_SANITIZE=$(SANITIZERS)
	.venv-test/bin/cmake --build build/sanitize-$* --parallel $(JOBS)
	$(MAY_RETURN_NULL) .venv-test/bin/ctest --test-dir build/sanitize-$* --parallel $(JOBS) --output-on-failure --no-tests=error

# Faults put into the sources of CUDA, one at a time, each of which their claims are to refute.
mutants: ctest
	PATH=$(CURDIR)/.venv-test/bin:$$PATH .venv-test/bin/python -m testing.mutants

bench: .venv-test/test.stamp
	.venv-test/bin/$(PIP) '.[bench]'
	mkdir -p build/bench
	.venv-test/bin/python -m pytest benchmarks --benchmark-enable --benchmark-json=build/bench/searches.json
	.venv-test/bin/python -m benchmarks.scaling build/bench/scaling.json
	.venv-test/bin/python -m benchmarks.report build/bench/searches.json build/bench/scaling.json
	.venv-test/bin/python -m benchmarks.each_cell
	.venv-test/bin/python -m benchmarks.prices
	.venv-test/bin/python -m benchmarks.homotopy
	.venv-test/bin/python -m benchmarks.fibers
	.venv-test/bin/python -m benchmarks.completeness
	.venv-test/bin/python -m benchmarks.enumeration
	.venv-test/bin/python -m benchmarks.certificates
	.venv-test/bin/python -m benchmarks.sheets
	.venv-test/bin/python -m benchmarks.homotopy_products
	.venv-test/bin/python -m benchmarks.rates
	.venv-test/bin/python -m benchmarks.joint_layers
	.venv-test/bin/python -m benchmarks.attributions
	.venv-test/bin/python -m benchmarks.functions
	.venv-test/bin/python -m benchmarks.jax_functions
	.venv-test/bin/python -m benchmarks.curves
	.venv-test/bin/python -m benchmarks.curve_constants
	.venv-test/bin/python -m benchmarks.population
	.venv-test/bin/python -m benchmarks.training_speed
	.venv-test/bin/python -m benchmarks.constants
	.venv-test/bin/python -m benchmarks.executors
	.venv-test/bin/python -m benchmarks.scale
	.venv-test/bin/python -m benchmarks.reproduction
	test -z "$$FIXED_POINT_FINDER" || .venv-test/bin/python -m benchmarks.flip_flop

# On a machine with a GPU: its tests, compute-sanitizer on a short search, and the benchmark. Without a
# network, CUDA_PYTHON=python3 CUDA_PIP='--no-build-isolation --no-deps' use what that Python has.
CUDA_PYTHON ?= .venv-cuda/bin/python
CUDA_PIP    ?=
# Those of cuBLAS are NVIDIA's to check, and most of the time would go into them.
OUR_KERNELS  = --kernel-name kns=run_kernel

cuda-check:
	@nvidia-smi -L 2>/dev/null || { echo 'cuda-check: no NVIDIA GPU was found, so nothing was built or run'; exit 1; }
	command -v $(CUDA_PYTHON) || $(PYTHON) -m venv .venv-cuda
	CMAKE_BUILD_PARALLEL_LEVEL=$$(nproc) $(CUDA_PYTHON) -m pip install --quiet $(CUDA_PIP) $(DEFINE)NULLCLINE_CUDA=ON $(DEFINE)CMAKE_CUDA_ARCHITECTURES=native '.[test]'
	NULLCLINE_REQUIRE_GPU=1 $(CUDA_PYTHON) -m pytest tests/test_cuda.py tests/test_cells.py tests/test_from_torch.py
	compute-sanitizer --error-exitcode 1 $(OUR_KERNELS) --tool memcheck $(CUDA_PYTHON) -m benchmarks.short_gpu_search
	compute-sanitizer --error-exitcode 1 $(OUR_KERNELS) --tool racecheck $(CUDA_PYTHON) -m benchmarks.short_gpu_search
	$(CUDA_PYTHON) -m benchmarks.gpu

# The site, in site/: open site/index.html. Tutorials and gallery are run anew; warnings are errors.
docs: .venv-docs/docs.stamp
	rm -rf docs/generated
	MPLBACKEND=agg NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

# The environment of tests, for editors and containers.
environment: .venv-test/test.stamp

include packaging/release.mk

format: .venv-test/test.stamp
	.venv-test/bin/ruff check --fix .
	.venv-test/bin/ruff format .
	$(CPP) | xargs .venv-test/bin/clang-format -i

include packaging/wheels.mk

.venv/study.stamp: $(SOURCES)
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv/bin/$(PIP) '.[study]'
	touch $@

# What compiles the package and its tests, kept where it is: what did not change is not compiled again.
.venv-test/builders.stamp: pyproject.toml constraints.txt testing/requirements.py
	test -x .venv-test/bin/python || $(PYTHON) -m venv .venv-test
	.venv-test/bin/python testing/requirements.py > .venv-test/builders.txt
	.venv-test/bin/$(PIP) --requirement .venv-test/builders.txt cmake ninja
	touch $@

# What tests and checks import, beside the package. Python compiles of it what is imported.
.venv-test/packages.stamp: .venv-test/builders.stamp
	.venv-test/bin/python testing/requirements.py test lint > .venv-test/packages.txt
	.venv-test/bin/$(PIP) --no-compile --requirement .venv-test/packages.txt
	touch $@

.venv-test/wheel.stamp: .venv-test/builders.stamp $(SOURCES) $(CPP_TESTS)
	rm -rf build/tested-wheel
	PATH=$(CURDIR)/.venv-test/bin:$$PATH CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv-test/bin/pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir build/tested-wheel --config-settings=build-dir=$(TEST_BUILD) $(TEST_OPTIONS) .
	touch $@

.venv-test/test.stamp: .venv-test/packages.stamp .venv-test/wheel.stamp
	.venv-test/bin/$(PIP) --no-deps --force-reinstall build/tested-wheel/*.whl
	touch $@

.venv-docs/docs.stamp: $(SOURCES)
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv-docs/bin/$(PIP) '.[docs]'
	touch $@

clean:
	rm -rf .venv .venv-test .venv-cuda .venv-docs .venv-notebook .venv-package build dist docs/generated site reproduction .mypy_cache .pytest_cache .ruff_cache
