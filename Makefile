# `make` lists the targets. The virtual environment makes itself, once: a target installs what it
# needs before it runs, and again only after pyproject.toml or constraints.txt has changed.
#   make demo ARGS="--port 8000"       options for the program behind a target
#   make test PYTHON=python3.12        another interpreter, where .venv does not exist yet

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
RUN = $(VENV)/bin/python
INSTALL = $(RUN) -m pip --disable-pip-version-check install --constraint constraints.txt --editable
ANSWER = $(VENV)/.answer
TRAIN = $(VENV)/.train
DEV = $(VENV)/.dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-quick test-readme lint benchmark report verify pictures screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(DEV) ## install what developing needs: all of it, tests and linters too

demo: $(ANSWER) ## start the app on the shipped checkpoints
	$(RUN) demo.py $(ARGS)

# Files stay whole, since their fixtures are; in the order of tests/conftest.py, longest first.
PYTEST = $(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(DEV) ## run the tests, those in a browser where there is one
	$(PYTEST) $(ARGS)

test-quick: $(DEV) ## what a developer runs at every save: no browser, no training to the end
	$(PYTEST) -m "not browser and not slow" $(ARGS)

test-readme: $(DEV) ## the README's longer commands, shrunk, in some minutes
	README_LONG=1 $(RUN) -m pytest tests/test_readme_commands.py $(ARGS)

lint: $(DEV) ## check style, types and who imports what
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	PYTHONPATH=. $(VENV)/bin/lint-imports --no-cache

benchmark: $(TRAIN) ## measure training, inference and serving
	$(RUN) -m analysis.benchmark $(ARGS)

report: $(TRAIN) ## train, draw and typeset a small report, in about 15 minutes
	$(RUN) -m analysis.build $(ARGS)

pictures: $(TRAIN) ## draw how photos, boards and signs are read, to figures/pictures.png
	$(RUN) -m analysis.build.picture_sheet $(ARGS)

verify: $(TRAIN) ## make the committed report anew from its numbers, and compare
	$(RUN) -m analysis.build --full --verify

screenshots: $(DEV) ## take the README's screenshots from the running app
	$(RUN) -m analysis.screenshots $(ARGS)

clean: ## remove caches and build leftovers (not .venv, data/ and runs/)
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find analysis netlib tests -name __pycache__ -prune -exec rm -rf {} +

# Runs under any Python, old ones included, and says in one sentence what is missing.
define PYTHON_CHECK
import sys
v = sys.version_info
if v < (3, 10): sys.exit("This needs Python 3.10 or newer, but $(PYTHON) is %d.%d: name a newer one, as in make PYTHON=python3.12" % v[:2])
from importlib.util import find_spec
if not (find_spec("venv") and find_spec("ensurepip")): sys.exit("$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: sudo apt install python3-venv).")
endef
export PYTHON_CHECK

$(RUN):
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.10 or newer, or name it, as in make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c "$$PYTHON_CHECK"
	$(PYTHON) -m venv $(VENV)

# What answering needs is a tenth of what training needs, and that a part of what the tests need.
$(ANSWER): pyproject.toml constraints.txt | $(RUN)
	$(INSTALL) .
	@touch $@

$(TRAIN): pyproject.toml constraints.txt | $(RUN)
	$(INSTALL) '.[train]'
	@touch $@ $(ANSWER)

$(DEV): pyproject.toml constraints.txt | $(RUN)
	$(INSTALL) '.[dev]'
	@touch $@ $(TRAIN) $(ANSWER)
