# Runs, tests and checks the project on a machine that has make and python3, and nothing else. `make help` lists the targets.
# Nothing here needs an absolute path, so the project may live anywhere, also in a folder with a space in its name.

MAKEFLAGS += --no-print-directory
# Python 3.11 cannot read its own list of packages when the project's path has an accent and the locale does not know it.
export LC_ALL := C.UTF-8
CODE := app bench chaos tests
POSTAGENS := .venv/bin/python -m app.cli

# Only what was said on the command line counts: NAME and EMAIL are set on many machines for other reasons.
said = $(if $(findstring command line,$(origin $(1))),$(2))

.DEFAULT_GOAL := help
.PHONY: help up demo operator migrate test check audit chaos fuzz bench bench-bytecodes bench-growth bench-labels bench-live bench-sign-ins bench-vacuum format clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

up: ## Run everything here: PostgreSQL, Valkey, API, workers [PORT=8000] [WORKERS=1]; Ctrl-C stops
	@sh .ci/sync run
	@exec $(POSTAGENS) up --by-make $${PORT:+--port "$$PORT"} $${WORKERS:+--workers "$$WORKERS"}

demo: ## Play sample traffic through the running API
	@sh .ci/sync run
	@exec $(POSTAGENS) demo

operator: ## Create an operator [EMAIL=you@example.com] [NAME='Your name']
	@sh .ci/sync run
	@exec $(POSTAGENS) create-operator $(call said,EMAIL,--email "$$EMAIL") $(call said,NAME,--name "$$NAME")

migrate: ## Bring the database of DATABASE_URL, or of the running `make up`, to this release
	@sh .ci/sync run
	@exec $(POSTAGENS) migrate

test: ## Run all tests, on a PostgreSQL and a Valkey of their own [ARGS='-k name']
	@sh .ci/sync develop
	@exec .venv/bin/python -m pytest $(ARGS)

fuzz: ## Hold the running service against its OpenAPI document [SECONDS=600 | EXAMPLES=100] [SEED=1]
	@sh .ci/sync develop
	@exec .venv/bin/python -m tests.fuzz $(call said,SECONDS,--seconds "$$SECONDS") $(call said,EXAMPLES,--examples "$$EXAMPLES") \
		$(call said,SEED,--seed "$$SEED")

check: ## Check format, lint, types, import contracts and migrations
	@sh .ci/sync develop
	.venv/bin/ruff format --check $(CODE)
	.venv/bin/ruff check $(CODE)
	.venv/bin/python -m mypy
	.venv/bin/python -m basedpyright
	.venv/bin/lint-imports
	@for file in app/db/migrations/*.sql; do \
		sed '/^-- migrate:down/,$$d' "$$file" | .venv/bin/squawk --stdin-filepath "$$file" || exit 1; \
	done

audit: ## Ask whether a version in the lock file has a known vulnerability (needs the internet)
	@sh .ci/sync audit

chaos: ## Break a running system at random and check every promise [SEED=1] [DURATION=60] [FAULT=name|list] [CONTROL=name]
	@sh .ci/sync develop
	@exec .venv/bin/python -m chaos $(call said,SEED,--seed "$$SEED") $(call said,DURATION,--duration "$$DURATION") \
		$(call said,FAULT,--fault "$$FAULT") $(call said,CONTROL,--control "$$CONTROL")

bench: ## Measure against the limits and against what others use [QUICK=1] [SECTION=deciding] [ALONE=1: without the peers]
	@sh .ci/sync develop
	@$(if $(call said,ALONE,1),,sh .ci/sync peers)
	@exec .venv/bin/python -m bench $(call said,QUICK,--quick) $(call said,SECTION,--section "$$SECTION") $(call said,ALONE,--alone)

bench-bytecodes: ## Count what Python carries out for a request, beside a bare FastAPI route
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.bytecodes

bench-growth: ## Measure what growth costs, filling up to [POSTINGS=1000000]
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.growth $(call said,POSTINGS,--postings "$$POSTINGS")

bench-labels: ## Measure how long a label takes, and the memory of 500 in one file
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.labels

bench-live: ## Measure what open streams cost, and how soon an update is on them [STREAMS=2000]
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.live $(call said,STREAMS,--streams "$$STREAMS")

bench-sign-ins: ## Measure what a flood of sign-ins costs everybody else
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.sign_ins

bench-vacuum: ## Measure what vacuuming gives and costs [POSTINGS=300000] [UPDATES=300000]
	@sh .ci/sync develop
	@exec .venv/bin/python -m bench.vacuum $(call said,POSTINGS,--postings "$$POSTINGS") $(call said,UPDATES,--updates "$$UPDATES")

format: ## Format the code and mend what the linter can mend
	@sh .ci/sync develop
	.venv/bin/ruff check --fix $(CODE)
	.venv/bin/ruff format $(CODE)

clean: ## Remove what make made, except the data in ./var
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
