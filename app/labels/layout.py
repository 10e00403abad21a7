"""Where everything stands on a label: the same for PDF, PNG and ZPL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import segno
from ppf.datamatrix.datamatrix import DataMatrix

from app.labels.font import BASELINE, LEADING
from app.labels.items import Area, Bars, Item, Line, Matrix, Rule, bars
from app.labels.text import Draws, Measure, fit, readable
from app.models.postings import Party, Posting

_POINT: Final = 25.4 / 72
_MARGIN: Final = 5.0
_GAP: Final = 1.5
_RULE: Final = 0.375
_CAPTION: Final = 6.5
_FRAME: Final = 2.5
_HEADER: Final = 14.0
_CODE_HEIGHT: Final = 7.5
_CEP_HEIGHT: Final = 13.0
_SENDER: Final = 27.0
_QR_MODULE: Final = 0.75
_QR_MASK: Final = 2
_QR_QUIET: Final = 4  # ISO/IEC 18004
_MATRIX_MODULE: Final = 0.75
_MATRIX_QUIET: Final = 2  # ISO/IEC 16022 asks for one
_UNKNOWN: Final = "?"
_TEST: Final = "TESTE"
_DO_NOT_SHIP: Final = "NÃO ENVIAR - DO NOT SHIP"


@dataclass(frozen=True, slots=True)
class Block:
    """A text and how it is set: at most so large, and in a box at most so high."""

    paragraphs: Sequence[str]
    points: float
    height: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Designer:
    """Sets labels of one size for a device that draws certain characters."""

    draws: Draws
    measure: Measure
    width: float
    height: float

    def items(self, posting: Posting, tracking_url: str, *, data_matrix: bool) -> list[Item]:
        """All that stands on the label of this posting. No document, phone, e-mail, value or metadata does."""
        right, bottom = self.width - _MARGIN, self.height - _MARGIN
        header_bottom = _MARGIN + _HEADER
        code = bars(posting.tracking_code, center=self.width / 2, top=header_bottom + 2 * _GAP + _CODE_HEIGHT)
        recipient_top = code.area.bottom + 2 * _GAP
        sender_top = bottom - _SENDER
        return [
            *self._frame(),
            *self._header(posting, Area(_MARGIN, _MARGIN, right, header_bottom)),
            self._rule(header_bottom),
            *self._centered(_grouped(posting.tracking_code), code),
            code,
            self._rule(recipient_top),
            *self._recipient(posting, tracking_url, Area(_MARGIN, recipient_top + _GAP, right, sender_top - _GAP)),
            self._rule(sender_top),
            *self._sender(posting, Area(_MARGIN, sender_top + _GAP, right, bottom), data_matrix=data_matrix),
        ]

    def _frame(self) -> list[Item]:
        right, bottom = self.width - _FRAME, self.height - _FRAME
        return [
            Rule(Area(_FRAME, _FRAME, right, _FRAME + _RULE)),
            Rule(Area(_FRAME, bottom - _RULE, right, bottom)),
            Rule(Area(_FRAME, _FRAME + _RULE, _FRAME + _RULE, bottom - _RULE)),
            Rule(Area(right - _RULE, _FRAME + _RULE, right, bottom - _RULE)),
        ]

    def _rule(self, top: float) -> Rule:
        return Rule(Area(_FRAME + _RULE, top, self.width - _FRAME - _RULE, top + _RULE))

    def _header(self, posting: Posting, area: Area) -> list[Item]:
        middle = area.left + area.width * 0.56
        # Nobody may take the label of a test posting for one that a carrier has to deliver.
        caption, headline = (_DO_NOT_SHIP, f"{_TEST} - TEST") if posting.test else ("SERVIÇO", posting.service.upper())
        service = Block([headline], 20, area.height - 5, bold=True)
        details = [
            _caption("PESO"),
            Block([_weight(posting.weight_g)], 11, 5, bold=True),
            *([Block([f"Ref.: {posting.reference}"], 8.5, area.height - 5 - 3.5)] if posting.reference else []),
        ]
        return [
            *self._stack([_caption(caption), service], Area(area.left, area.top, middle - _GAP, area.bottom)),
            Rule(Area(middle - _RULE, _FRAME + _RULE, middle, area.bottom)),
            *self._stack(details, Area(middle + _GAP, area.top, area.right, area.bottom)),
        ]

    def _centered(self, text: str, code: Bars) -> list[Item]:
        size = 16 * _POINT
        left = (code.area.left + code.area.right - self.measure(text) * size) / 2
        return [self._line(text, left, code.area.top - _CODE_HEIGHT, size, bold=True)]

    def _recipient(self, posting: Posting, tracking_url: str, area: Area) -> list[Item]:
        party = posting.recipient
        code = _qr(tracking_url, right=area.right, top=area.top)
        quiet = code.quiet * code.module
        beside = Area(area.left, area.top, code.area.left, area.bottom - _CEP_HEIGHT)
        below = Area(code.area.left + quiet, code.area.bottom, area.right, area.bottom)
        cep = Area(area.left, area.bottom - _CEP_HEIGHT, area.right, area.bottom)
        city = 11.0
        name = (beside.height - 3 - city) * 0.4
        blocks = [
            _caption("DESTINATÁRIO"),
            Block([party.name], 14, name, bold=True),
            Block(_street(party), 12, beside.height - 3 - city - name),
            Block([f"{party.city} - {party.uf}"], 12, city, bold=True),
        ]
        return [
            *self._stack(blocks, beside),
            code,
            *self._stack([_caption("Acompanhe a entrega")], below),
            *self._stack(
                [Block([f"{_TEST if posting.test else 'CEP'} {_cep(party.cep)}"], 30, _CEP_HEIGHT, bold=True)], cep
            ),
        ]

    def _sender(self, posting: Posting, area: Area, *, data_matrix: bool) -> list[Item]:
        codes: list[Item] = []
        if data_matrix:
            code = _data_matrix(posting.tracking_code, right=area.right, top=area.top)
            codes.append(code)
            area = Area(area.left, area.top, code.area.left, area.bottom)
        party = posting.sender
        name = 6.5
        blocks = [
            _caption("REMETENTE"),
            Block([party.name], 9.5, name, bold=True),
            Block([*_street(party), f"{party.city} - {party.uf}", f"CEP {_cep(party.cep)}"], 9, area.height - 3 - name),
        ]
        return [*self._stack(blocks, area), *codes]

    def _stack(self, blocks: Sequence[Block], area: Area) -> list[Line]:
        """The blocks below each other, each as high as it needs to be."""
        lines: list[Line] = []
        top = area.top
        for block in blocks:
            paragraphs = [readable(paragraph, self.draws, unknown=_UNKNOWN) for paragraph in block.paragraphs]
            fitted = fit(
                paragraphs,
                self.measure,
                width=area.width,
                height=block.height,
                size=block.points * _POINT,
                leading=LEADING,
            )
            for text in fitted.lines:
                lines.append(self._line(text, area.left, top, fitted.size, bold=block.bold))
                top += fitted.size * LEADING
        return lines

    def _line(self, text: str, left: float, top: float, size: float, *, bold: bool) -> Line:
        height = size * LEADING
        area = Area(left, top, left + self.measure(text) * size, top + height)
        return Line(area, text, size, top + size * BASELINE, bold)


def _caption(text: str) -> Block:
    return Block([text], _CAPTION, 3)


def _qr(url: str, *, right: float, top: float) -> Matrix:
    # All eight masks are read alike; to look for the one with the fewest patterns takes as long as all the rest of the label.
    rows = tuple(tuple(row) for row in segno.make_qr(url, error="m", boost_error=False, mask=_QR_MASK).matrix)
    return _square("qr", url, rows, _QR_MODULE, _QR_QUIET, right=right, top=top)


def _data_matrix(code: str, *, right: float, top: float) -> Matrix:
    rows = tuple(tuple(row) for row in DataMatrix(code).matrix)
    return _square("data_matrix", code, rows, _MATRIX_MODULE, _MATRIX_QUIET, right=right, top=top)


def _square(
    kind: str, data: str, rows: tuple[tuple[int, ...], ...], module: float, quiet: int, *, right: float, top: float
) -> Matrix:
    side = (len(rows) + 2 * quiet) * module
    return Matrix(Area(right - side, top, right, top + side), kind, data, module, quiet, rows)


def _grouped(code: str) -> str:
    """As people read it: ZP 473124829 BR."""
    return f"{code[:2]} {code[2:11]} {code[11:]}"


def _cep(cep: str) -> str:
    return f"{cep[:5]}-{cep[5:]}"


def _weight(grams: int) -> str:
    """In kg, as it is written in Brazil: 1234 g are 1,234 kg."""
    return f"{grams // 1000},{grams % 1000:03} kg"


def _street(party: Party) -> list[str]:
    """Street, number and complement on one line, the district on the next."""
    street = ", ".join(part for part in (party.street, party.number, party.complement) if part)
    return [part for part in (street, party.district) if part]
