# Two commands for a fresh machine with Python, pip and make: `make demo` and `make test`.
# Each makes a virtual environment of its own in the checkout when there is none yet.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   ?= --devices simulated:2
KILLS  ?= 1000
# Each worker has leases, state and settings of its own; the tests of one file stay together.
MANY   := -n auto --dist loadfile

.PHONY: demo test test-all faults lint types catalogue picture docs bench clean

demo: $(VENV)/.demo
	$(BIN)/gpucore demo $(DEMO)

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(MANY) $(PYTEST)

# The fast tests on each Python that is here; `make test` runs all of them on one.
test-all: $(VENV)/.dev
	.ci/every-python

# The faults in the numbers that docs/reliability.md promises; `pytest tests/faults` makes fewer.
faults: export GPUCORE_COUNTERS := $(CURDIR)/.faults-counters.txt
faults: $(VENV)/.dev
	rm -f $(GPUCORE_COUNTERS)
	GPUCORE_FAULTS=$(KILLS) $(BIN)/python -m pytest $(MANY) tests/faults/test_killed_hosts.py \
	  tests/faults/test_programs_that_die.py tests/faults/test_misbehaving_programs.py \
	  tests/faults/test_interrupted_runs.py \
	  tests/faults/test_full_disk.py tests/faults/test_failing_writes.py \
	  tests/faults/test_three_users.py
	GPUCORE_FAULTS=3000 $(BIN)/python -m pytest tests/faults/test_journal_damage.py
	GPUCORE_FAULTS=40000 $(BIN)/python -m pytest tests/faults/test_lease_contention.py
	sort $(GPUCORE_COUNTERS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

# What is generated: the adapters' manifest and pages, tables of docs/reference, the README's list.
catalogue: $(VENV)/.dev
	$(BIN)/python -m catalogue

# The README's picture: a run of the demo, as a terminal showed it.
picture: $(VENV)/.dev
	$(BIN)/python -m catalogue.picture

# The site of docs/: in docs/_build/html, and no warning is let pass.
docs: $(VENV)/.docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --jobs auto docs docs/_build/html

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.install_peers
	$(BIN)/python -m benchmarks all --write

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis docs/_build gpucore-demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A wheel built for one Python does not change with the sources: the install is editable, and
# is made again only when what it depends on has changed.
$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[framealign]"
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	touch $@
