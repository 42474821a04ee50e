# `make help` lists what there is. Two commands from nothing: `make demo`, `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements.lock

.PHONY: help setup demo dev test verify bench lint format lock schema clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

setup: $(STAMP)  ## Make .venv from the lock; does nothing when it is up to date

$(STAMP): $(LOCK) pyproject.toml setup.py
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; none was found"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.uv.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r $(LOCK)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "from neuro_assets.resources.dbt import ensure_manifest; ensure_manifest()"
	@$(BIN)/python -m neuro_assets.cli.dotenv
	@touch $(STAMP)

demo: setup  ## Simulate a study, run everything, say what was found
	@$(BIN)/neuro demo

dev: setup  ## Dagster's web interface, sensors and schedules on http://127.0.0.1:3000
	@$(BIN)/neuro dev

test: setup  ## The tests (under 6 minutes)
	@$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not verify"

verify: setup  ## The long proofs
	@$(BIN)/python -m pytest -q -m verify

bench: setup  ## Benchmarks against comparators of the same run; writes docs/benchmarks.md (ONLY="heart_rate queries": prints some)
	@$(BIN)/python -m neuro_assets_tests.benchmarks $(ONLY)

lint: setup  ## Style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

format: setup  ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: setup  ## Resolve the dependencies anew
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --upgrade -o $(LOCK)
	@grep -A200 '^uv==' $(LOCK) | awk 'NR==1||/^ /{print;next}{exit}' > requirements.uv.lock

schema: setup  ## Write the JSON Schemas for editors
	@$(BIN)/python -m neuro_assets.cli.schema

clean:  ## Remove caches and build leftovers; never a study's home
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs
