# What a release is beside its wheels: the public API, the notebook, a clean Debian, the container, the tag.

.PHONY: api notebook clean-debian image run-image push-image check-release github-release

# Names and signatures that others may call, anew: docs/stability.md says what is promised of them.
api: .venv-test/test.stamp
	.venv-test/bin/python -m testing.public_api

# The notebook, cell after cell, with what it says that it needs and nothing else.
notebook: .venv-notebook/notebook.stamp
	mkdir -p build/notebook
	.venv-notebook/bin/jupyter execute docs/notebooks/first_steps.ipynb --output=$(CURDIR)/build/notebook/first_steps.ipynb

# The wheel on a Debian with nothing but Python, whose Python is 3.11; needs root, which SUDO=sudo is.
SUDO  ?=
WHEEL ?= $(firstword $(wildcard dist/nullcline-*-cp311-cp311-*linux*_$(shell uname -m).whl))

clean-debian:
	@test -n '$(WHEEL)' || { echo 'clean-debian: no wheel for Python 3.11 in dist/: make one, or name it by WHEEL='; exit 1; }
	command -v debootstrap || $(SUDO) apt-get install --yes debootstrap
	$(SUDO) env SUITE=bookworm BIND='$(BIND)' $(if $(PIP_EXTRA_INDEX_URL),PIP_EXTRA_INDEX_URL='$(PIP_EXTRA_INDEX_URL)') packaging/clean_debian.sh $(WHEEL) build/clean-debian

# The container: VARIANT=cpu, or cu130 for GPUs.
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
VARIANT ?= cpu
IMAGE   ?= nullcline
TAGGED   = $(shell echo '$(IMAGE)' | tr '[:upper:]' '[:lower:]'):$(VERSION)-$(VARIANT)

image:
	docker build --build-arg VARIANT=$(VARIANT) $(if $(PIP_EXTRA_INDEX_URL),--build-arg PIP_EXTRA_INDEX_URL='$(PIP_EXTRA_INDEX_URL)') --tag $(TAGGED) .

run-image:
	mkdir -p build/study
	docker run --rm --user "$$(id -u):$$(id -g)" --volume $(CURDIR)/build/study:/study $(if $(filter cpu,$(VARIANT)),,--gpus all) $(TAGGED)

push-image:
	docker push $(TAGGED)

# A tag, TAG=v1.2.3, is a release if it is the version and CHANGELOG.md says what changed.
check-release:
	$(PYTHON) -m testing.releases check "$(TAG)"

github-release: check-release
	mkdir -p build
	$(PYTHON) -m testing.releases notes "$(TAG)" > build/notes.md
	gh release create "$(TAG)" dist/* --verify-tag --title "nullcline $(VERSION)" --notes-file build/notes.md

.venv-notebook/notebook.stamp: $(SOURCES)
	test -x .venv-notebook/bin/python || $(PYTHON) -m venv .venv-notebook
	CMAKE_BUILD_PARALLEL_LEVEL=$(JOBS) .venv-notebook/bin/$(PIP) '.[plot]' ipykernel nbclient
	touch $@
