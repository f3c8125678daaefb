# Two commands set everything up: `make demo` and `make test`. Each installs what it needs into .venv.
PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
PYTEST := $(BIN)/python -m pytest

.PHONY: demo serve test check bench lint types golden lock clean help

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(RUN)  ## the whole bot with a local Slack page at http://127.0.0.1:3000 (PORT=... changes it)
	@PORT=$(PORT) $(BIN)/dataset-bot demo

serve: $(RUN)  ## the bot on a real Slack, with the settings of the environment or .env
	@$(BIN)/dataset-bot serve

test: $(DEV) system-packages lint types  ## everything: lint, types, contracts, all tests
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder

check: $(DEV) lint types  ## the quick loop: lint, types, fast tests
	$(PYTEST) -q -n 2 -m "not slow and not browser and not postgres"

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(DEV)
	$(BIN)/mypy

bench: $(DEV)  ## speed and memory, as ratios against a plain Bolt echo measured in the same run
	$(BIN)/python -m scripts.bench

golden: $(DEV)  ## write the golden screens anew; read the difference before you commit it
	$(PYTEST) -q tests/handlers --refresh-golden

# Chromium draws the browser tests, Java runs a local Spark. As root on Debian or Ubuntu they are installed; elsewhere
# they are asked for.
.PHONY: system-packages
system-packages:
	@scripts/system-packages

$(VENV)/bin/uv: requirements-bootstrap.lock
	@scripts/create-venv $(PYTHON) $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@touch $@

$(RUN): $(VENV)/bin/uv requirements.lock pyproject.toml
	@echo "Installing Dataset Bot into $(VENV) ..."
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q bot handlers services
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

UV_COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

lock: $(VENV)/bin/uv  ## write the lock files anew from pyproject.toml (hashes, no download addresses)
	$(UV_COMPILE) pyproject.toml --extra demo --group build -o requirements.lock
	$(UV_COMPILE) pyproject.toml --extra demo --group build --group dev -c requirements.lock -o requirements-dev.lock
	echo uv | $(UV_COMPILE) - -o requirements-bootstrap.lock

clean:  ## remove what was installed and the demo's data
	rm -rf $(VENV) var
