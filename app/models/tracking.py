"""What the public sees of a posting: these shapes cannot hold personal data."""

from pydantic import Field

from app.models.fields import Day, Status, Timestamp, TrackingCode, Uf
from app.models.shape import Shape


class PublicStep(Shape):
    """A step as the public sees it."""

    status: Status
    occurred_at: Timestamp
    city: str | None
    uf: Uf | None
    description: str | None


class Tracking(Shape):
    """Where a parcel is; the steps in the order in which they happened."""

    tracking_code: TrackingCode
    test: bool = Field(description="Whether nothing is shipped: somebody tries something.")
    status: Status
    service: str
    posted_at: Timestamp
    estimated_delivery: Day | None
    destination_city: str
    destination_uf: Uf
    steps: list[PublicStep]


class Trackings(Shape):
    """What is known of the codes asked for, in that order, and which are unknown or mistyped."""

    found: list[Tracking]
    unknown: list[TrackingCode] = Field(description="Well-formed, but no posting has this code.")
    mistyped: list[str] = Field(description="Not a tracking code: the shape or the check digit is wrong.")
