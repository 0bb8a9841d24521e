# Plain make and python3 (3.11 or newer); everything else is set up here, in .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup-done
# Every process a test starts would compile all it imports once more.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo up test test-slow test-cluster test-fake prove year mutants soak drill check bench bench-full lock clean
ROUNDS ?= 20

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## create .venv with the locked versions (at once when it is there already)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up .venv (the first time takes about half a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## the main job on a time-lapse clock, live on screen
	@$(BIN)/inmail demo

up: $(STAMP) ## Redis, scheduler and workers in one terminal; Ctrl-C stops them
	@$(BIN)/inmail up

test: $(STAMP) ## the everyday test suite, on two cores
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(STAMP) ## format, lint, types, import floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP) ## the main figures at quick sizes, beside stock Dramatiq and the bare loop; a few minutes
	@$(BIN)/python -m benchmarks.quick

bench-full: $(STAMP) ## every benchmark, and Dramatiq's own tests against the broker; takes its time
	@$(BIN)/python -m benchmarks.quick
	@$(BIN)/python -m benchmarks.sends
	@$(BIN)/python -m benchmarks.refunds
	@$(BIN)/python -m benchmarks.fairness
	@$(BIN)/python -m benchmarks.replies
	@$(BIN)/python -m benchmarks.http
	@$(BIN)/python -m benchmarks.growth
	@$(BIN)/python -m benchmarks.held
	@$(BIN)/python -m benchmarks.send_profile
	@$(BIN)/python -m benchmarks.cluster
	@$(BIN)/python -m benchmarks.peers
	@$(BIN)/python -m benchmarks.intake
	@$(BIN)/python -m benchmarks.directory
	@$(BIN)/python -m benchmarks.broker
	@$(BIN)/python -m benchmarks.broker_traps --full
	@$(BIN)/python -m benchmarks.broker_conformance
	@$(BIN)/python -m benchmarks.takeover

year: $(STAMP) ## a simulated year of 1,000 subscriptions beside a reckoning in plain Python; a minute
	@$(BIN)/python -m benchmarks.year

test-slow: $(STAMP) ## the tests that take minutes
	@$(BIN)/python -m pytest -m slow

test-cluster: $(STAMP) ## the engine's tests once more, on a Redis Cluster of three masters
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m cluster

test-fake: $(STAMP) ## the same tests on fakeredis, the stand-in for a machine without Redis
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m stand_in

prove: $(STAMP) ## every crash point, 1,000 runs beside a model, opposed spenders; some minutes
	@$(BIN)/python -m pytest -m proof

mutants: $(STAMP) ## take each guard out of the scripts: a test must go red
	@$(BIN)/python -m tests.proofs.guards

soak: $(STAMP) ## the same and the fuzz tests with very many examples; an hour and more
	@INMAIL_SOAK=1 $(BIN)/python -m pytest -m "proof or not slow" tests/proofs tests/fuzz --timeout 14400

drill: $(STAMP) ## processes killed at random under load; ROUNDS=20
	@$(BIN)/inmail drill --rounds $(ROUNDS)

lock: ## write requirements.lock anew from pyproject.toml
	@$(BIN)/python -m pip install -qq pip-tools
	@$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --extra dev --output-file requirements.lock pyproject.toml

clean: ## remove .venv, caches and the local data directory
	rm -rf .venv .inmail .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
