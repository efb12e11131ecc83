# Everything lives in .venv/ of this checkout; nothing is written to your home folder. `make` lists the targets.
# ARGS="…" is passed through, e.g.  make demo ARGS=--once   make test ARGS="-k spool"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long check format lint types floorplan bench scan requirements migrations samples lock peers clean
ARGS ?=

BIN := .venv/bin
LOCKED := pyproject.toml uv.lock bootstrap.txt
RUN_READY := .venv/ready-to-run
DEV_READY := .venv/ready-to-test
# A machine behind a proxy of its own trusts what its system trusts.
export UV_SYSTEM_CERTS ?= 1
export UV_CACHE_DIR ?= $(CURDIR)/.venv/cache
export PIP_CACHE_DIR ?= $(CURDIR)/.venv/cache/pip

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(RUN_READY)  ## only the environment to run it: .venv/bin/frisket

demo: $(RUN_READY)  ## a house with a virtual printer: one document from Print to its certificate of destruction
	@tests/peers/install.sh --optional bubblewrap
	@$(BIN)/frisket demo $(ARGS)

test: $(DEV_READY) peers  ## the whole suite, on SQLite and on PostgreSQL, against real programs
	@tests/peers/run.sh $(ARGS)

test-long: $(DEV_READY) peers  ## the long forms: a thousand kills, power cuts, fuzzing
	@$(BIN)/python -m pytest -m long --timeout 7200 $(ARGS)

check: $(DEV_READY)  ## what CI runs: format, lint, types, floor plan, then test
	@$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory lint types floorplan
	@$(MAKE) --no-print-directory test

format: $(DEV_READY)  ## put every file into the one format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lint: $(DEV_READY)  ## ruff
	@$(BIN)/ruff check .

types: $(DEV_READY)  ## mypy, strict
	@$(BIN)/mypy

floorplan: $(DEV_READY)  ## which room may import which, and the house rules a machine can check
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/floorplan

bench: $(DEV_READY) peers  ## the comparisons with CUPS and with the machine's own limits
	@$(BIN)/python -m bench $(ARGS)

scan: $(DEV_READY)  ## before a release: build the packages and show them to a virus scanner
	@$(BIN)/python -m tests.house.scanning

requirements: $(DEV_READY)  ## write docs/requirements.md from the tests' markers
	@$(BIN)/python -m tests.house.requirements

migrations: $(DEV_READY)  ## write migrations for tables that changed
	@$(BIN)/python -m tests.framework

samples: $(DEV_READY)  ## make the sample documents again
	@$(BIN)/python -m tests.samples.make

lock: $(DEV_READY)  ## bring uv.lock up to date with pyproject.toml
	@$(BIN)/uv lock $(ARGS)

peers: $(DEV_READY)  ## install the real programs that tests talk to (apt, when root)
	@tests/peers/install.sh

clean:  ## remove the environment and everything made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The project's own package is built with the pinned builder from bootstrap.txt, not with one fetched for the
# moment; --inexact keeps that builder and uv itself in the environment.
SYNC := $(BIN)/uv sync --quiet --frozen --inexact --no-build-isolation-package frisket --python $(BIN)/python

$(RUN_READY): $(LOCKED)
	@tests/house/environment.sh
	@$(SYNC) --no-dev
	@touch $@

$(DEV_READY): $(LOCKED)
	@tests/house/environment.sh
	@$(SYNC)
	@touch $@ $(RUN_READY)
