"""The shapes that travel between the layers."""
