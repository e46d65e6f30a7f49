# Every target stands alone: on a fresh Debian machine with Python >= 3.11 it makes what it needs; a second run reuses it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_TOOLS := $(VENV)/.test-tools

.PHONY: install demo test check bench soak format docs

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/guidang demo --keep

test: $(TEST_TOOLS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)
	$(BIN)/python -m ops.reference
	$(BIN)/python -m ops.observe.document > docs/metrics.md
	$(BIN)/python -m dashboards.render
	$(BIN)/python -m ops.alertmanager.render --write
	$(BIN)/python -m ops.asyncapi

bench: $(STAMP)
	$(BIN)/python -m tests.runtime.bench_engine --workers 1
	$(BIN)/python -m tests.runtime.bench_engine --workers 2

soak: $(TEST_TOOLS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.nemesis.run $(SOAK)

$(STAMP): pyproject.toml ops/install.sh
	PYTHON=$(PYTHON) VENV=$(VENV) sh ops/install.sh
	touch $@

$(TEST_TOOLS): $(STAMP) ops/install_test_tools.sh
	VENV=$(VENV) sh ops/install_test_tools.sh
	touch $@
