"""Shapes of the health endpoints."""

from typing import Literal

from app.models.shape import Shape


class Liveness(Shape):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(Shape):
    """The service can do its work. Without Redis it can too, a second slower."""

    status: Literal["ready"] = "ready"
    database: Literal["up"] = "up"
    redis: Literal["up", "down"]
