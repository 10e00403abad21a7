"""What the API is measured against over HTTP: nothing but the server, nothing but the framework, and the ordinary way."""
