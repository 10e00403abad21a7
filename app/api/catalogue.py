"""The catalogue of problems: what each code means, for whoever follows the `type` of one."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from app.api import edge_errors, portuguese
from app.api.problems import STATUS_OF, declares, title_of, type_of
from app.models.problems import ProblemKind, ProblemKinds
from app.services.errors import Refusal

router: Final = APIRouter(prefix="/problems", tags=["problems"])


def _kind(refusal: type[Refusal]) -> ProblemKind:
    title_pt, detail_pt = portuguese.TEXTS[refusal.code()]
    return ProblemKind(
        type=type_of(refusal),
        code=refusal.code(),
        status=STATUS_OF[refusal],
        title=title_of(refusal),
        detail=refusal.sentence(),
        title_pt=title_pt,
        detail_pt=detail_pt,
    )


_KINDS: Final = {refusal.code(): _kind(refusal) for refusal in STATUS_OF}


@router.get("")
async def list_problems() -> ProblemKinds:
    """Every code that an error of this API can have."""
    return ProblemKinds(problems=list(_KINDS.values()))


@router.get("/{code}", responses=declares(edge_errors.NotFound))
async def get_problem(code: Annotated[str, Path(json_schema_extra={"pattern": "^[a-z_]{1,40}$"})]) -> ProblemKind:
    """What one code means."""
    try:
        return _KINDS[code]
    except KeyError:
        raise edge_errors.NotFound from None
