# `make run` and `make test` need nothing but Python (3.11 or newer) and git: both make .venv first.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
EXAMPLE := fixtures/workflows/daily-etl/daily-etl.job.yml
PYTEST_ARGS ?= -n auto

.PHONY: run test test-services lint docs bench lock clean

run: .venv/.ready
	@echo '== jobc lint: what the compiler thinks of $(EXAMPLE)'
	$(BIN)/jobc lint $(EXAMPLE)
	@echo; echo '== jobc compile --dump: what it means'
	$(BIN)/jobc compile --dump $(EXAMPLE) | head -n 40
	@echo; echo '== jobc compile --graph svg: the picture'
	@mkdir -p build && $(BIN)/jobc compile --graph svg $(EXAMPLE) -o build/daily-etl.svg && echo 'written: build/daily-etl.svg'
	@echo; echo '== jobc run: and now for real'
	$(BIN)/jobc run $(EXAMPLE) -p day=2026-03-01

test: .venv/.ready
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m 'not services'

# What needs root, a network or a service: installs Graphviz, uses the real pre-commit.
# A service that is missing there is a failure, not a skip.
test-services: .venv/.ready
	.ci/services
	JOBC_REQUIRE_SERVICES=1 $(BIN)/python -m pytest -m services

lint: .venv/.ready
	$(BIN)/python -m pip check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.ready
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

bench: .venv/.ready
	$(BIN)/python -m tests.benchmarks

# Writes what the development environment has now; run it after changing a dependency.
lock: .venv/.ready
	$(BIN)/pip freeze --exclude-editable --exclude pip | LC_ALL=C sort -f > requirements-dev.lock

.venv/.ready: pyproject.toml requirements-dev.lock
	@test -n '$(PYTHON)' || { echo 'jobc needs Python 3.11 or newer on PATH (or: make PYTHON=/path/to/python3.12 …)'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
