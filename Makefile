# Every target stands alone: on a fresh Debian machine with Python >= 3.11 it makes what it needs; a second run reuses it.
# the distribution's own, if it will do: it is built with optimization, which many others in PATH are not (docs/operations.md)
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TEST_TOOLS := $(VENV)/.test-tools
PEERS := .venv-peers
BENCH ?= --cases 2100000 --limit 300 --json build/bench.json --chart build/bench.svg

.PHONY: install demo test check bench peers soak format docs

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

bench: $(STAMP) $(PEERS)/.asked
	$(BIN)/guidang bench --peers-python $(PEERS)/bin/python $(BENCH)

# every contender once, small: whether all of them still come to the same verdicts
peers: $(STAMP) $(PEERS)/.asked
	$(BIN)/guidang bench --peers-python $(PEERS)/bin/python --cases 5000 --product-cases 500 --rounds 1 --limit 60
	$(BIN)/guidang bench --latency 200 --cases 2000 --rounds 1 --seconds 5 --limit 60
	$(BIN)/guidang bench --recovery --cases 2000 --rounds 1 --seconds 5 --limit 60

soak: $(TEST_TOOLS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.nemesis.run $(SOAK)

$(STAMP): pyproject.toml ops/install.sh
	PYTHON=$(PYTHON) VENV=$(VENV) sh ops/install.sh
	touch $@

$(TEST_TOOLS): $(STAMP) ops/install_test_tools.sh tests/java.py
	VENV=$(VENV) sh ops/install_test_tools.sh
	$(BIN)/python -m tests.java
	touch $@

# without its packages a peer is skipped, and that is told: it is no reason not to measure the others
$(PEERS)/.asked: ops/bench/peers/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	-$(PEERS)/bin/python -m pip install -q --disable-pip-version-check -r $<
	touch $@
