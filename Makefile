# Two commands do everything: `make demo` trains a VAE, `make test` checks the project. The first
# installs what a demo needs (.venv/installed), the second the rest (.venv/tested).
PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONPATH VIRTUAL_ENV PYTHONHOME

.PHONY: demo test lint types package pytest peers format clean same

demo: .venv/installed
	$(BIN)/python -m experiments.train digits

test: lint types package pytest

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/tested
	$(BIN)/mypy

# As a package index takes it.
package: .venv/tested
	rm -rf .venv/dist
	$(BIN)/python -m build --no-isolation --outdir .venv/dist >.venv/build.log 2>&1 || \
	  { cat .venv/build.log; exit 1; }
	$(BIN)/twine check --strict .venv/dist/*

pytest: .venv/tested .venv/browser/chromium
	$(BIN)/pytest --numprocesses 2 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

# For the tests that look at a report; where it cannot be had they are skipped, and say so.
.venv/browser/chromium: | .venv/tested
	-$(BIN)/python tests/report/browser.py .venv/browser

# What the library is measured against, by `python -m experiments.benchmarks.training`.
peers: .peers/installed

.peers/installed: experiments/benchmarks/peers.txt
	$(PYTHON) -m venv .peers
	.peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

format: .venv/tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .peers runs

.venv/installed: pyproject.toml | same
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "vae_jax needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V`. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[experiments]'
	@touch $@

# Where a Python is asked for, .venv is of it: another would be used in its place without a word.
same:
ifneq ($(origin PYTHON),file)
	@test ! -x $(BIN)/python || test "`$(BIN)/python -V`" = "`$(PYTHON) -V`" || \
	  { echo ".venv is of `$(BIN)/python -V`, and `$(PYTHON) -V` was asked for (PYTHON=$(PYTHON)). Leave PYTHON out, or remove .venv."; exit 1; }
endif

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
