"""`postagens replay`: plays a file of orders through the HTTP API as real traffic."""
