# `make` lists the targets. Every target sets up what it needs; Python 3.10 or newer and git are enough.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-quick test-airflow test-floors test-clocks test-spark test-fab examples how-to e2e campaign misbehaviour mutations docs fuzz screenshots lint format lock bench bench-full build clean
MAKEFLAGS += --no-print-directory
# Without bytecode, each of the hundreds of Airflow processes that tests start would compile the package.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed
# The command line for pytest, as in `make test ARGS="-k jdb"`.
ARGS ?=
# Tests that run at a time. Those with an Airflow of their own still take turns.
WORKERS ?= 2
# How long `make fuzz` runs.
SECONDS ?= 600
# How many hours `make e2e` loads; `make test` loads three.
HOURS ?= 168

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(SETUP) ## Create .venv with the locked packages and this one, editable

demo: $(SETUP) ## Run a real Airflow against four simulated vendors, in two minutes
	$(BIN)/python demo/run.py

up: $(SETUP) ## Start Airflow and the simulated vendors, and keep them running
	$(BIN)/python demo/up.py

test: $(SETUP) ## Run all tests; ARGS goes to pytest
	@.ci/debian-packages
	$(BIN)/python -m pytest -n $(WORKERS) --no-loadscope-reorder --durations=20 $(ARGS)

test-quick: $(SETUP) ## Run the tests that take no more than a few seconds and need no server
	$(BIN)/python -m pytest -n $(WORKERS) --no-loadscope-reorder --durations=10 \
	  --hypothesis-profile=quick -m "not scheduler and not slow and not s3 and not redis and not browser" $(ARGS)

test-airflow: $(SETUP) ## Run the tests that use Airflow on another version: VERSION=3.1.8 PYTHON_VERSION=3.12
	.ci/test-airflow $(VERSION) $(or $(PYTHON_VERSION),3.11) $(ARGS)

test-fab: $(SETUP) ## Run the tests of the coverage page under the FAB auth manager
	.ci/test-fab $(ARGS)

test-floors: $(SETUP) ## Run the tests of engine and hooks on the oldest versions allowed
	.ci/test-floors $(ARGS)

test-clocks: $(SETUP) ## Run the tests that time matters to at a dozen awkward moments
	.ci/test-clocks $(ARGS)

test-spark: $(SETUP) ## Run the lake's readers with Spark too; needs Java 17 or newer
	$(BIN)/python -m pip install --quiet "pyspark>=4"
	$(BIN)/python -m pytest tests/lake/test_readers.py $(ARGS)

examples: $(SETUP) ## Install the example packages as wheels and run each on a real Airflow
	.ci/examples

how-to: build ## Run the commands of the how-to pages against the wheel
	$(PYTHON) .ci/how_to.py dist

e2e: $(SETUP) ## Load a week with Celery, PostgreSQL and Redis, and kill a worker: HOURS=168
	@.ci/debian-packages
	BETPROVIDERS_E2E_HOURS=$(HOURS) $(BIN)/python -m pytest tests/e2e -s $(ARGS)

campaign: $(SETUP) ## Run two hundred scenarios of faults, and write the report
	$(BIN)/python -m tests.campaign --scenarios 200 --report benchmarks/CAMPAIGN.md

misbehaviour: $(SETUP) ## Run random misbehaving vendors in one process: ARGS="--first 1 --seeds 2000"
	$(BIN)/python -m tests.misbehaviour $(or $(ARGS),--seeds 2000)

mutations: $(SETUP) ## Break a copy of the code in each known way, and see that tests fail
	$(BIN)/python -m tests.mutations $(ARGS)

fuzz: $(SETUP) ## Fuzz the decoder: SECONDS=600; with atheris where it can be installed
	-$(BIN)/uv pip install --quiet --python $(BIN)/python --group fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

docs: $(SETUP) ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

screenshots: $(SETUP) ## Take the documentation's pictures of the coverage page again
	@.ci/debian-packages
	$(BIN)/python -m tests.plugin.screenshots

lint: $(SETUP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(SETUP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(SETUP) ## Update requirements.lock to the newest allowed versions
	$(BIN)/uv pip compile pyproject.toml --group dev \
	  --extra s3 --extra delta --extra redis --extra openlineage \
	  --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate \
	  --custom-compile-command "make lock" --quiet --output-file requirements.lock

bench: $(SETUP) ## Measure speed and memory, in under ten minutes
	$(BIN)/python benchmarks/run.py

# The peers need other versions than the lock's, so they get an environment of their own.
bench-full: $(SETUP) ## Measure everything, including dlt and the Airbyte CDK
	test -x .bench/peers/bin/python || $(PYTHON) -m venv .bench/peers
	.bench/peers/bin/python -m pip install --quiet "dlt[filesystem,parquet]" airbyte-cdk
	$(BIN)/python benchmarks/run.py --full

build: $(SETUP) ## Build the wheel and the sdist into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

clean: ## Remove everything that make created, .venv included
	rm -rf .venv .floors .airflow .airflow-* .bench demo-output build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv installs in seconds; where it is not available or cannot reach the index, pip does the same in minutes.
# Bytecode is compiled, as pip does, so that every Airflow process starts in half the time.
# The package is installed without build isolation: its build tools are in the lock.
$(SETUP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || { \
	  echo "This needs Python 3.10 to 3.14, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Choose another one: make PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot create virtual environments. On Debian or Ubuntu: apt-get install python3-venv"; \
	  exit 1; } >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv ..."
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv || \
	  echo "uv is not available; using pip (takes a few minutes)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock 2>.venv/uv.log || { \
	  cat .venv/uv.log 2>/dev/null; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
