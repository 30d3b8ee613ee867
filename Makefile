# kedge-tui. Two commands set everything up on a machine with Python 3.11+ and make:
#   make demo    install, start the practice site with a fault in it, open the TUI on it
#   make test    install, run every tier of tests that this machine can run
# Another interpreter: make test PYTHON=python3.12

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# python3 where it is new enough, else the newest that has a name of its own.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && exit; done; echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# xdist workers; 0 runs in one process (for a debugger).
WORKERS ?= auto
# Anything for pytest: make test ARGS="-k nat -x"
ARGS ?=

.PHONY: help demo test lint format bench lock wheel clean

help:
	@echo "make demo    start the practice site with a fault in it and open the TUI on it"
	@echo "make test    run every tier of tests that this machine can run"
	@echo "make lint    ruff, mypy, import contracts"
	@echo "make bench   measure"
	@echo "make lock    resolve the lock files anew"
	@echo "make wheel   build dist/*.whl"
	@echo "make clean   remove what the above made"

demo: $(VENV)/.run
	@$(BIN)/kedge-tui demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev
	@for file in bench/*.py; do [ -e "$$file" ] || { echo "bench/ holds no benchmark yet"; break; }; echo "== $$file"; $(BIN)/python "$$file"; done

wheel: $(VENV)/.dev
	@$(BIN)/python -m build --wheel --no-isolation

# --------------------------------------------------------------------------------------------- set-up
# Stamp files: a second run checks three timestamps and goes straight to work.

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "kedge-tui needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1 | head -1). Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing kedge-tui and the practice site into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing what tests and linters need into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Hashes but no address of any package index: the lock works behind a mirror and in an air-gapped plant.
# Both locks hold for Linux and macOS and every Python from 3.11 on.
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make lock" $(UPGRADE)

# Keeps what is locked where the bounds allow; make lock UPGRADE=--upgrade takes the newest.
UPGRADE ?=

lock: $(VENV)/bin/python
	@$(PIP) install "uv>=0.9,<1"
	@$(UV_COMPILE) pyproject.toml --extra lab --group pyproject.toml:build --output-file requirements.lock
	@$(UV_COMPILE) pyproject.toml --extra lab --extra dev --group pyproject.toml:build --constraint requirements.lock \
		--output-file requirements-dev.lock

clean:
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis snapshot_report.html
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
