# The commands of HemaPilots; `make help` lists them.
# CORES=N          cores to use (2; or all)
# NAME=pilot       the pilot of `make pilot`
# COHORT_MIRROR=D  folder with the public cohorts, where there is no network
# TORCH_INDEX=URL  a package index that offers CPU builds of PyTorch
# QUICK=1          the short form of `make bench`
# PYTHON=python3   the Python that .venv is made with (3.11 or 3.12)

CORES ?= 2
NAME ?=
COHORT_MIRROR ?=
TORCH_INDEX ?=
QUICK ?=
PYTHON ?=

ENV := .venv
BIN := $(ENV)/bin
RUN := $(BIN)/python scripts/run_workflow.py --cores $(CORES)
export PYTHONPATH := $(CURDIR)/scripts

.DEFAULT_GOAL := help
.PHONY: help setup pilots pilot real compare test nightly lint bench expected schemas envs clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  */\1|/p' Makefile | awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo; sed -n 's/^# \([A-Z_]*=[^ ]*\)  *\(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: $(ENV)/.runtime  ## set up .venv only; every other target does so where needed

pilots: $(ENV)/.runtime  ## run the embedded pilots (synthetic patients, no network)
	@$(RUN)

pilot: $(ENV)/.runtime  ## run one pilot: make pilot NAME=mds-synthetic
	@$(RUN) --pilots "$(NAME)" $(if $(COHORT_MIRROR),--cohort-mirror "$(COHORT_MIRROR)")

real: $(ENV)/.cohorts  ## run the pilots on public cohorts: make real COHORT_MIRROR=folder
	@$(RUN) --real $(if $(COHORT_MIRROR),--cohort-mirror "$(COHORT_MIRROR)")

compare: $(ENV)/.runtime  ## every model by every strategy on mds-synthetic and mds-ipssm, over scenarios: results/comparison/
	@$(RUN) --compare $(if $(COHORT_MIRROR),--cohort-mirror "$(COHORT_MIRROR)")

test: $(ENV)/.test  ## run the tests
	@$(BIN)/python -m pytest

nightly: $(ENV)/.test  ## the long tests: 10,000 damaged extracts and mappings, 40 splits of a cohort judged without pooling
	@$(BIN)/python tests/fuzz/run.py --count 10000
	@$(BIN)/python tests/nightly/splits.py
	@$(if $(COHORT_MIRROR),$(BIN)/python tests/nightly/splits.py --mirror "$(COHORT_MIRROR)",:)

lint: $(ENV)/.test  ## check style: ruff, snakefmt, snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/python -m snakemake --lint

bench: $(ENV)/.test  ## measure against other libraries: make bench QUICK=1 for the short form
	@$(BIN)/python tests/bench/run.py $(if $(QUICK),--quick)

expected: $(ENV)/.test  ## write tests/expected/ anew, after a change that is meant to change figures
	@$(BIN)/python tests/integration/run_small.py --write-expected

schemas: $(ENV)/.runtime  ## write workflow/schemas/ anew, after a change of scripts/hemapilots/config/
	@$(BIN)/python scripts/export_schemas.py

envs: $(ENV)/.runtime  ## write envs/python.yaml anew, after a change of envs/requirements.txt
	@$(BIN)/python envs/make_conda.py

clean:  ## remove results, logs and caches (the environment .venv stays)
	@rm -rf results .snakemake .pytest_cache .ruff_cache .hypothesis
	@find scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A set-up that was interrupted leaves .venv/.unfinished and is done anew from nothing.
$(ENV)/.runtime: envs/requirements.txt envs/torch.txt
	@TORCH_INDEX="$(TORCH_INDEX)" PYTHON="$(PYTHON)" sh envs/setup.sh $(ENV) runtime

# Packages that carry public cohorts.
$(ENV)/.cohorts: $(ENV)/.runtime envs/requirements-cohorts.txt
	@TORCH_INDEX="$(TORCH_INDEX)" PYTHON="$(PYTHON)" sh envs/setup.sh $(ENV) cohorts

$(ENV)/.test: $(ENV)/.runtime envs/requirements-test.txt envs/requirements-cohorts.txt
	@TORCH_INDEX="$(TORCH_INDEX)" PYTHON="$(PYTHON)" sh envs/setup.sh $(ENV) test
