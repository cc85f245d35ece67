# Everything a person types here; `make` alone lists it. Python packages are installed by hash into $(VENV), nothing else is touched.

VENV ?= .venv
# Which Python makes the environment; by default the first one found that is new enough.
PYTHON ?=
# How many processes run the tests.
WORKERS ?= 3
# What else to hand to the program: make demo ARGS="--port 9000"
ARGS ?=

BIN := $(VENV)/bin
# Errors only; where packages come from is up to the user's own pip configuration.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# The environment is renewed when one of these changes in content; a fresh checkout of the same content is no change.
LOCKS := requirements/runtime.txt requirements/build.txt requirements/node.txt package-lock.json hatch_build.py pyproject.toml
RUNTIME := $(VENV)/.runtime-$(shell cat $(LOCKS) | cksum | tr ' ' '-')
DEV := $(VENV)/.dev-$(shell cat $(LOCKS) requirements/dev.txt | cksum | tr ' ' '-')
# Where the environment was made, read from its pip. It can't be used when its Python is gone or the folder was moved since.
MADE_IN := sed -n -e "1s|^\#!\(/.*\)/python.*|\1|p" -e "2s|.*exec' \"\(/.*\)/python.*|\1|p" $(BIN)/pip 2>/dev/null
USABLE := $(shell made_in=$$($(MADE_IN)); [ "$$made_in" -ef $(BIN) ] && $(BIN)/python -c '' 2>/dev/null && echo yes)

.DEFAULT_GOAL := help
.PHONY: help demo test check format venv assets lock clean bench-radius bench-portal
.PHONY: campaign-radius campaign-chaos campaign-fuzz campaign-retransmit campaign-redemption campaign-quoting campaign-cuts
.PHONY: campaign-residents campaign-fleet campaign-guesses campaign-codes
.SUFFIXES:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUNTIME) ## a simulated city on this machine; prints the links, Ctrl-C ends it
	@exec $(BIN)/hotspot demo $(ARGS)

test: check ## what CI runs: the environment, then every check

check: $(DEV) ## format, lint, types, import contracts, tests with coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term-missing:skip-covered $(ARGS)

format: $(DEV) ## let ruff format and fix what it can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench-radius: $(DEV) ## the RADIUS server beside FreeRADIUS; the last line is JSON
	@$(BIN)/python -m benchmarks.radius $(ARGS)

bench-portal: $(DEV) ## the portal's pages beside nginx and the bare database; needs nginx and wrk
	@$(BIN)/python -m benchmarks.portal $(ARGS)

campaign-radius: $(DEV) ## kill -9 and database stops under accounting load; the last line counts passed and failed
	@$(BIN)/python -m benchmarks.campaign_radius $(ARGS)

campaign-chaos: $(DEV) ## sessions through a network that loses, doubles, reorders and corrupts
	@$(BIN)/python -m benchmarks.campaign_chaos $(ARGS)

campaign-fuzz: $(DEV) ## mutated and forged datagrams at both ports
	@$(BIN)/python -m benchmarks.campaign_fuzz $(ARGS)

campaign-retransmit: $(DEV) ## log-ins asked for again and again
	@$(BIN)/python -m benchmarks.campaign_retransmit $(ARGS)

campaign-redemption: $(DEV) ## one credential redeemed by many requests at once
	@$(BIN)/python -m benchmarks.campaign_redemption $(ARGS)

campaign-quoting: $(DEV) ## hostile strings through every name into RouterOS script text
	@$(BIN)/python -m benchmarks.campaign_quoting $(ARGS)

campaign-cuts: $(DEV) ## the line cut at every sentence boundary and every 64 octets while a router enrols, rotates and is configured
	@$(BIN)/python -m benchmarks.campaign_cuts $(ARGS)

campaign-residents: $(DEV) ## 500 residents on their way online at once for ten minutes, and one who does not stop pressing
	@$(BIN)/python -m benchmarks.campaign_residents $(ARGS)

campaign-fleet: $(DEV) ## one change for 500 simulated routers, a fifth of them away
	@$(BIN)/python -m benchmarks.campaign_fleet $(ARGS)

campaign-guesses: $(DEV) ## random codes against live vouchers, at the service and over HTTP
	@$(BIN)/python -m benchmarks.campaign_guesses $(ARGS)

campaign-codes: $(DEV) ## codes for phones: guesses sprayed over 10,000 phones, 100,000 messages pumped within a minute
	@$(BIN)/python -m benchmarks.campaign_codes $(ARGS)

venv: $(DEV) ## only the environment, with the tools for development
	@:

assets: $(RUNTIME) ## fetch the console's scripts again, if they are missing
	@$(BIN)/python hatch_build.py

lock: $(DEV) ## write the lock files anew; ARGS=--upgrade takes newer versions
	npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --loglevel=error
	$(COMPILE) pyproject.toml --extra dev -o requirements/dev.txt $(ARGS)
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	$(BUILD_REQUIRES) | $(COMPILE) - -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) requirements/node.in -o requirements/node.txt

# No configuration file and no folder of wheels may slip other hashes in, and no address may slip into the files.
COMPILE = env -u UV_FIND_LINKS -u UV_CONFIG_FILE $(BIN)/uv --no-config pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links

# The build backend, and what it asks for to make an editable install.
BUILD_REQUIRES = $(BIN)/python -c "import tomllib; \
	print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], 'editables', sep='\n')"

clean: ## remove what make and the build have made; the demo's data stays
	rm -rf $(VENV) build dist node_modules hotspot/console/static/vendor .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): $(VENV)/bin/pip
	@echo "Installing what hotspot needs into $(VENV) (the first time this takes a minute) …"
	@$(PIP) install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(INSTALL_HOTSPOT)
	@rm -f $(VENV)/.runtime-*
	@touch $@

$(DEV): $(RUNTIME)
	@echo "Installing the tools for development into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@rm -f $(VENV)/.dev-*
	@touch $@

# The scripts come from npm, or from the npm inside a hash-locked package; without either the console lacks charts, no more.
define INSTALL_HOTSPOT
if ! $(BIN)/python hatch_build.py --check && ! command -v npm >/dev/null 2>&1; then \
	$(PIP) install --require-hashes -r requirements/node.txt \
		|| echo "warning: Node.js could not be installed; going on without it" >&2; \
fi; \
$(BIN)/python hatch_build.py || true; \
$(PIP) install --no-deps --no-build-isolation --editable .
endef

# A half-made environment, or one that was moved or whose Python is gone, is made anew; what isn't one is never removed.
ifneq ($(USABLE),yes)
.PHONY: $(VENV)/bin/pip
endif
$(VENV)/bin/pip:
	@python=; for name in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14 python); do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "hotspot needs Python 3.11 or newer and found none. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		echo "$$python can't make virtual environments. On Debian: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	if [ -e $(VENV) ] && [ ! -f $(VENV)/pyvenv.cfg ]; then \
		echo "$(VENV) exists and is not a virtual environment; name another: make VENV=.venv2" >&2; \
		exit 1; \
	fi; \
	rm -rf $(VENV); \
	"$$python" -m venv $(VENV)
