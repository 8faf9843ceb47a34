PYTHON ?= python3.11
BIN := .venv/bin
LOCK = $(BIN)/uv pip compile --generate-hashes --python-version 3.11 --quiet \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## A simulated evening of sport through the whole pipeline; no key, no account (ARGS="--for 60")
	$(BIN)/sharpline up --source simulator $(ARGS)

test: setup ## Every test, on real brokers (ARGS="-k arbitrage")
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

cover: setup ## The same, and which lines and branches they ran, in the workers that they started too
	$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered $(ARGS)

check: setup ## Lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## Put code and imports into the one form
	$(BIN)/ruff check --select I --fix
	$(BIN)/ruff format

bench: setup ## The benchmarks, each beside a plain loop in the same run
	$(BIN)/python -m tests.benchmarks $(ARGS)

bench-gateway: setup ## The gateway's: 10,000 sockets, slow clients, resume after a kill, start, bet stop
	$(BIN)/python -m tests.benchmarks fanout comeback bet_stop

chaos: setup ## Kills, pauses, dead brokers, bad input: what holds afterwards (ARGS="kills --seed 7")
	$(BIN)/python -m tests.chaos $(ARGS)

dashboards: setup ## Write deploy/grafana/dashboards anew from the Python beside it
	$(BIN)/python -m deploy.grafana.build

lock: setup ## Write requirements.lock anew from pyproject.toml; what is locked stays unless ARGS="--upgrade"
	$(LOCK) pyproject.toml --all-extras --output-file requirements.lock $(ARGS)
	$(LOCK) pyproject.toml --extra producers --extra processors --extra gateway --constraints requirements.lock \
		--output-file requirements-runtime.lock $(ARGS)
	$(LOCK) --group build --output-file requirements-build.lock $(ARGS)

setup: .venv/.installed .venv/.broker .venv/.page ## What all the others need: .venv, a broker's jars or image, the page's charts

clean: ## Remove what setup and the tools made in this folder
	rm -rf .venv .coverage* build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo \
		"Sharpline needs Python 3.11, and $(PYTHON) is not it: install python3.11, or say where it is: make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo \
		"Python cannot make a virtual environment: install its venv module (Debian: apt-get install python3.11-venv)"; exit 1; }
	@echo "installing what requirements.lock names into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		--requirement requirements.lock --requirement requirements-build.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import ctypes, sys; sys.platform != "linux" or ctypes.CDLL("libgomp.so.1")' 2>/dev/null || { echo \
		"LightGBM needs the library libgomp.so.1, which is not here (Debian: apt-get install libgomp1)"; exit 1; }
	@touch $@

.venv/.broker: .venv/.installed deploy/broker/pom.xml
	@$(BIN)/python -m pipeline.local
	@touch $@

# Beside the environment and not in the wheel: who has no npm has the page without charts, and it says so.
.venv/.page: .venv/.installed deploy/page/package.json deploy/page/package-lock.json
	@mkdir -p .venv/share/sharpline/page
	@cp deploy/page/package.json deploy/page/package-lock.json .venv/share/sharpline/page
	@if ! command -v npm > /dev/null; then echo "npm is not here: the page will show tables instead of charts"; \
	elif cd .venv/share/sharpline/page && npm ci --omit=dev --silent --no-audit --no-fund --ignore-scripts; then touch ../../../.page; \
	else echo "npm could not install what deploy/page/package.json names: the page will show tables instead of charts"; fi

browser: setup ## What the tests of the page need beside a chromium (Debian: apt-get install chromium-headless-shell)
	@cd .venv/share/sharpline/page && npm ci --silent --no-audit --no-fund --ignore-scripts

.PHONY: browser help demo test cover check format bench bench-gateway chaos dashboards lock setup clean
