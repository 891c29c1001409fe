# Wheels and the source as they are published, and what is checked of them: docs/wheels.md.

PYTHON_OLDEST ?= python3.10
PACKAGE        = PATH=$(CURDIR)/.venv-package/bin:$$PATH .venv-package/bin/python

.PHONY: wheel wheels sdist sbom check-wheel test-wheel test-oldest test-newest test-sdist ctest-arm64 test-arm64

# The time that files in them have: of the last commit, so that a wheel built again is the same.
wheel wheels sdist check-wheel test-sdist: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)

# For this machine and for PYTHON alone, by CXX if it is set.
wheel: .venv-package/package.stamp
	rm -rf build/wheel
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) $(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PACKAGE) -m testing.wheels repair build/wheel dist

# For every Python, on the machine of a platform; on Linux in containers.
wheels: .venv-package/package.stamp
	$(PACKAGE) -m cibuildwheel --output-dir dist

sdist: .venv-package/package.stamp
	rm -f dist/*.tar.gz
	$(PACKAGE) -m build --sdist --outdir dist

# Of an environment that a wheel was installed into; of what it is made itself, a wheel says in it.
sbom: test-wheel
	$(PACKAGE) -m cyclonedx_py environment --output-reproducible --pyproject pyproject.toml --output-format JSON --output-file dist/nullcline.cdx.json build/test-wheel/bin/python

check-wheel: wheel sdist
	$(PACKAGE) -m twine check --strict dist/*.whl dist/*.tar.gz
	$(PACKAGE) -m testing.wheels check dist --python $(PYTHON)

# The tests that need no framework, of a wheel in an environment where nothing can be compiled.
TEST_WHEEL = packaging/test_wheel.sh

test-wheel: wheel
	$(TEST_WHEEL) $(PYTHON) dist build/test-wheel

test-oldest:
	$(MAKE) wheel PYTHON=$(PYTHON_OLDEST)
	$(TEST_WHEEL) $(PYTHON_OLDEST) dist build/test-oldest constraints-oldest.txt

# As published: the newest versions of all, before their release too.
test-newest: wheel
	PIP_PRE=1 $(TEST_WHEEL) $(PYTHON) dist build/test-newest

test-sdist: sdist
	rm -rf build/sdist
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) $(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir build/sdist dist/*.tar.gz
	$(TEST_WHEEL) $(PYTHON) build/sdist build/test-sdist

# The core's own tests on ARM64, compiled here and run by an emulator of that processor; Debian has both:
# g++-aarch64-linux-gnu, qemu-user-static.
ARM64_TESTS = build/ctest-arm64/cpp/tests/nullcline_tests

ctest-arm64: .venv-test/packages.stamp
	.venv-test/bin/cmake -S . -B build/ctest-arm64 -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/.venv-test/bin/ninja -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64-linux-gnu.cmake -DNULLCLINE_WERROR=ON -DNULLCLINE_PYTHON=OFF -DNULLCLINE_TESTS=ON
	.venv-test/bin/cmake --build build/ctest-arm64 --parallel $(JOBS) --target nullcline_tests
	qemu-aarch64-static -L /usr/aarch64-linux-gnu $(ARM64_TESTS)

# A wheel for ARM64, compiled here, and its tests in an emulated Debian of that kind. Root, or SUDO=sudo; BIND as
# for clean-debian.
test-arm64:
	$(SUDO) env BIND='$(BIND)' packaging/test_arm64.sh build/test-arm64

.venv-package/package.stamp: pyproject.toml
	test -x .venv-package/bin/python || $(PYTHON) -m venv .venv-package
	$(PACKAGE) -m pip install --quiet --upgrade pip
	$(PACKAGE) -m pip install --quiet --group package
	touch $@
