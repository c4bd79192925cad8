# Everything needs only Python 3.11 or newer and make; the environment goes into .venv.

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
EXAMPLE := --site fixtures/example/site.yaml --fail-on never

.DEFAULT_GOAL := help
.PHONY: help check test lint bench golden conformance dist clean

help: ## Show what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/run: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Portproof needs Python 3.11 or newer; install it, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "Setting up $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/test: $(VENV)/run
	@echo "Adding the tools of the tests to $(VENV) ..." >&2
	@$(PIP) --editable '.[test]'
	@touch $@

check: $(VENV)/run ## Check the example; EXPORTS="a.txt b.rules" checks your own files
ifeq ($(strip $(EXPORTS)),)
	@$(BIN)/portproof check $(EXAMPLE)
else
	@$(BIN)/portproof check $(EXPORTS)
endif

test: $(VENV)/test lint ## Run every test, ruff, mypy --strict and the import contracts
	@$(BIN)/python -m pytest --numprocesses auto --quiet

lint: $(VENV)/test ## Run ruff, mypy --strict and the import contracts alone
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

golden: $(VENV)/test ## Write the golden files anew; read the difference before you commit it
	@PORTPROOF_UPDATE=1 $(BIN)/python -m pytest --numprocesses auto --quiet

bench: $(VENV)/test ## Time cold starts, the corpus and generated rulesets
	@$(BIN)/python -m bench

conformance: $(VENV)/test ## Ask this machine's kernel (root): RULESETS=400 PROBES=500 CONNECTIONS=40 SEED=1 CORPUS=dir
	@$(BIN)/python -m tests.conformance $(if $(RULESETS),--rulesets $(RULESETS)) $(if $(PROBES),--probes $(PROBES)) \
		$(if $(CONNECTIONS),--connections $(CONNECTIONS)) $(if $(SEED),--seed $(SEED)) $(if $(CORPUS),--corpus $(CORPUS))

dist: $(VENV)/test ## Build the source distribution and the wheel into dist/
	@$(BIN)/python -m build

clean: ## Remove the environment and what was built
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
