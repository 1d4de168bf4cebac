# Everything a newcomer needs: `make run` and `make test`. The virtual environment is made once and
# again only when the lock changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test lint bench lock clean

run: $(STAMP)  ## start authsvc, the example storefront and a mailbox page on this machine
	@exec $(BIN)/authsvc demo

test: $(STAMP)  ## run every test that this machine can run; says what was skipped and why
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)  ## style, types and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP)  ## measure this machine; prints one JSON object
	@$(BIN)/authsvc bench

lock: $(STAMP)  ## resolve pyproject.toml again into requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --all-extras --overrides overrides.txt --output-file requirements.lock pyproject.toml locked-extras.txt

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("authsvc needs Python 3.11 or newer; set PYTHON=python3.11 or later") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "Could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .demo
