# Python >= 3.11 and make are all it takes:  make search  and  make test
# make test: the fast tests; make slow: the others; make all-tests: both; make thorough: more of the slow ones, before a release;
# make check: style, types and import rules.
# Each target makes .venv and installs what it needs the first time; after that only when pyproject.toml has changed.

VENV := .venv
BIN := $(VENV)/bin
# the first of these that is 3.11 or later; PYTHON=... overrules
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# one thread a process: two processes on two cores are faster than one with two threads
export OMP_NUM_THREADS ?= 1
TEST_PROCESSES ?= 2
# both tiers together: two more processes compute while the long tests wait for databases, clusters and killed processes
ALL_PROCESSES ?= 4

.PHONY: search test slow all-tests thorough check outdated audit install clean

search: $(VENV)/.installed
	$(BIN)/paretext search

test: $(VENV)/.installed-for-tests
	$(BIN)/python -m pytest -n $(TEST_PROCESSES)

slow: $(VENV)/.installed-for-tests
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --maxschedchunk 1 -m "slow and not thorough"

all-tests: $(VENV)/.installed-for-tests
	$(BIN)/python -m pytest -n $(ALL_PROCESSES) --dist worksteal -m "not thorough"

thorough: $(VENV)/.installed-for-tests
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -m thorough

check: $(VENV)/.installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/python .ci/lengths
	$(BIN)/python .ci/test_names

# which libraries have newer versions than those that were tested
outdated: $(VENV)/.installed-for-tests
	$(BIN)/python .ci/outdated

# known vulnerabilities of what is installed; asks a service on the network
audit: $(VENV)/.installed-for-tests
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(VENV)/audit/bin/pip-audit --strict --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

install: $(VENV)/.installed

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Paretext needs Python 3.11 or later, which is not on PATH; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-for-tests: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
