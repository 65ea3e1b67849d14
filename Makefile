# Every target sets up what it needs in .venv, from pinned requirements. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ASSIGNMENT ?=
TASK ?=
ONE := $(if $(ASSIGNMENT),--assignment $(ASSIGNMENT))
DATA ?=
WORKERS ?= 2
export OMP_NUM_THREADS ?= 2
# Threads that wait must not spin: on a busy machine that makes training several times slower.
export OMP_WAIT_POLICY ?= PASSIVE
export PYTHONUTF8 := 1

.PHONY: help environment sandbox browser demo demo-transfer demo-competition test attacks mutation verdicts feedback-examples notebooks release bundle audit lint hidden-tests pictures clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

environment: $(VENV)/installed  ## the Python environment, in .venv

$(VENV)/installed: requirements.txt requirements-dev.txt notebooks/requirements.txt notebooks/requirements-competition.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned requirements into $(VENV) (a few minutes the first time) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -r requirements-dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check -qq --no-deps --editable .
	@touch $@

sandbox:  ## what student code is locked in: bubblewrap, and setpriv and prlimit of util-linux (installed if you are root)
	@if ! command -v bwrap >/dev/null || ! command -v setpriv >/dev/null || ! command -v prlimit >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing bubblewrap, which locks student code in ..."; \
	    apt-get update -qq && apt-get install -yqq --no-install-recommends bubblewrap util-linux >/dev/null; \
	  else \
	    echo "bubblewrap is missing, without which nothing is graded: install it, for example with"; \
	    echo "  sudo apt-get install bubblewrap util-linux"; exit 1; \
	  fi; \
	fi

browser:  ## what tests open JupyterLab, formgrader and the class report in: Debian's Chromium (installed if you are root)
	@if ! command -v chromium >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium, in which JupyterLab, formgrader and the class report are tested ..."; \
	    apt-get update -qq && apt-get install -yqq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else \
	    echo "Chromium is missing, in which JupyterLab, formgrader and the class report are tested: install it with"; \
	    echo "  sudo apt-get install chromium"; exit 1; \
	  fi; \
	fi

demo: environment sandbox  ## the whole course once, small (DATA=path/to/ADEChallengeData2016 for photographs)
	$(BIN)/python -m autograder.demo $(if $(DATA),--data "$(DATA)")

demo-transfer: environment sandbox  ## the second assignment once, small: five runs, their report, a class graded (DATA=... for photographs)
	$(BIN)/python -m autograder.demo_transfer $(if $(DATA),--data "$(DATA)")

demo-competition: environment sandbox  ## the third assignment once, small: entries, a forged one, a leaderboard, a class graded (DATA=...)
	$(BIN)/python -m autograder.demo_competition $(if $(DATA),--data "$(DATA)")

test: environment sandbox browser lint  ## everything that must hold, two tests at a time (WORKERS=4: four)
	OMP_NUM_THREADS=1 $(if $(DATA),DATA="$(abspath $(DATA))") $(BIN)/python -m pytest --ignore tests/attacks \
	  --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

attacks: environment sandbox  ## a class of hostile and broken submissions beside honest ones; prints what each got
	$(BIN)/python -m pytest tests/attacks

mutation: environment  ## does each small change of the reference fail a hidden test? some minutes on 2 cores (ASSIGNMENT=intro: of one)
	PYTHONPATH=tests $(BIN)/python -m mutation $(ONE)

verdicts: environment  ## are verdicts right, and the same for 20 secrets? takes long (SECRETS=3: fewer; DEVICE=cuda: on a GPU as well)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/verdicts.py --secrets $(or $(SECRETS),20) --device $(or $(DEVICE),cpu)

feedback-examples: environment  ## some twenty wrong answers and what students are told (TASK=attention: all of a task)
	@$(BIN)/python -W ignore -m autograder.grading.feedback_examples $(TASK)

notebooks: environment  ## build all student notebooks from solutions/ (ASSIGNMENT=intro: one; throw-away gradebook)
	$(BIN)/python -m autograder notebooks $(ONE)

release: environment sandbox  ## notebooks and gradebook, ready for submissions (of segformer, or ASSIGNMENT=intro)
	$(BIN)/python -m autograder release $(ONE)

bundle: environment  ## the zip that students download, with all assignments (or ASSIGNMENT=intro)
	$(BIN)/python -m autograder bundle $(ONE)

audit: environment  ## what is committed is what the sources build, and gives nothing away
	$(BIN)/python -m autograder audit $(ONE)

hidden-tests: environment $(if $(UNSAFE),,sandbox)  ## the hidden tests against the reference (ASSIGNMENT=intro; DEVICE=cuda on a GPU; UNSAFE=1 without bubblewrap)
	$(BIN)/python -m pytest autograder/hidden_tests$(if $(ASSIGNMENT),/$(ASSIGNMENT)) --candidate solutions --device $(or $(DEVICE),cpu) $(if $(UNSAFE),--unsafe-no-sandbox)

pictures: environment browser  ## the pictures of README: a check that fails, and a prediction after some minutes of training
	$(BIN)/python docs/pictures/make.py

lint: environment  ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:  ## remove the environment and what demo and tests made; submissions and gradebook stay
	rm -rf $(VENV) demo dist build .pytest_cache .ruff_cache
