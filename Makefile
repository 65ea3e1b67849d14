# Every target sets up what it needs in .venv, from pinned requirements. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ASSIGNMENT ?= segformer
DATA ?=
export OMP_NUM_THREADS ?= 2
# Threads that wait must not spin: on a busy machine that makes training several times slower.
export OMP_WAIT_POLICY ?= PASSIVE
export PYTHONUTF8 := 1

.PHONY: help environment demo test notebooks release bundle audit lint hidden-tests clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

environment: $(VENV)/installed  ## the Python environment, in .venv

$(VENV)/installed: requirements.txt requirements-dev.txt notebooks/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps --editable .
	@touch $@

demo: environment  ## the whole course once, small (DATA=path/to/ADEChallengeData2016 for photographs)
	$(BIN)/python -m autograder.demo $(if $(DATA),--data "$(DATA)")

test: environment lint  ## everything that must hold, in about a quarter of an hour on 2 cores
	$(if $(DATA),DATA="$(abspath $(DATA))") $(BIN)/python -m pytest

notebooks: environment  ## build the student notebooks from solutions/ (throw-away gradebook)
	$(BIN)/python -m autograder notebooks --assignment $(ASSIGNMENT)

release: environment  ## instructor and student notebooks, and the gradebook, ready for submissions
	$(BIN)/python -m autograder release --assignment $(ASSIGNMENT)

bundle: environment  ## the zip that students download
	$(BIN)/python -m autograder bundle --assignment $(ASSIGNMENT)

audit: environment  ## what is committed is what the sources build, and gives nothing away
	$(BIN)/python -m autograder audit --assignment $(ASSIGNMENT)

hidden-tests: environment  ## the hidden tests against the reference (DEVICE=cuda on a GPU runner)
	$(BIN)/python -m pytest autograder/hidden_tests --candidate solutions --device $(or $(DEVICE),cpu)

lint: environment  ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:  ## remove the environment and what demo and tests made; submissions and gradebook stay
	rm -rf $(VENV) demo dist build .pytest_cache .ruff_cache
