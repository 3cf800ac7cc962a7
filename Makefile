# Two commands: `make demo` and `make test`. Each builds its own environment in .venv first, from
# nothing but Python 3.11 or newer with pip and venv.

PYTHON ?= python3
PORT ?= 8470
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test clean
.DEFAULT_GOAL := demo

# The lock names every direct and indirect version with its hash; the project itself comes last,
# editable, with nothing left to resolve.
$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "需要 Python 3.11 以上 / Python 3.11 or newer is needed (PYTHON=...)"; exit 2; }
	@echo "==> 正在准备运行环境（首次约一分钟）/ preparing the environment in $(VENV), about a minute once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "==> 正在准备开发工具 / adding what the checks need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# make demo DEMO=once runs the river without a browser, writes the case file and ends.
demo: $(VENV)/.runtime
	@exec $(BIN)/liuhen demo --port $(PORT) $(if $(filter once,$(DEMO)),--once)

test: $(VENV)/.dev
	@sh tests/system.sh
	@echo "==> 格式与规范 / format and lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@echo "==> 类型 / types"
	@$(BIN)/mypy
	@echo "==> 依赖方向 / import contracts"
	@$(BIN)/lint-imports --no-logo
	@echo "==> 测试 / tests"
	@$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile
	@echo "==> 安装包 / the built wheel, from another directory"
	@sh tests/wheel.sh $(CURDIR) $(BIN)/python

clean:
	rm -rf $(VENV) dist build demo-output
