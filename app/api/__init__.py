"""The HTTP edge: routes, middleware, and how a refusal becomes a problem."""
