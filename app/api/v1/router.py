"""All routes of version 1."""

from typing import Final

from fastapi import APIRouter

from app.api.v1.endpoints import (
    routes_admin,
    routes_api_keys,
    routes_auth,
    routes_clients,
    routes_labels,
    routes_postings,
    routes_status_updates,
    routes_tracking,
    routes_webhooks,
)

router: Final = APIRouter(prefix="/api/v1")
for routes in (
    routes_clients,
    routes_api_keys,
    routes_auth,
    routes_postings,
    routes_labels,
    routes_status_updates,
    routes_tracking,
    routes_webhooks,
    routes_admin,
):
    router.include_router(routes.router)
