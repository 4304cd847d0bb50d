# Two commands set up everything: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test slow check docs bench lock matrix dist clean

setup: $(READY)

# A copy of the lock as a constraint: versions come from it, and the extras from pyproject.toml.
$(READY): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 10) <= v <= (3, 13) and "Python 3.10 to 3.13 is needed, found %d.%d: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python -m recipes.retrieval all

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

slow: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pip check
	$(MAKE) docs

# Warnings are errors: dead links, pages that lack a public name, anything fetched from a network.
# To read it: python -m http.server --bind 127.0.0.1 --directory site
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# Ratios of what must stay fast, beside those that were kept: says what has moved.
bench: setup
	$(BIN)/python -m benchmarks.watch

# The markers that hold everywhere in the matrix of versions say nothing: sed takes them out.
lock:
	{ sed -n '/^#/p' requirements.lock; \
	  uv pip compile pyproject.toml --extra dev --universal --python-version 3.10 --upgrade \
	    --no-python-downloads --no-emit-index-url --no-header --no-annotate --quiet \
	  | sed -E "s/ and (platform_machine|sys_platform|platform_python_implementation) [!=]= '[^']*'//g; \
	      s/( ;| and) python_full_version < '3.14'//"; } > requirements.lock.new
	mv requirements.lock.new requirements.lock

# The fast tests in an environment for each Python that is here and each TensorFlow that it can have.
matrix:
	$(PYTHON) tools/matrix.py

dist: setup
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) .matrix runs build dist site
