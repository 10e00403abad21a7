"""The pages that labels are on: how large they are, where labels are on them, and where they are cut."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from app.labels.items import Area, Rule

Size: TypeAlias = Literal["a6", "100x150"]
Page: TypeAlias = Literal["a6", "100x150", "a4-1", "a4-2", "a4-4"]

# ISO 216.
_A6: Final = (105.0, 148.0)
_WIDTH: Final = 210.0
_HEIGHT: Final = 297.0
# A label of A6 turned and enlarged for half a sheet. 1.35 keeps the modules of the bars within the 0.51 mm of S10 (0.506 mm), and
# leaves a margin that every printer has.
_LARGE: Final = 1.35
_MARK: Final = 5.0
_MARK_WIDTH: Final = 0.25


class Place(NamedTuple):
    """Where on a page a label's top left corner is, from the page's, and how large and whether turned it is drawn."""

    x: float
    y: float
    scale: float = 1.0
    turned: bool = False


class PageKind(NamedTuple):
    """A page: its width and height, where labels are on it, how large they are before they are scaled, and where it is cut."""

    width: float
    height: float
    places: tuple[Place, ...] = (Place(0, 0),)
    label: tuple[float, float] = _A6
    cut_x: tuple[float, ...] = ()
    cut_y: tuple[float, ...] = ()

    def cut_marks(self) -> Iterator[Rule]:
        """Short lines at the edges and in the middle of every cut."""
        half = _MARK_WIDTH / 2
        for x in self.cut_x:
            for y in (0, self.height / 2 - _MARK / 2, self.height - _MARK):
                yield Rule(Area(x - half, y, x + half, y + _MARK))
        for y in self.cut_y:
            for x in (0, self.width / 2 - _MARK / 2, self.width - _MARK):
                yield Rule(Area(x, y - half, x + _MARK, y + half))


_HALF: Final = ((_WIDTH - 148 * _LARGE) / 2, (_HEIGHT / 2 + 105 * _LARGE) / 2)
PAGES: Final[dict[Page, PageKind]] = {
    "a6": PageKind(*_A6),
    "100x150": PageKind(100, 150, label=(100, 150)),
    "a4-1": PageKind(_WIDTH, _HEIGHT, cut_x=(_WIDTH / 2,), cut_y=(_HEIGHT / 2,)),
    "a4-2": PageKind(
        _WIDTH,
        _HEIGHT,
        tuple(Place(_HALF[0], _HALF[1] + half * _HEIGHT / 2, _LARGE, turned=True) for half in (0, 1)),
        cut_y=(_HEIGHT / 2,),
    ),
    "a4-4": PageKind(
        _WIDTH,
        _HEIGHT,
        tuple(Place(x, y) for y in (0, _HEIGHT / 2) for x in (0, _WIDTH / 2)),
        cut_x=(_WIDTH / 2,),
        cut_y=(_HEIGHT / 2,),
    ),
}
