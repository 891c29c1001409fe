# `make reproduce` draws the study's figures; `make test` runs all checks. Each sets itself up.

PYTHON ?= python3
JOBS   ?= 2

# One environment a purpose, made anew when what it is made of changes.
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(shell find cpp python -name '*.[ch]pp' -o -name '*.py' -o -name '*.pyi' -o -name '*.html')
PIP      = pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: reproduce test lint types tests bench docs format clean

reproduce: .venv/study.stamp
	.venv/bin/nullcline reproduce --resume --out reproduction

test: lint types tests

lint: .venv-test/test.stamp
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	find cpp -name '*.[ch]pp' | xargs .venv-test/bin/clang-format --dry-run --Werror

types: .venv-test/test.stamp
	.venv-test/bin/mypy

tests: .venv-test/test.stamp
	.venv-test/bin/python -m pytest

bench: .venv-test/test.stamp
	.venv-test/bin/$(PIP) '.[bench]'
	mkdir -p build/bench
	.venv-test/bin/python -m pytest benchmarks --benchmark-enable --benchmark-json=build/bench/searches.json
	PYTHONPATH=tests:benchmarks .venv-test/bin/python benchmarks/scaling.py build/bench/scaling.json
	PYTHONPATH=tests:benchmarks .venv-test/bin/python benchmarks/report.py build/bench/searches.json build/bench/scaling.json

docs: .venv-test/test.stamp
	.venv-test/bin/$(PIP) '.[docs]'
	.venv-test/bin/mkdocs build --strict

format: .venv-test/test.stamp
	.venv-test/bin/ruff check --fix .
	.venv-test/bin/ruff format .
	find cpp -name '*.[ch]pp' | xargs .venv-test/bin/clang-format -i

.venv/study.stamp: $(SOURCES)
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv/bin/$(PIP) '.[study]'
	touch $@

.venv-test/test.stamp: $(SOURCES)
	test -x .venv-test/bin/python || $(PYTHON) -m venv .venv-test
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv-test/bin/$(PIP) --config-settings=cmake.define.NULLCLINE_WERROR=ON '.[test,lint]'
	touch $@

clean:
	rm -rf .venv .venv-test build dist site reproduction .mypy_cache .pytest_cache .ruff_cache
