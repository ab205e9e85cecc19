# Thin: each target is one script.
# Variables: PORT (8080), STATE_DIR (var/), REPLICAS (1), TLS (no; yes: mutual TLS between services), and every setting of the services.
.PHONY: help up down status logs clean-state test bench mock images

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## install what is missing, build, start everything that does not run, print the story
	@deploy/local/up.sh

down: ## stop everything that make up started; its data stays
	@deploy/local/down.sh

status: ## what runs and what died
	@deploy/local/status.sh

logs: ## the end of every log (FOLLOW=1: and what comes)
	@deploy/local/logs.sh

clean-state: ## stop everything and drop its data
	@deploy/local/clean-state.sh

test: ## install what is missing, build, run every test (TESTS='-L unit': some)
	@deploy/local/test.sh

bench: ## measure against the raw engines and print one table
	@deploy/local/install.sh
	@bench/run.sh

images: ## the images of all programs, by podman or docker
	@deploy/docker/images.sh

mock: ## serve the examples of web/openapi.json, without any service (PORT: 4010)
	@deploy/local/mock.sh
