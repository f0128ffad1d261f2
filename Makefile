# `make demo` and `make test` set up whatever they need. See docs/install.md.

PYTHON ?= python3
# A video, rosbag, folder of images, image or webcam index for `make demo`.
SOURCE ?=
# Passed on to the program: make demo ARGS="--seconds 10", make test ARGS="-k placement".
ARGS ?=

SETUP = $(PYTHON) tools/setup
ENV = .venv/bin/hmr-env
HMR = .venv/bin/hmr

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint bench clean distclean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:  ## the node and the demo: .venv, ROS messages, models (no torch)
	@$(SETUP)

setup-dev:  ## the same, and what training, export and the tests need
	@$(SETUP) --development

demo: setup  ## people in a video, live in the terminal; SOURCE=video|bag|folder|webcam index
ifeq ($(SOURCE),)
	@$(ENV) python tools/fetch_video.py
endif
	@$(HMR) demo $(if $(SOURCE),"$(SOURCE)") $(ARGS)

test: setup-dev  ## all tests but two, for which everything is compiled for another processor
	@$(ENV) python -m pytest -m "not long" $(ARGS)

test-all: setup-dev  ## those two as well
	@$(ENV) python -m pytest $(ARGS)

lint: setup-dev  ## style and import rules
	@$(ENV) ruff check .
	@$(ENV) ruff format --check .
	@$(ENV) python -m pytest -q test/test_import_rules.py

bench: setup-dev  ## every benchmark of `hmr bench`; figures in out/bench.json
	@$(HMR) bench all --json out/bench.json $(ARGS)

clean:  ## remove what was built; .venv stays
	rm -rf build install log out .pytest_cache .ruff_cache .hypothesis

distclean: clean  ## remove .venv as well
	rm -rf .venv .cache
