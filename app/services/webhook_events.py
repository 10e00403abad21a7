"""What is posted to an endpoint: made of the rows that are never changed, so that every attempt says the same."""

from app.db.database import Row
from app.models.webhooks import PostingEvent, RefusalEvent, RefusedUpdate, TestEvent, WebhookPayload
from app.services.refusals import reason


def event_body(delivery: Row) -> bytes:
    """The JSON of a claimed delivery: `{type, timestamp, data}`, well under 20 KB since every text in it is bounded."""
    payload = WebhookPayload.model_construct(
        type=delivery["type"], timestamp=delivery["created_at"], data=_data(delivery)
    )
    return payload.model_dump_json().encode()


def _data(delivery: Row) -> PostingEvent | RefusalEvent | TestEvent:
    match delivery["type"]:
        case "webhook.test":
            return TestEvent.model_construct(endpoint_id=delivery["endpoint_id"])
        case "status_update.refused":
            update = RefusedUpdate.model_construct(
                **{name: delivery[name] for name in RefusedUpdate.model_fields.keys() - {"id", "refusal"}},
                id=delivery["update_id"],
                refusal=reason(delivery["refusal"]),
            )
            names = RefusalEvent.model_fields.keys() - {"status_update"}
            return RefusalEvent.model_construct(**{name: delivery[name] for name in names}, status_update=update)
        case _:
            return PostingEvent.model_construct(**{name: delivery[name] for name in PostingEvent.model_fields})
