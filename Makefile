# The two commands of a newcomer are `make run` and `make test`; the others serve those who work on the house.
PYTHON ?= python3
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app wsgi

.PHONY: run install dev test check format lock browser bench bench-quick bench-prescriptions bench-conventions clean

install: $(VENV)/.runtime

dev: $(VENV)/.dev

run: install
	@PORT=$(PORT) $(BIN)/python -m portal.start

$(VENV)/.runtime: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

browser:
	@sh tests/browser/install-chromium

test: dev browser
	$(BIN)/python -m pytest

# About twenty-five minutes on two cores; writes the table of bench/README.md.
bench: dev
	$(BIN)/python -m bench.run

# Does it run? Two or three minutes; writes nothing.
bench-quick: dev
	$(BIN)/python -m bench.run --quick --sizes 1000

# Five years of prescriptions on both engines; writes its section of bench/README.md.
bench-prescriptions: dev
	$(BIN)/python -m bench.prescriptions

# 500 conventions with partners and five with the State, on both engines; writes its section of bench/README.md.
bench-conventions: dev
	$(BIN)/python -m bench.conventions

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@folder=$$(mktemp -d) && export PORTAL_DATABASE_URL=sqlite:///$$folder/check.db && $(FLASK) db upgrade && $(FLASK) db check; code=$$?; rm -rf $$folder; exit $$code
	$(BIN)/djlint templates --quiet --lint

format: dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

# Needs `uv` on the PATH; hashes are kept, addresses are not.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
