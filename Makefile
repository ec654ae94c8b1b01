# make demo | test | check | bench. Everything is installed into .venv, from the locked versions.

PYTHON ?= python3
BIN := .venv/bin
DEMO := .demo
SITE := .docs

SEEDS ?= 2000
KILLS ?= 200
SEED ?= 1
RUNS ?= 200000

.PHONY: help demo mariadb chromium test check simulate kill fuzz format schemas reference docs tables screenshot lock bench clean

help:
	@echo "make demo     watch an account come into being on the embedded sandbox"
	@echo "make test     the whole suite"
	@echo "make simulate SEEDS=n  n made-up stacks through applies that fail and die in every way"
	@echo "make kill KILLS=n      n applies killed with SIGKILL at any moment"
	@echo "make fuzz RUNS=n       n answers that a coverage-guided fuzzer makes up, JSON, XML and neither"
	@echo "make check    linter, formatter, types, layers"
	@echo "make bench    benchmarks, for docs/benchmarks.md (FAST=1, LARGE=1, ONLY=contacts)"
	@echo "make format   mend what the linter and the formatter can"
	@echo "make reference  make docs/reference/ anew from the models and the commands"
	@echo "make docs     the documentation as a site, in $(SITE)/; warnings are errors"
	@echo "make schemas  make schemas/ anew from the models"
	@echo "make tables   make docs/methods.md anew: every method with every status"
	@echo "make screenshot  make docs/images/plan.png anew"
	@echo "make lock     make the files in requirements/ anew from pyproject.toml and bench.in"

# The stamps are newer than what they were installed from. smsops itself first, then what develops it.
.venv/runtime: requirements/runtime.lock pyproject.toml scripts/bootstrap.py
	$(PYTHON) scripts/bootstrap.py .venv requirements/runtime.lock
	@touch $@

.venv/installed: requirements/dev.lock .venv/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

demo: .venv/runtime
	@rm -rf $(DEMO) && cp -R examples/agency $(DEMO)
	@echo '$$ smsops plan' && $(BIN)/smsops -C $(DEMO) plan
	@echo && echo '$$ smsops apply --auto-approve' && $(BIN)/smsops -C $(DEMO) apply --auto-approve
	@echo && echo '$$ smsops plan' && $(BIN)/smsops -C $(DEMO) plan
	@echo && echo 'Go on in $(DEMO)/: edit a file, then  .venv/bin/smsops -C $(DEMO) plan'

# Azurite, the Azure server of the tests, and split-sms, which counts the SMS of a text as ours does.
NODE := tests/servers/node
.venv/node/installed: $(NODE)/package.json $(NODE)/package-lock.json $(wildcard $(NODE)/absent/*) | .venv/installed
	@command -v npm >/dev/null || { echo 'make test needs npm (Node.js 20 or newer) for the Azure server of the tests and another count of SMS.' >&2; exit 1; }
	rm -rf .venv/node && mkdir .venv/node && cp -R $(NODE)/. .venv/node
	npm ci --prefix .venv/node --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# MariaDB, the MySQL server of the tests: only the system's packages have it.
mariadb:
	@command -v mariadbd >/dev/null || test -x /usr/sbin/mariadbd || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mariadb-server-core; \
	else \
		echo 'make test needs mariadbd for the MySQL server of the tests: sudo apt-get install mariadb-server-core' >&2; exit 1; \
	fi

# Chromium, in which the tests look at pages: the one of the system, so that nothing is downloaded beside its packages.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; \
	else \
		echo 'make test needs chromium for the tests of pages: sudo apt-get install chromium' >&2; exit 1; \
	fi

test: .venv/installed .venv/node/installed mariadb chromium
	$(BIN)/pytest -n auto --dist worksteal

simulate: .venv/installed
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/meta/test_layers.py

# The fuzzer has wheels for Linux alone, of 35 MB each: an environment of its own, on top of the other.
.venv/fuzz/installed: requirements/fuzz.lock | .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target .venv/fuzz -r requirements/fuzz.lock
	@touch $@

fuzz: .venv/fuzz/installed
	PYTHONPATH=.venv/fuzz $(BIN)/python -m tests.fuzz --runs $(RUNS)

kill: .venv/installed
	$(BIN)/python -m tests.kill --kills $(KILLS) --seed $(SEED)

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: .venv/installed
	@for name in stack included rule-pack plan apply-event rehearsal doctor validation calendar preview status report reply blacklist blacklist-check state history; do \
		$(BIN)/smsops schema $$name > schemas/$$name.schema.json; done

tables: .venv/installed
	$(BIN)/python -m tests.api.methods_page

reference: .venv/installed
	$(BIN)/python scripts/reference.py

# What makes the site, in an environment of its own.
.venv/docs/installed: requirements/docs.lock | .venv/installed
	$(PYTHON) -m venv .venv/docs
	.venv/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.lock
	@touch $@

docs: reference .venv/docs/installed
	.venv/docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky -c docs/site . $(SITE)
	@echo 'Open $(SITE)/index.html'

screenshot: .venv/installed chromium
	$(BIN)/python scripts/screenshot.py

lock: .venv/installed
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links -q pyproject.toml --group pyproject.toml:dev -o requirements/dev.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links -q pyproject.toml --group pyproject.toml:build -c requirements/dev.lock \
		-o requirements/runtime.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links -q requirements/bench.in -c requirements/dev.lock -o requirements/bench.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links -q --group pyproject.toml:docs -o requirements/docs.lock

# What the benchmarks compare with, in an environment of its own.
.venv/bench/installed: requirements/bench.lock | .venv/installed
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.lock
	@touch $@

bench: .venv/installed .venv/bench/installed
	$(BIN)/python -m benchmarks.run --mode $(if $(FAST),fast,$(if $(LARGE),large,thorough)) $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf .venv $(DEMO) $(SITE) .mypy_cache .ruff_cache .hypothesis benchmarks/.cache
