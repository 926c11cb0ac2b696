# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0

SHELL := /bin/bash
MAKEFLAGS += --keep-going --no-print-directory
# One after the other, whatever -j says, but for these two of `make test`.
HALVES = test_patient test_real_time
ifneq ($(MAKECMDGOALS),$(HALVES))
.NOTPARALLEL:
endif
.DEFAULT_GOAL := help

# make setup PYTHON=python3.12 TORCH_INDEX=...; make train_sim ARGS='steps:=20000'
export PYTHON TORCH_INDEX
IN_ENV = . ./env.sh &&
PYTEST = $(IN_ENV) python -m pytest
# What only computes, or waits for what it needs, is tested by all cores, a test on each.
ALL_CORES = -n auto --dist worksteal

.PHONY: help
help:  ## list what there is to make
	@sed -n -E 's/^([a-z_]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: setup
setup:  ## set up everything (PYTHON=python3.x picks the interpreter); again: takes a second
	@scripts/setup.sh

.PHONY: build
build:  ## build the workspace again, whatever has changed
	@mkdir -p install && echo outdated > install/setup.stamp && scripts/setup.sh

.PHONY: train_sim
train_sim: setup  ## train a policy over ROS 2 in simulation (ARGS='name:=value ...')
	@$(IN_ENV) exec franka-rl up train_sim $(ARGS)

.PHONY: deploy_sim
deploy_sim: setup  ## drive the simulated arm with a policy (ARGS='policy:=runs/... ...')
	@$(IN_ENV) exec franka-rl up deploy_sim $(ARGS)

.PHONY: test
test: lint test_halves  ## check everything, all four tiers

# Tests in real time, one after the other, leave cores idle. The others take those; being nice, they
# take nothing else.
.PHONY: test_halves $(HALVES)
test_halves: setup
	@echo 'Two halves at once; each shows its results when it has ended, in about 10 minutes.'
	@$(MAKE) --jobs=2 --output-sync=recurse $(HALVES)
test_patient: export OMP_NUM_THREADS = 1
test_patient:
	$(IN_ENV) nice -n 19 python -m pytest $(ALL_CORES) -m 'not real_time' $(PYTEST_ARGS)
test_real_time:
	$(PYTEST) -m real_time $(PYTEST_ARGS)

.PHONY: lint
lint: style types  ## check style and types

.PHONY: style types
style: setup
	$(IN_ENV) ruff check
types: setup
	$(IN_ENV) mypy

.PHONY: test_core test_learning test_nodes test_system
test_core test_learning: export OMP_NUM_THREADS = 1
test_core: setup  ## test robots, simulators, tasks, safety
	$(PYTEST) $(ALL_CORES) src/franka_rl_core/test $(PYTEST_ARGS)
test_learning: setup  ## test training and export
	$(PYTEST) $(ALL_CORES) src/franka_rl_learning/test $(PYTEST_ARGS)
test_nodes: setup  ## test the ROS 2 nodes
	$(PYTEST) src/franka_rl_nodes/test $(PYTEST_ARGS)
test_system: setup  ## test what crosses packages
	$(PYTEST) test $(PYTEST_ARGS)

.PHONY: clean
clean:  ## remove what was built
	rm -rf build install log .hypothesis .mypy_cache .pytest_cache .ruff_cache

.PHONY: clean_all
clean_all: clean  ## remove the virtual environment too
	rm -rf .venv
