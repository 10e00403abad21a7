"""Health, for machines that start, restart and balance."""

from typing import Final

from fastapi import APIRouter

from app.api.edge_errors import ServiceUnavailable
from app.api.problems import declares
from app.core.deps import PartsDep
from app.models.health import Liveness, Readiness
from app.services import health_service
from app.services.errors import ShuttingDown

router: Final = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def get_liveness() -> Liveness:
    """The process answers: restart it when this does not."""
    return Liveness()


@router.get("/ready", responses=declares(ServiceUnavailable, ShuttingDown))
async def get_readiness(parts: PartsDep) -> Readiness:
    """PostgreSQL answers and is migrated, and the process is to stay: send no traffic while this says 503.

    Redis may be down: updates take a second longer.
    """
    return await health_service.check_readiness(parts.database.reader, parts.stream, parts.closing)
