# Veriband. `make` alone lists what there is. Everything sets itself up in .venv.

PYTHON ?= python3
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE := 1

ifneq ($(findstring ",$(CURDIR))$(findstring :,$(CURDIR)),)
$(error The path of this folder has a quotation mark or a colon in it, which Python's environments cannot have: move it elsewhere)
endif

.PHONY: help demo test lint typecheck bench firmware sabotage campaign screenshots lock clean

help:
	@echo "make demo       play a contest day of five simulated wearers, two of whom cheat"
	@echo "make test       run the tests"
	@echo "make firmware   compile the firmware to build/firmware"
	@echo "make lint       check style and formatting"
	@echo "make typecheck  check types"
	@echo "make sabotage   break lines on purpose and see that tests notice"
	@echo "make bench      measure, beside what others use (several minutes; ONLY=pulse: a part)"
	@echo "make campaign   the long tests (about an hour; ONLY=power: one of them)"
	@echo "make screenshots  take the README's pictures of the pages (needs Debian's chromium)"
	@echo "make lock       renew requirements/*.txt"
	@echo "make clean      remove what was built and installed here"

demo: firmware
	@$(BIN)/veriband demo

test: dev firmware
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal tests

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: typings
	@$(BIN)/basedpyright
	@$(BIN)/basedpyright -p firmware

bench: dev peers pulse-peers firmware
	@$(BIN)/python -m tests.bench $(ONLY)

sabotage: dev firmware
	@$(BIN)/python -m tests.sabotage

campaign: dev firmware
	@$(BIN)/python -m tests.campaign $(ONLY)

screenshots: dev
	@$(BIN)/python -m tests.web.pictures

firmware: sim
	@$(BIN)/python firmware/build.py

COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"
lock: dev
	@$(BIN)/python -m pip install -q uv==0.13.9
	@$(COMPILE) pyproject.toml --extra sim --group build -o requirements/sim.txt
	@$(COMPILE) pyproject.toml --extra sim --extra export --extra strip --extra web --group build --group dev -c requirements/sim.txt -o requirements/dev.txt
	@$(COMPILE) --group stubs -o requirements/stubs.txt
	@$(COMPILE) --group bench -o requirements/bench.txt
	@$(COMPILE) --group bench-pulse -o requirements/bench-pulse.txt

clean:
	rm -rf $(VENV) $(VENV)-bench $(VENV)-bench-pulse build firmware/typings .pytest_cache .ruff_cache .hypothesis

# The set-up. A stamp is written last, so that a set-up that was broken off is done again. Only one
# make at a time sets up: another waits for it (the lock is on the Makefile), and finds it done.

.PHONY: sim dev peers pulse-peers typings
sim: STAMP = $(VENV)/.sim
dev: STAMP = $(VENV)/.dev
peers: STAMP = $(VENV)-bench/.done
pulse-peers: STAMP = $(VENV)-bench-pulse/.done
typings: STAMP = firmware/typings/.done
sim dev peers pulse-peers typings:
	@$(MAKE) -q --no-print-directory $(STAMP) 2>/dev/null || { \
	exec 9<Makefile; \
	$(PYTHON) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' 2>/dev/null; \
	$(MAKE) -s --no-print-directory $(STAMP); }

# A clone that was moved, or whose Python has gone, is set up anew.
WHERE := $(shell $(BIN)/python -c 'print(open("$(VENV)/.where").read())' 2>/dev/null)
ifneq ($(WHERE),$(CURDIR))
.PHONY: moved
$(VENV)/.sim: moved
endif

$(VENV)/.sim: requirements/sim.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 or newer (Debian: apt install python3)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version 2>&1) is too old: install Python 3.11 or newer, and name it with 'make PYTHON=python3.11'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: install it with 'apt install python3-venv'." >&2; exit 1; }
	@case "$$(uname -sm)" in "Linux x86_64"|"Darwin arm64") ;; *) echo "The simulator's packages are not made for $$(uname -sm): it runs on Linux (x86-64, glibc) and macOS (arm64)." >&2; exit 1;; esac
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@[ "$(WHERE)" = "$(CURDIR)" ] || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --require-hashes --only-binary :all: -r requirements/sim.txt || { echo "The packages could not be installed: see above. There are some for Python 3.11 to 3.14 on Linux (x86-64, glibc) and macOS (arm64); 'make' again when that is mended." >&2; exit 1; }
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@printf %s "$(CURDIR)" > $(VENV)/.where
	@touch $@

$(VENV)/.dev: $(VENV)/.sim requirements/dev.txt
	@echo "Adding the tools for tests ..."
	@$(BIN)/python -m pip install -q --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

# What we are measured beside, in environments of their own: they do not go together.
$(VENV)-bench/.done $(VENV)-bench-pulse/.done: $(VENV)-%/.done: $(VENV)/.sim requirements/%.txt
	@echo "Setting up $(@D) ..."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -q --require-hashes --only-binary :all: -r requirements/$*.txt
	@touch $@

firmware/typings/.done: $(VENV)/.dev requirements/stubs.txt firmware/patch_stubs.py
	@$(BIN)/python -m pip install -q --no-deps --require-hashes --target firmware/typings --upgrade -r requirements/stubs.txt
	@$(BIN)/python firmware/patch_stubs.py firmware/typings
	@touch $@
