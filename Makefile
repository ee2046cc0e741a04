# Everything happens in .venv, with the versions of constraints.txt. `make help` lists the targets.

VENV := .venv
PIP := $(VENV)/bin/python -m pip
INSTALL := $(PIP) install -q --disable-pip-version-check -c constraints.txt
# What the build reads: the installed package is made anew when any of it changes.
SOURCES := pyproject.toml CMakeLists.txt $(shell find core src -name '*.[ch]pp' -o -name '*.py' -o -name '*.pyi')

# PLICA_NATIVE=OFF builds for any machine, PLICA_WERROR=ON stops at compiler warnings.
PLICA_NATIVE ?= ON
PLICA_WERROR ?= OFF
# Where pip may find a CPU build of torch: TORCH_INDEX=https://download.pytorch.org/whl/cpu spares
# a Linux machine the CUDA libraries that the default index brings along.
TORCH_INDEX ?=
# Arguments handed on, as in: make test ARGS="-k chain"
ARGS ?=

DEMO_MODEL ?= examples/models/demo.onnx
DEMO_PICTURE ?= out/demo.png
DEMO_REPORT_ARGS ?=
DEMO_DRAW_ARGS ?=

.NOTPARALLEL: # one pip at a time in one environment
.PHONY: help venv demo test lint docs sanitize bench wheel clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

venv: $(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.plica ## the whole environment, for editors and such

demo: $(VENV)/.demo $(VENV)/.plica ## report on the shipped network, and draw it
	@mkdir -p $(dir $(DEMO_PICTURE))
	$(VENV)/bin/plica report $(DEMO_MODEL) $(DEMO_REPORT_ARGS)
	$(VENV)/bin/plica draw $(DEMO_MODEL) $(DEMO_DRAW_ARGS) -o $(DEMO_PICTURE)

test: $(VENV)/.test $(VENV)/.plica ## all tests, on the installed package
	OMP_NUM_THREADS=1 $(VENV)/bin/pytest -n auto $(ARGS)

lint: $(VENV)/.lint $(VENV)/.test $(VENV)/.project ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/.docs $(VENV)/.plica ## the documentation, into docs/_build/html
	$(VENV)/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html

sanitize: $(VENV)/.build ## the core under AddressSanitizer and UBSan, over the degenerate networks
	. $(VENV)/zig/env && $(VENV)/bin/cmake -G Ninja -S . -B build/sanitize -DPLICA_SANITIZE=ON \
		-DPLICA_NATIVE=$(PLICA_NATIVE) -DCMAKE_MAKE_PROGRAM=$(abspath $(VENV)/bin/ninja)
	$(VENV)/bin/cmake --build build/sanitize
	build/sanitize/plica_core_tests

bench: $(VENV)/.test $(VENV)/.plica ## the plane engine against its slow twin
	$(VENV)/bin/python benchmarks/plane.py $(ARGS)

wheel: $(VENV)/.build ## a wheel for any machine of this kind, into dist
	. $(VENV)/zig/env && $(PIP) wheel --no-deps --no-build-isolation -w dist . \
		--config-settings=cmake.define.PLICA_NATIVE=OFF

clean: ## remove all that make made
	rm -rf $(VENV) build dist out docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment, in layers. Each stamp is renewed when what it was made from changes.

REQUIREMENTS := pyproject.toml constraints.txt tools/requirements.py | $(VENV)/bin/python
install = $(INSTALL) $$($(VENV)/bin/python tools/requirements.py $(1))

$(VENV)/bin/python:
	@python=$$(tools/find_python.sh) && echo "$(VENV): made with $$python" && "$$python" -m venv $(VENV)

$(VENV)/.build: tools/compiler.sh $(REQUIREMENTS)
	@echo "$(VENV): what the build needs"
	@$(call install,build)
	@tools/compiler.sh $(VENV) constraints.txt
	@touch $@

$(VENV)/.project: $(REQUIREMENTS)
	@echo "$(VENV): what plica needs"
	@$(call install,project)
	@touch $@

$(VENV)/.test: $(REQUIREMENTS)
	@echo "$(VENV): what the tests need"
	@$(INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		torch==$$(sed -n 's/^torch==//p' constraints.txt)
	@$(call install,test)
	@touch $@

$(VENV)/.demo $(VENV)/.lint $(VENV)/.docs: $(VENV)/.%: $(REQUIREMENTS)
	@echo "$(VENV): what $* needs"
	@$(call install,$*)
	@touch $@

$(VENV)/.plica: $(VENV)/.build $(VENV)/.project $(SOURCES)
	@echo "$(VENV): plica itself"
	@. $(VENV)/zig/env && $(INSTALL) --no-deps --no-build-isolation . \
		--config-settings=build-dir=build/native \
		--config-settings=cmake.define.PLICA_NATIVE=$(PLICA_NATIVE) \
		--config-settings=cmake.define.PLICA_WERROR=$(PLICA_WERROR)
	@touch $@
