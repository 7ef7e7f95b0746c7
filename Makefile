# Needs Python 3.11 or newer, pip, git and make. Everything else comes into .venv, by hash.

TESTS ?= tests
# most tests wait for processes half of their time
WORKERS ?= $(shell echo $$(( ($$(nproc 2>/dev/null || echo 2) * 3 + 1) / 2 )))
PYTEST = .venv/bin/python -m pytest -q -n $(WORKERS) --dist worksteal

.PHONY: help demo test test-all check lint lock monkey gallery picture command clean

help:
	@echo 'make demo     the console on an engine of its own in .demo, with this machine'"'"'s data'
	@echo 'make command  .venv/bin/wingman, to use it: .venv/bin/wingman help'
	@echo 'make test     install what the tests need, and run them (TESTS=tests/cli for some)'
	@echo 'make check    lint, types, tests: what a change has to pass'
	@echo 'make test-all the slow tests, too'
	@echo 'make monkey   a million keys at random on hostile data, before a release'
	@echo 'make lock     pin the newest versions of requirements*.in'
	@echo 'make gallery  a picture of every mode and dialog, size and theme, to be looked at: .demo/gallery'
	@echo 'make picture  the pictures of README and docs, from a real console'

demo: command
	@.ci/demo

command:
	@.ci/environment requirements.lock

.PHONY: dev
dev:
	@.ci/environment requirements-dev.lock

test: dev
	$(PYTEST) -m 'not slow' $(TESTS)

test-all: dev
	$(PYTEST) $(TESTS)

monkey: dev
	WINGMAN_SEEDS="$$(seq -s ' ' 400)" $(PYTEST) tests/tui/test_monkey.py

lint: dev
	.venv/bin/ruff check .
	.venv/bin/mypy

check: lint test

lock: dev
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv pip compile --quiet --generate-hashes --no-header --upgrade --python-version 3.11 \
		requirements.in -o requirements.lock
	.venv/bin/uv pip compile --quiet --generate-hashes --no-header --upgrade --python-version 3.11 \
		requirements-dev.in -o requirements-dev.lock

gallery: dev
	.venv/bin/python -m tests.tui.gallery .demo/gallery --all $(GALLERY)

picture: dev
	@.ci/picture

clean:
	rm -rf .demo .venv .pytest_cache .mypy_cache .ruff_cache
