# Headgate's targets: `make` lists them. No root needed; uv is fetched into .headgate/tools if the machine has none.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV := $(or $(shell command -v uv),.headgate/tools/bin/uv)
RUN := $(UV) run --no-sync
STAMP := .venv/.synced
# Tests also wait for programs that they start: three at a time keep two cores busy.
TEST_PROCESSES ?= 3
PYTEST = $(RUN) pytest --numprocesses $(TEST_PROCESSES) --dist loadscope

.PHONY: help setup demo test test-all lint format docs audit bench up down clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) profiles.yml ## Install the locked environment into .venv

demo: setup ## Land twelve hours, type them, compute features behind gates, tell what came out
	@$(RUN) headgate demo

test: setup ## Run what is quick, on the embedded PostgreSQL (make test ARGS='-k landing')
	@$(PYTEST) --quick $(ARGS)

test-all: setup ## Run all tests, on the system's PostgreSQL too
	@$(PYTEST) --durations 20 $(ARGS)

lint: setup ## Check format, style, types, import directions, SQL and Mage pipelines
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) .ci/empty_models sqlfluff lint --disable-progress-bar models tests/gates
	$(RUN) python -m headgate.pipelines.validate mage_pipelines --strict

format: setup ## Rewrite Python and SQL in the project's format
	$(RUN) ruff check --fix-only .
	$(RUN) ruff format .
	$(RUN) .ci/empty_models sqlfluff fix --disable-progress-bar models tests/gates

docs: setup ## Build the dbt docs site into target/
	@$(RUN) .ci/empty_models dbt --quiet --no-partial-parse docs generate --static
	@echo "open target/static_index.html in a browser"

audit: setup ## Hold uv.lock against the databases of known vulnerabilities
	@$(RUN) python scripts/audit.py $(UV)

bench: setup ## Measure landing, typing and features (make bench ARGS='--size small --only landing')
	@$(RUN) python -m bench $(ARGS)

up: setup ## Start PostgreSQL and bring its schemas up to date
	@$(RUN) headgate up

down: setup ## Stop the embedded PostgreSQL; its data stays
	@$(RUN) headgate down $(ARGS)

clean: ## Remove caches and what dbt wrote; keeps the environment and the data in .headgate
	rm -rf target logs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(STAMP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --all-extras --compile-bytecode
	@touch $@

profiles.yml: | profiles.example.yml
	@cp profiles.example.yml $@

.headgate/tools/bin/uv:
	@echo "fetching uv into .headgate/tools"
	@python3 .ci/get_uv.py .headgate/tools
