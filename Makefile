# labelaudit: `make demo` shows the main job, `make test` runs every check. Both do all their own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

# Threads of OpenMP wait for each other in busy loops by default, and take the cores of other workers for that.
export OMP_WAIT_POLICY ?= passive

# Without bytecode every worker compiles and rewrites all tests anew, which takes longer than running them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check fast lint types contracts format services constraints clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# ---- set-up ---------------------------------------------------------------------------------------------------------

# Debian's python3 comes without ensurepip: python3-venv brings it.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "labelaudit needs Python 3.11 or newer; found $$($(PYTHON) --version). Call: make PYTHON=python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/apt-install python3-venv
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing labelaudit into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "Installing what the checks need ..."
	@$(PIP) --editable '.[test]'
	@touch $@

services: .venvs/label-studio/.installed .venvs/formats/.installed ## Install what the tests start: Postgres, browser, tools
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || tools/apt-install postgresql
	@command -v chromium >/dev/null || tools/apt-install chromium

# Annotation tools have environments of their own: what they pin clashes with what labelaudit needs.
.venvs/label-studio/.installed: tools/label-studio.txt
.venvs/formats/.installed: tools/formats.txt
.venvs/%/.installed: | $(BIN)/python
	@echo "Installing $* into .venvs/$* ..."
	@$(PYTHON) -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip --disable-pip-version-check --quiet install --requirement tools/$*.txt
	@touch $@

constraints: $(VENV)/.installed-test ## Write the installed versions to constraints.txt
	@$(BIN)/python tools/freeze.py > constraints.new && mv constraints.new constraints.txt

# ---- the two commands -----------------------------------------------------------------------------------------------

demo: $(VENV)/.installed ## Audit the sample tickets and say where to look next
	@$(BIN)/labelaudit audit sample_data/tickets.csv --group channel --out demo.audit --overwrite
	@$(BIN)/labelaudit report demo.audit
	@echo
	@echo "Where to look next:"
	@echo "  $(BIN)/labelaudit items demo.audit --queue suspects --limit 20     the most suspicious labels"
	@echo "  $(BIN)/labelaudit items demo.audit --queue ambiguous --limit 20    the items people would disagree on"
	@echo "  $(BIN)/labelaudit review demo.audit                                 decide on them in the browser"
	@echo "  $(BIN)/labelaudit --help                                           everything else"

test: $(VENV)/.installed-test services ## Run every check: lint, types, contracts, unit, property, parity, docs, servers
	@$(MAKE) --no-print-directory lint types contracts
	@$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

# ---- while you work -------------------------------------------------------------------------------------------------

check: $(VENV)/.installed-test ## The fast loop: lint, types, contracts and unit tests, about a minute
	@$(MAKE) --no-print-directory --jobs=4 lint types contracts fast

# As many workers as cores leave no core for further threads of BLAS; `make test` has them.
fast: export OMP_NUM_THREADS := 1
fast: $(VENV)/.installed-test
	@$(BIN)/python -m pytest --numprocesses auto --dist loadgroup -m 'not slow' -q

lint: $(VENV)/.installed-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	@$(BIN)/mypy

contracts: $(VENV)/.installed-test
	@$(BIN)/lint-imports

format: $(VENV)/.installed-test ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove everything that was built
	rm -rf $(VENV) demo.audit .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
