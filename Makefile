# Each target sets up what it needs by itself. `make` alone tells what there is.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PORT ?= 3000
export DAGSTER_HOME := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all mutants soak bench bench-quick ui reference lint clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## a virtual environment in .venv with all that is needed

$(STAMP): pyproject.toml constraints.txt
	@scripts/virtual_environment $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo,dev,bench]"
	@touch $@

demo: install  ## imports 336,776 real flights, settles them, and tells what happened; again: goes on
	@$(PYTHON) demo/run.py

test: install  ## all quick tests, on SQLite and on a PostgreSQL of their own
	$(PYTHON) -m pytest -m "not slow and not soak" -n 2 --dist loadfile

test-all: install  ## the slow rest of what must hold at each landing
	$(PYTHON) -m pytest -m "slow and not soak" -n 2 --dist loadfile

mutants: install  ## each option is switched off, each promise broken: does a test notice?
	$(PYTHON) scripts/mutants.py

soak: install  ## the same promises at full size, for an hour of patience
	$(PYTHON) -m pytest -m soak

bench: install  ## how fast it is beside the fastest way by hand, 1M rows; writes the pages docs/benchmarks*.md
	$(PYTHON) -m benchmarks --write

bench-quick: install  ## the same with 100k rows, only shown
	$(PYTHON) -m benchmarks --rows 100000

ui: install  ## the Dagster UI on this project, at http://localhost:3000 (PORT=… for another)
	$(VENV)/bin/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

reference: install  ## writes what is made of the code: tables in docs/operations.md, the schema for editors
	$(PYTHON) -m scripts.reference

lint: install  ## style, types, and the layers of the house
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

clean:  ## removes .venv, caches, the demo's database and what Dagster wrote here
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	rm -rf .telemetry .logs_queue .nux history logs schedules storage storage.db tmp*
	rm -f batch_ops.db batch_ops.db-*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
