"""The operator's view of the queue."""

from typing import Final

from fastapi import APIRouter

from app.api.problems import declares
from app.core.deps import OperatorDep, PartsDep, ReaderDep
from app.models.status_updates import Queue, Redrive, RedriveRequest
from app.services import queue_service
from app.services.errors import OperatorOnly

router: Final = APIRouter(prefix="/admin", tags=["admin"], responses=declares(OperatorOnly))


@router.get("/queue")
async def get_queue(reader: ReaderDep, _operator: OperatorDep) -> Queue:
    """How many updates wait, since when, and how many dead letters there are (`GET /status-updates?refusal=internal_error` lists them)."""
    return await queue_service.get_queue(reader)


@router.post("/dead-letters/redrive")
async def redrive_dead_letters(parts: PartsDep, _operator: OperatorDep, redrive: RedriveRequest) -> Redrive:
    """Queue dead letters again: those named, or all."""
    return await queue_service.redrive_dead_letters(parts.database, parts.hints, redrive.status_update_ids)
