# Every target sets up what it needs: Python 3.11+ and make are enough to start.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage check bench rollout-proof real mutants picture image dist lock clean

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
UV := $(BIN)/uv
READY := .venv/.ready
MEMBERS := library operator deploy/local
ARGS ?=
IMAGE ?= apphealth:latest
# What the image installs, in the versions of requirements.lock.
LOCKED = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements.lock
# Where it is set, every program that a test starts would compile all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "AppHealth needs Python 3.11 or later; say which with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv 2>/dev/null || { rm -rf .venv; [ "$$(id -u)" = 0 ] && apt-get install -qq -y python3-venv >/dev/null && $(PYTHON) -m venv .venv; } \
		|| { echo "could not make .venv: install your system's python3-venv package"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

$(READY): requirements.lock $(MEMBERS:%=%/pyproject.toml) | .venv/bin/uv
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

demo: $(READY) ## Show the main job on a real Kubernetes on this machine (ARGS=--keep to keep the cluster)
	@$(BIN)/python -m deploy.demo $(ARGS)

test: $(READY) ## Run every test: units, a real API server, a real node (root and Linux)
	@$(BIN)/pytest -n 4 $(ARGS)

test-fast: $(READY) ## Run the tests that need no cluster
	@$(BIN)/pytest -n auto tests/library tests/operator $(ARGS)

coverage: $(READY) ## Report which lines the tests without a cluster run (htmlcov/ has the pages)
	@$(BIN)/pytest tests/library tests/operator --cov --cov-report=term --cov-report=html $(ARGS)

check: $(READY) ## Lint, format, types, layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY) ## Measure the numbers of docs/benchmarks.md
	@$(BIN)/python -m tests.bench $(ARGS)

rollout-proof: $(READY) ## Change a thousand workloads in waves while the operator is killed, and count from the audit log (root for all of it)
	@$(BIN)/python -m tests.rollout $(ARGS)

real: $(READY) ## Deploy third-party programs without probes on a real node, and check what is derived (root; ARGS=--write for the docs)
	@$(BIN)/python -m tests.real $(ARGS)

mutants: $(READY) ## Change the code of plan/ and model/ in small ways, and see whether a fast test fails (ARGS=apphealth.model.probe)
	@$(BIN)/python -m tests.mutants $(ARGS)

picture: $(READY) ## Draw docs/demo.svg, the picture of the README, from a run of the demonstration (root and Linux)
	@$(BIN)/python -m deploy.demo | tee /dev/stderr | $(BIN)/python -m deploy.picture

image: ## Build the operator's image (IMAGE=name:tag, BUILDER=docker, podman or buildah)
	@$(or $(BUILDER),$(firstword $(foreach tool,docker podman buildah,$(shell command -v $(tool)))),docker) build \
		--build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) -t $(IMAGE) .

dist: $(READY) ## Build what is published into dist/: wheels, sdists, chart, kubectl plugin, checksums (DIST_URL=where it will be)
	@$(BIN)/python -m deploy.dist

lock: | .venv/bin/uv ## Resolve requirements.lock anew (UPGRADE=1 to take newer versions)
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--no-emit-package apphealth --no-emit-package flask-management-endpoints --no-emit-package localcluster \
		$(if $(UPGRADE),--upgrade) --group dev -o requirements.lock
	@$(LOCKED) operator/pyproject.toml -o deploy/docker/operator.lock
	@echo hatchling | $(LOCKED) - -o deploy/docker/build.lock

clean: ## Remove what the other targets made in this tree
	@rm -rf .venv dist htmlcov .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
