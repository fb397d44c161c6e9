# make demo, make test and make lab set everything up by themselves, in .venv.

VENV := .venv
# HOST_PYTHON=/path/to/python3.12 makes the environment with that Python.
HOST_PYTHON ?=
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
# Two threads beside another busy process are slower than one: they wait for each other.
RUN := OMP_NUM_THREADS=1 TQDM_DISABLE=1
WORKERS ?= 2
# How many days old a price may be before make freshness names it.
MAX_AGE ?= 180
NOTEBOOKS := $(wildcard notebooks/[0-9]*.ipynb)
FIRST_NOTEBOOK := $(firstword $(NOTEBOOKS))

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test unit notebooks lab lint format data \
	base-model bench conformance conformance-short freshness audit autotrain \
	llamafactory clean

help:  ## list what make can do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# ------------------------------------------------------------------ environment

$(VENV)/.made:
	@PYTHON="$(HOST_PYTHON)" tools/make_venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.txt pyproject.toml tools/install_torch.py
	$(PYTHON) tools/install_torch.py
	$(PYTHON) -m pip install -r requirements.txt
	$(PYTHON) -m pip install --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(PYTHON) -m pip install -r requirements.txt -r requirements-dev.txt
	@touch $@

install: $(VENV)/.installed  ## set up .venv (COMPANION_TORCH=default: torch with CUDA)

install-dev: $(VENV)/.installed-dev  ## set up .venv with the tools for tests

# ------------------------------------------------------------------ for learners

demo: $(VENV)/.installed  ## fine-tune the recipe assistant and compare, in a terminal
	$(PYTHON) -m helpers.demo

lab: $(VENV)/.installed  ## open JupyterLab on the first notebook
	$(BIN)/jupyter lab $(FIRST_NOTEBOOK)

# ------------------------------------------------------------------ for developers

test: lint autotrain unit conformance-short notebooks  ## lint, all tests, others' checks, notebooks

unit: $(VENV)/.installed-dev
	$(RUN) $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --durations 10

notebooks: $(VENV)/.installed-dev  ## run the notebooks and compare their outputs
	@if [ -n "$(NOTEBOOKS)" ]; then \
		$(RUN) $(PYTHON) -m pytest -p tests.own_providers \
			-n $(WORKERS) --dist loadfile --nbval-lax --nbval-current-env \
			--nbval-sanitize-with tests/sanitize.cfg --timeout 0 $(NOTEBOOKS); \
	fi

lint: $(VENV)/.installed-dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTHON) -m tools.notebooks check

format: $(VENV)/.installed-dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

data: $(VENV)/.installed  ## make the generated files in data/ again, byte for byte
	$(PYTHON) -m tools.make_recipes
	$(PYTHON) -m tools.make_broken_file
	$(PYTHON) -m tools.make_limits
	$(PYTHON) -m tools.make_sarcasm
	$(PYTHON) -m tools.make_sql
	$(PYTHON) -m tools.make_assignment

base-model: $(VENV)/.installed  ## pre-train the base model again (hours on two cores)
	$(PYTHON) -m tools.base_model

bench: $(VENV)/.installed  ## measure training and serving side by side with others
	$(PYTHON) -m benchmarks

freshness: $(VENV)/.installed-dev  ## name the rows of data/*.csv that are past their date
	$(PYTHON) -m tools.freshness --max-age $(MAX_AGE)

conformance: $(VENV)/.installed-dev  ## run the checks that others wrote on the provider
	$(PYTHON) -m tools.run_conformance

conformance-short: $(VENV)/.installed-dev
	$(RUN) $(PYTHON) -m tools.run_conformance --short

# In an environment of its own: its dependencies have no place among the pinned ones.
out/audit/.installed: requirements-audit.txt
	$(or $(HOST_PYTHON),python3) -m venv out/audit
	out/audit/bin/python -m pip install -r requirements-audit.txt
	@touch $@

audit: out/audit/.installed  ## name known security holes of pinned packages (needs the network)
	out/audit/bin/pip-audit --strict --no-deps --disable-pip \
		-r requirements.txt -r requirements-dev.txt

# Tools with pins of their own, each in an environment of its own; none needs ours.
autotrain:  ## make AutoTrain's environment, for notebook 23
	$(or $(HOST_PYTHON),python3) tools/make_environment.py autotrain

llamafactory:  ## make LLaMA-Factory's environment, for its web page
	$(or $(HOST_PYTHON),python3) tools/make_environment.py llamafactory

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) out dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
