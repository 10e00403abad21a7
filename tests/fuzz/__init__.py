"""The running service against its own OpenAPI document: a little in `make test`, as long as you like with `make fuzz`."""
