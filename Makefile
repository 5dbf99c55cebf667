# make app | test | lab | bench | verify: each installs what it needs into .venv and starts at once the second time.
VENV := .venv
BIN  := $(VENV)/bin
PORT ?= 5006
ARGS ?=
PYTHON ?=

.PHONY: help app test verify lab bench figures screenshot clean

help:
	@echo "make app       serve the explorer at http://localhost:$(PORT)/app"
	@echo "make test      run every test (ARGS='-k kernels' chooses some)"
	@echo "make lab       open the lecture notebooks in JupyterLab"
	@echo "make bench     print the benchmark table"
	@echo "make figures   make figures 2 and 3 of Tensor Programs I (ARGS='--help' for choices)"
	@echo "make verify    run the long ladders of widths and slopes, write tests/verify.md"
	@echo "make clean     remove .venv and caches"

$(BIN)/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); \
	  echo "$$python has no working venv module (on Debian and Ubuntu: apt install python3-venv)."; \
	done; \
	echo "Python 3.11 or newer with venv is needed; name one with PYTHON=/path/to/python3."; exit 1

# One stamp a set of extras, older than the lists below exactly when an install is due.
$(VENV)/.app: EXTRAS :=
$(VENV)/.test: EXTRAS := [test,lab]
$(VENV)/.lab: EXTRAS := [lab]
$(VENV)/.app $(VENV)/.test $(VENV)/.lab: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the project$(EXTRAS) into $(VENV): a few minutes the first time"
	@$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".$(EXTRAS)"
	@touch $@

app: $(VENV)/.app
	@exec $(BIN)/python -m tpapp.serve --port $(PORT) $(ARGS)

test: $(VENV)/.test
	@$(BIN)/python -m tests.browser.chromium
	@exec $(BIN)/python -m tests $(ARGS)

verify: $(VENV)/.test
	@$(BIN)/python -m tests.browser.chromium
	@exec $(BIN)/python -m tests.verify $(ARGS)

lab: $(VENV)/.lab
	@exec $(BIN)/python -m jupyterlab --notebook-dir notebooks $$(test "$$(id -u)" != 0 || echo --allow-root) $(ARGS)

bench: $(VENV)/.test
	@$(BIN)/python -m tests.browser.chromium
	@exec $(BIN)/python -m tests.benchmarks $(ARGS)

figures: $(VENV)/.test
	@$(BIN)/python -m tests.browser.chromium
	@exec $(BIN)/python -m notebooks.figures $(ARGS)

screenshot: $(VENV)/.test
	@$(BIN)/python -m tests.browser.chromium
	@exec $(BIN)/python -m tests.browser.screenshot

clean:
	rm -rf $(VENV) .cache .pytest_cache build dist *.egg-info
