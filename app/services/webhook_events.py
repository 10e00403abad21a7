"""What is posted to an endpoint: made of the rows that are never changed, so that every attempt says the same."""

from app.db.database import Row
from app.models.webhooks import PostingEvent, RefusalEvent, RefusedUpdate, TestEvent, WebhookPayload
from app.services.refusals import reason


def event_body(delivery: Row) -> bytes:
    """The JSON of a claimed delivery: `{type, timestamp, data}`, well under 20 KB since every text in it is bounded."""
    payload = {"type": delivery["type"], "timestamp": delivery["created_at"], "data": _data(delivery)}
    return WebhookPayload.trusted(payload).model_dump_json().encode()


def _data(delivery: Row) -> PostingEvent | RefusalEvent | TestEvent:
    match delivery["type"]:
        case "webhook.test":
            return TestEvent.trusted(delivery)
        case "status_update.refused":
            update = {**delivery, "id": delivery["update_id"], "refusal": reason(delivery["refusal"])}
            return RefusalEvent.trusted({**delivery, "status_update": RefusedUpdate.trusted(update)})
        case _:
            return PostingEvent.trusted(delivery)
