# One command each; everything they make stays in this folder. See CONTRIBUTING.md.
#   PYTHON=python3.12   the Python to make .venv with        ARGS="..."   handed on to the command

VENV := .venv/bin
FIND := $$(sh scripts/find-python)

.DEFAULT_GOAL := help
.PHONY: help run setup test check fix bench soak faultgrid strangers load quota page-load fanout probe fuzz cover wheel lock clean

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## environment, UI and the desk: make run ARGS="--source tape:PATH --speed 20"
	@python=$(FIND) && "$$python" scripts/setup.py --run
	@exec $(VENV)/bethna up $(ARGS)

setup: ## everything a developer needs, in .venv; quick when nothing changed
	@python=$(FIND) && "$$python" scripts/setup.py

test: ## every test that can run here; what cannot is named at the end
	@python=$(FIND) && "$$python" scripts/setup.py --keep-going
	@$(VENV)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --continue-on-collection-errors $(ARGS)

check: ## format, lint, types, floors and house rules
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/python scripts/check.py

fix: ## what ruff can put right by itself, then check
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/python scripts/check.py --fix

bench: ## measure against peers: prints the table
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/python -m benchmarks $(ARGS)

soak: ## the long campaigns, whole
	@python=$(FIND) && "$$python" scripts/setup.py --keep-going
	@BETHNA_TEST_SOAK=1 $(VENV)/python -m pytest tests -m soak --timeout=7200 $(ARGS)

faultgrid: ## every fault many times against the whole desk: make faultgrid VENUE=kraken ARGS="--cell cut --seeds 20"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@PYTHONPATH=tests $(VENV)/python -m faultgrid.grid $(VENUE) $(ARGS)

strangers: ## clients that others wrote, against the twin: prints the table
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@PYTHONPATH=tests $(VENV)/python -m strangers $(ARGS)

load: ## a desk at 20,000 messages a second for ten minutes: make load ARGS="--seconds 60"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@PYTHONPATH=tests $(VENV)/python -m load $(ARGS)

quota: ## a dozen processes that want all a venue gives, against one twin: make quota ARGS="--seconds 0"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@PYTHONPATH=tests $(VENV)/python -m quota $(ARGS)

fanout: ## fifty thousand ticks a second into a hundred pages: make fanout ARGS="--seconds 10"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@PYTHONPATH=tests $(VENV)/python -m fanout $(ARGS)

probe: ## schemathesis against a desk's own description: make probe ARGS="--max-examples 200"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/python scripts/probe.py $(ARGS)

page-load: ## the page at 10,000 updates a second in a real browser: make page-load ARGS="--seconds 60"
	@python=$(FIND) && "$$python" scripts/setup.py
	@PYTHONPATH=tests $(VENV)/python -m pageload $(ARGS)

fuzz: ## coverage-guided fuzzing of what reads foreign bytes, venue by venue: make fuzz VENUE=kraken ARGS="--seconds 600"
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/python scripts/fuzz.py $(VENUE) $(ARGS)

cover: ## branch coverage of the pure rooms (must be whole)
	@python=$(FIND) && "$$python" scripts/setup.py --no-ui
	@$(VENV)/coverage run -m pytest -q tests/unit tests/property tests/recorded $(ARGS)
	@$(VENV)/coverage report

wheel: ## dist/*.whl and *.tar.gz with the UI inside
	@python=$(FIND) && "$$python" scripts/setup.py
	@rm -rf dist
	@$(VENV)/python -m build --no-isolation --outdir dist

lock: ## resolve the pinned requirements anew: make lock ARGS="--upgrade"
	@python=$(FIND) && "$$python" scripts/lock.py $(ARGS)

clean: ## remove what make made (not your data)
	@rm -rf .venv .node .fuzz build dist src/bethna/web_dist web/node_modules htmlcov .coverage
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .setup.lock .ui.lock
