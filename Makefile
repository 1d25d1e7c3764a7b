# `make` alone tells what there is. Every target sets up what it needs; python3 (3.10 or newer) is all it takes.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-quick test-airflow e2e campaign docs lint format lock bench bench-full build clean
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed
# The command line for pytest, as in `make test ARGS="-k jdb"`.
ARGS ?=
# How many hours `make e2e` loads; `make test` loads three.
HOURS ?= 168

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(SETUP) ## Create .venv with the locked packages and this one, editable

demo: $(SETUP) ## Run the whole story: four vendors, a real Airflow, bets in a lake
	$(BIN)/python demo/run.py

up: $(SETUP) ## Start Airflow with the vendors' simulator, and keep it up
	$(BIN)/python demo/up.py

test: $(SETUP) ## Run all tests; ARGS goes to pytest
	@.ci/debian-packages
	$(BIN)/python -m pytest $(ARGS)

test-quick: $(SETUP) ## Run the tests that need no Airflow and no server
	$(BIN)/python -m pytest -m "not scheduler and not slow and not s3 and not redis and not browser" $(ARGS)

test-airflow: $(SETUP) ## Run the tests that face Airflow on another one: VERSION=3.1.8 PYTHON_VERSION=3.12
	.ci/test-airflow $(VERSION) $(or $(PYTHON_VERSION),3.11) $(ARGS)

e2e: $(SETUP) ## Load a week with Celery, PostgreSQL and Redis, and kill a worker: HOURS=168
	@.ci/debian-packages
	BETPROVIDERS_E2E_HOURS=$(HOURS) $(BIN)/python -m pytest tests/e2e -s $(ARGS)

campaign: $(SETUP) ## Play two hundred scenarios of what goes wrong, and write the tally
	$(BIN)/python -m tests.campaign --scenarios 200 --report benchmarks/CAMPAIGN.md

docs: $(SETUP) ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

lint: $(SETUP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(SETUP) ## Put the code into style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(SETUP) ## Choose the newest allowed versions anew for requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev \
	  --extra s3 --extra delta --extra redis --extra openlineage \
	  --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate \
	  --custom-compile-command "make lock" --quiet --output-file requirements.lock

bench: $(SETUP) ## Measure speed and memory, in under ten minutes
	$(BIN)/python benchmarks/run.py

# The peers need other versions of what the lock holds, so they get an environment of their own.
bench-full: $(SETUP) ## Measure everything, dlt and the Airbyte CDK included
	test -x .bench/peers/bin/python || $(PYTHON) -m venv .bench/peers
	.bench/peers/bin/python -m pip install --quiet "dlt[filesystem,parquet]" airbyte-cdk
	$(BIN)/python benchmarks/run.py --full

build: $(SETUP) ## Build the wheel and the sdist into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

clean: ## Remove all that make has made, .venv too
	rm -rf .venv .airflow .bench demo-output build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in seconds what takes pip minutes; where uv cannot be had or cannot reach the index, pip does the same.
# Bytecode is compiled as pip does it: every Airflow process starts in half the time, even where none may be written later.
# The package itself goes in without build isolation: its build tools are in the lock.
$(SETUP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || { \
	  echo "This needs Python 3.10 to 3.14, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; \
	  exit 1; } >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv ..."
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv || \
	  echo "uv is not to be had; pip will do, in a few minutes"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock 2>.venv/uv.log || { \
	  cat .venv/uv.log 2>/dev/null; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
