# make lab     set up once, then open JupyterLab at lab 01 (ARGS=--no-browser)
# make test    the same set-up plus what tests need, then run them (ARGS="-k cache");
#              executes the labs that changed and two by turns (LABS=all, LABS=measure)
# make test-all   everything, before a release: all labs, elsewhere too, and extras
# make labs    cut labs/ from solutions/
# make lint    ruff, its formatter, the floors, and types
# make run-lab quantization     execute that lab's solution and cut the labs
# make test-lab quantization    run what belongs to that lab (ARGS="-m 'not slow'")
# make test-extra torchao       install that extra and run its tests
# make clean   remove the environment and everything built
# PYTHON=python3.12 chooses the Python that makes the environment.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt
TEST_EXTRAS := test,grading,zoo
# In a container the user is root, and JupyterLab wants to be told so.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# As the default address, so that the link in the log leads to lab 01 too.
FIRST := --LabApp.default_url=/lab/tree/01_measure.ipynb

# Threads that wait for a busy neighbour sleep soon (core.machine.SPINS).
export GOMP_SPINCOUNT ?= 5000

.PHONY: lab test test-all labs lint clean run-lab test-lab test-extra

# A word stands behind these, or in WORD; it is no target of its own.
WORDY := run-lab test-lab test-extra
ifneq ($(filter $(WORDY),$(firstword $(MAKECMDGOALS))),)
WORD ?= $(word 2,$(MAKECMDGOALS))
$(filter-out lab test test-all labs lint clean $(WORDY),$(wordlist 2,9,$(MAKECMDGOALS))):
	@:
endif

lab: $(VENV)/lab.stamp
	$(BIN)/jupyter lab labs $(FIRST) $(ROOT) $(ARGS)

test: $(VENV)/test.stamp
	$(BIN)/python tests/lanes.py $(if $(LABS),--labs="$(LABS)") $(ARGS)

# All of it runs, whatever fails. (By `make`: what names $(MAKE) runs under -n, too.)
test-all: $(VENV)/test.stamp
	@status=0; $(BIN)/python tests/lanes.py --everything $(ARGS) || status=$$?; \
	for extra in $$($(BIN)/python tests/extras.py); do \
	make test-extra WORD=$$extra || test $$status != 0 || status=1; done; \
	exit $$status

test-extra: $(VENV)/test.stamp
	@$(BIN)/python tests/extras.py --install "$(WORD)"
	$(BIN)/python -m pytest --extra "$(WORD)" $(ARGS)

labs: $(VENV)/lab.stamp
	$(BIN)/python solutions/cut.py $(ARGS)

run-lab: $(VENV)/test.stamp
	$(BIN)/python solutions/run.py $(strip $(WORD) $(ARGS))

test-lab: $(VENV)/test.stamp
	$(BIN)/python tests/lanes.py --lab "$(WORD)" $(ARGS)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/type_baseline.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make a second start quick; a change of what is needed installs again.
$(VENV)/lab.stamp: $(VENV)/made.stamp pyproject.toml constraints.txt
	@echo "Installing llmlab and what it needs: one to three minutes, 1.5 GB on disk."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/made.stamp pyproject.toml constraints.txt
	@echo "Installing llmlab, what it needs and what its tests need: 1.8 GB on disk."
	$(INSTALL) --editable ".[$(TEST_EXTRAS)]"
	@touch $@ $(VENV)/lab.stamp

$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"llmlab needs Python 3.11 or newer, and $(PYTHON) is %d.%d; say which one to take:" \
	" make lab PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	@touch $@
