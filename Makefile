# Everything is done with python3 (3.11 or newer), pip and make. Names have no spaces here, so the path of the
# checkout may.
PYTHON ?= python3
BIN := .venv/bin
# The system's pip installs into .venv, which therefore needs no pip, and no ensurepip, of its own.
INSTALL := $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --no-input \
	--no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run test check figures bench surge surge-ui surge-mutants sizing chaos soak security sbom audit format lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: .venv/.local ## start the whole service on this machine until Ctrl-C (settings: QABYLDAU_…)
	@exec $(BIN)/python -m supervisor --until-exit-of $$PPID

test: .venv/.dev build/.surge build/.tools ## run all tests, or some: make test ARGS="-k iin"
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --durations=12 $(ARGS)

check: .venv/.dev ## lint, formatting, types and the table of imports
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports

figures: .venv/.dev build/.surge ## measure start, memory and latency of the service, and what rehearsals are worth
	@$(BIN)/python -m tests.e2e.figures
	@$(BIN)/python -m pytest --quiet -m alone

bench: .venv/.dev build/.bench ## measure the door beside what others build (some rows: ARGS="--only admissions")
	@command -v redis-benchmark >/dev/null || { test "$$(id -u)" = 0 && apt-get install -y -qq redis-tools \
		>/dev/null 2>&1; } || echo "Without redis-benchmark the rows of the function are left out."
	@$(BIN)/python -m loadtests.bench $(ARGS)

surge: .venv/.local build/.surge ## rehearse the morning of an announcement (one: PROFILE=announcement)
	@$(BIN)/python -m loadtests.surge $(PROFILE:%=--profile %) $(ARGS)

surge-ui: .venv/.local build/.surge ## the same on Locust's page, http://127.0.0.1:8089, until Ctrl-C
	@$(BIN)/python -m loadtests.surge --ui $(PROFILE:%=--profile %) $(ARGS)

surge-mutants: .venv/.local build/.surge ## break the service on purpose, and see that the oracle notices
	@$(BIN)/python -m loadtests.surge.mutants $(ARGS)

sizing: .venv/.dev ## say what to start for a country (other crowds: ARGS="--people N …"; runs beside it: ARGS="--run …")
	@$(BIN)/python -m loadtests.sizing $(ARGS)

chaos: .venv/.dev ## do to it what the fault table says (some rows: ROW="8 12")
	@$(BIN)/python -m loadtests.chaos $(addprefix --row ,$(ROW)) $(ARGS)

soak: .venv/.local build/.surge ## just below capacity, with a fault every two minutes (half an hour, or MINUTES=3)
	@$(BIN)/python -m loadtests.soak $(MINUTES:%=--minutes %) $(ARGS)

security: .venv/.dev build/.security ## attack the service for half an hour, and write what came of it (quicker: ARGS=--quick)
	@$(BIN)/python -m tests.security $(ARGS)

sbom: .venv/.dev build/.security ## write what the service is made of, from its pins, to build/sbom.json (CycloneDX)
	@$(BIN)/python -m tests.security.supplied sbom

audit: .venv/.dev build/.security ## ask the database of advisories about what is pinned (needs the network)
	@$(BIN)/python -m tests.security.supplied audit

format: .venv/.dev ## put the code into shape
	@$(BIN)/python -m ruff check --fix-only .
	@$(BIN)/python -m ruff format .

lock: ## pin what requirements/*.in names, with hashes (needs uv; the newest: ARGS=--upgrade)
	@cd requirements && for set in runtime local traces dev surge security; do \
		uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url \
			--quiet $(ARGS) $$set.in --output-file $$set.txt || exit 1; \
	done
	@cd loadtests/bench/peers && uv pip compile --generate-hashes --universal --python-version 3.11 --no-header \
		--no-emit-index-url --quiet $(ARGS) requirements.in --output-file requirements.txt

clean: ## remove .venv and all caches; the data in var/ stays
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or \
		sys.exit("Qabyldau needs Python 3.11 or newer, and this $(PYTHON) is %d.%d: try make PYTHON=…" % v[:2])'
	@$(PYTHON) -m venv --without-pip .venv

.venv/.local: requirements/local.txt | $(BIN)/python
	@echo "Installing what the service needs, once …"
	@$(INSTALL) -r requirements/local.txt
	@touch $@

build/.bench: loadtests/bench/peers/requirements.txt
	@echo "Installing what the door is compared with, once …"
	@mkdir -p build && $(PYTHON) -m venv --without-pip build/bench-venv
	@$(PYTHON) -m pip --python build/bench-venv/bin/python install --quiet --disable-pip-version-check --no-input \
		--no-deps --require-hashes -r $<
	@touch $@

# Locust in a place of its own: what it brings for pytest does not belong into our tests.
build/.surge: requirements/surge.txt
	@echo "Installing what the surge needs, once …"
	@mkdir -p build && $(PYTHON) -m venv --without-pip build/surge-venv
	@$(PYTHON) -m pip --python build/surge-venv/bin/python install --quiet --disable-pip-version-check --no-input \
		--no-deps --require-hashes -r $<
	@touch $@

build/.security: requirements/security.txt
	@echo "Installing what attacks the service, once …"
	@mkdir -p build && $(PYTHON) -m venv --without-pip build/security-venv
	@$(PYTHON) -m pip --python build/security-venv/bin/python install --quiet --disable-pip-version-check --no-input \
		--no-deps --require-hashes -r $<
	@touch $@

# A browser for the console's tests, and Prometheus' checker for the alert rules. Without them those tests say that
# they were left out.
build/.tools:
	@mkdir -p build/promtool
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		echo "Installing Chromium, once …" && apt-get update -qq && apt-get install -y -qq chromium; } \
		>/dev/null 2>&1 || echo "Without Chromium the console is not tested."
	@command -v promtool >/dev/null || { cd build/promtool && apt-get download -qq prometheus && \
		dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb; } >/dev/null 2>&1 || \
		echo "Without promtool the alert rules are not run."
	@touch $@

# What develops also runs: dev.txt holds all of local.txt.
.venv/.dev: requirements/dev.txt | $(BIN)/python
	@echo "Installing what the tests need, once …"
	@$(INSTALL) -r requirements/dev.txt
	@touch .venv/.local $@
