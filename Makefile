# `make demo` and `make test` do everything from nothing; `make setup` does just the installation.
# An interpreter of your choice: make setup PYTHON=/path/to/python3.12

BIN := .venv/bin
STAMP := .venv/.setup-done
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
FIND_PYTHON := for python in $(or $(PYTHON),python3 python3.12 python3.13 python3.11); do \
  "$$python" -c '$(SUITABLE)' >/dev/null 2>&1 && echo "$$python" && break; done

.PHONY: help setup demo test fuzz lint types format schemas clean

help:
	@echo "make setup    install everything: system libraries, pinned packages into .venv, model weights"
	@echo "make demo     setup, then the whole road on synthetic input, in demo/"
	@echo "make test     setup, then lint, types and tests"
	@echo "make fuzz     give every parser thousands of damaged documents, new ones each time, and 700 damaged videos"
	@echo "make format   bring the code into the project's format"
	@echo "make schemas  write schemas/*.json from the code"
	@echo "make clean    remove .venv, caches and build output"

setup: $(STAMP)

ROAD := cd demo && ../$(BIN)/humandata

demo: setup
	@mkdir -p demo
	$(ROAD) demo
	$(ROAD) extract videos/ --out shards/
	$(ROAD) ingest robots/droid_lerobot --out shards/
	$(ROAD) ingest robots/panda_robomimic.hdf5 --out shards/
	$(ROAD) mix --robot-ratio 0.8
	$(ROAD) train
	$(ROAD) overlay shards/videos --out hands.png
	$(ROAD) overlay shards/droid_lerobot --out robot.png
	cd demo && ../$(BIN)/humandata overlay runs/* --out predictions.png
	@echo "Look at demo/hands.png, demo/robot.png and demo/predictions.png."

test: lint types
	$(BIN)/python -m pytest

fuzz: setup
	HUMANDATA_FUZZ=3000 HUMANDATA_HOSTILE=1 $(BIN)/python -m pytest tests/fuzz tests/video/test_hostile.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: setup
	$(BIN)/python -m humandata.schemas

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m humandata.system_libraries
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	$(BIN)/humandata models --fetch
	@touch $(STAMP)

$(BIN)/python:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y python3 python3-venv; \
	  python="$$($(FIND_PYTHON))"; \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "no Python 3.11, 3.12 or 3.13 with the venv module was found. On Debian or Ubuntu:" >&2; \
	  echo "  sudo apt-get update && sudo apt-get install -y python3 python3-venv" >&2; \
	  echo "or name one: make setup PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi; \
	echo "$$python -m venv .venv"; "$$python" -m venv --clear .venv
