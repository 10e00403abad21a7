"""Labels over HTTP: whose they are, what they need, and that they are what they say."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image

from app.embedded.server import Server
from tests.labels.samples import RECIPIENT, SENDER, codes_on, picture_of, text_of
from tests.service import PUBLIC_URL, Service, running_service
from tests.shop import Shop

UNKNOWN = "EE876543216CA"
MISTYPED = "EE876543217CA"


async def create(shop: Shop, **fields: Any) -> str:
    return str((await shop.create_posting(sender=SENDER, recipient=RECIPIENT, **fields))["tracking_code"])


async def test_a_label_is_a_pdf_with_the_code_and_the_address(shop: Shop) -> None:
    code = await create(shop, reference="pedido-7")
    answer = await shop.send("GET", f"/postings/{code.lower()}/label")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == f'inline; filename="{code}.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("Code128", code) in codes_on(picture_of(answer.body))
    assert ("QRCode", f"{PUBLIC_URL}/rastreio/{code}") in codes_on(picture_of(answer.body))
    assert "Ana Lúcia Conceição de Souza Rua das Flores, 45, ap. 12" in text_of(answer.body)


SIZES = {"a6": (105, 148), "100x150": (100, 150), "a4": (210, 297)}


@pytest.mark.parametrize("size", SIZES)
async def test_a_label_is_a_pdf_and_a_png_of_every_size(shop: Shop, size: str) -> None:
    code = await create(shop)
    path = f"/postings/{code}/label?size={size}&extra_code=data_matrix"
    pdf = await shop.send("GET", f"{path}&format=pdf")
    png = await shop.send("GET", f"{path}&format=png")
    assert (pdf.headers["Content-Type"], png.headers["Content-Type"]) == ("application/pdf", "image/png")
    for picture in (picture_of(pdf.body, dots_per_mm=8), Image.open(BytesIO(png.body))):
        assert picture.size == pytest.approx([side * 8 for side in SIZES[size]], abs=1)
        assert [text for _, text in codes_on(picture)] == [code, code, f"{PUBLIC_URL}/rastreio/{code}"]


@pytest.mark.parametrize("size", ["a6", "100x150"])
async def test_a_label_is_zpl_of_every_size_that_label_printers_have(shop: Shop, size: str) -> None:
    code = await create(shop)
    answer = await shop.send("GET", f"/postings/{code}/label?format=zpl&size={size}")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.body.startswith(b"^XA\n^CI28\n")
    width, height = SIZES[size]
    assert f"^PW{width * 8}\n^LL{height * 8}\n".encode() in answer.body
    assert f"^FD{code}^FS".encode() in answer.body


async def test_no_printer_has_zpl_on_a4(shop: Shop) -> None:
    answer = await shop.send("GET", f"/postings/{await create(shop)}/label?format=zpl&size=a4")
    assert (answer.status, answer.code) == (422, "label_size_unsupported")


async def test_many_labels_are_one_pdf_in_the_order_asked_for(shop: Shop) -> None:
    codes = [await create(shop) for _ in range(3)]
    asked = [codes[2], codes[0].lower(), codes[1], codes[2]]
    answer = await shop.send("POST", "/labels", {"tracking_codes": asked, "sheet": "a4-2"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    with pypdfium2.PdfDocument(answer.body) as document:
        assert len(document) == 2
    pages = [{text for kind, text in codes_on(picture_of(answer.body, page)) if kind == "Code128"} for page in (0, 1)]
    assert pages == [{codes[2], codes[0]}, {codes[1]}]


async def test_500_labels_are_one_answer_and_others_are_answered_meanwhile(shop: Shop) -> None:
    party = {**RECIPIENT, "name": "Conceição"}
    batch = [{"weight_g": 1, "volume_cm3": 1, "sender": party, "recipient": party}] * 500
    created = (await shop.send("POST", "/postings/batch", {"postings": batch})).json["postings"]
    codes = [posting["tracking_code"] for posting in created]
    many = asyncio.ensure_future(shop.send("POST", "/labels", {"tracking_codes": codes}))
    await asyncio.sleep(0)
    one = await shop.send("GET", f"/postings/{codes[0]}/label")
    assert (one.status, many.done()) == (200, False)
    with pypdfium2.PdfDocument((await many).body) as document:
        assert len(document) == 125
    assert (await shop.send("POST", "/labels", {"tracking_codes": [*codes, UNKNOWN]})).code == "validation_failed"


async def test_somebody_elses_posting_answers_like_a_missing_one(shop: Shop, other_shop: Shop) -> None:
    code = await create(other_shop)
    same = {"X-Request-ID": "same"}
    foreign = await shop.send("GET", f"/postings/{code}/label", headers=same)
    missing = await shop.send("GET", f"/postings/{UNKNOWN}/label", headers=same)
    assert (foreign.status, foreign.code) == (404, "posting_not_found")
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    foreign = await shop.send("POST", "/labels", {"tracking_codes": [code]}, headers=same)
    missing = await shop.send("POST", "/labels", {"tracking_codes": [UNKNOWN]}, headers=same)
    assert (foreign.status, foreign.body) == (404, missing.body.replace(UNKNOWN.encode(), code.encode()))


async def test_a_foreign_posting_without_an_address_is_a_missing_one_too(shop: Shop, other_shop: Shop) -> None:
    bare = {name: RECIPIENT[name] for name in ("name", "cep", "city", "uf")}
    code = (await other_shop.create_posting(sender=bare, recipient=bare))["tracking_code"]
    assert (await shop.send("GET", f"/postings/{code}/label")).code == "posting_not_found"
    assert (await shop.send("POST", "/labels", {"tracking_codes": [code]})).code == "posting_not_found"


async def test_an_operator_prints_every_label(shop: Shop, operator: Shop) -> None:
    code = await create(shop)
    assert (await operator.send("GET", f"/postings/{code}/label")).status == 200
    assert (await operator.send("POST", "/labels", {"tracking_codes": [code]})).status == 200


async def test_nobody_prints_without_signing_in(anonymous: Shop) -> None:
    assert (await anonymous.send("GET", f"/postings/{UNKNOWN}/label")).code == "not_authenticated"
    assert (await anonymous.send("POST", "/labels", {"tracking_codes": [UNKNOWN]})).code == "not_authenticated"


async def test_a_missing_street_is_named(shop: Shop) -> None:
    bare = {name: RECIPIENT[name] for name in ("name", "cep", "city", "uf")}
    code = (await shop.create_posting(sender=SENDER, recipient=bare))["tracking_code"]
    answer = await shop.send("GET", f"/postings/{code}/label")
    assert (answer.status, answer.code) == (409, "address_incomplete")
    assert answer.json["errors"] == [{"place": f"{code} recipient", "detail": "has no street"}]
    complete = await create(shop)
    answer = await shop.send(
        "POST", "/labels", {"tracking_codes": [complete, code]}, headers={"Accept-Language": "pt-BR"}
    )
    assert (answer.status, answer.code) == (409, "address_incomplete")
    assert answer.json["title"] == "Endereço incompleto"
    assert [error["place"] for error in answer.json["errors"]] == [f"{code} recipient"]


async def test_one_wrong_code_of_many_is_named_and_nothing_is_printed(shop: Shop) -> None:
    code = await create(shop)
    for wrong, problem in ((MISTYPED, "invalid_tracking_code"), (UNKNOWN, "posting_not_found")):
        answer = await shop.send("POST", "/labels", {"tracking_codes": [code, wrong]})
        assert answer.code == problem
        assert [error["place"] for error in answer.json["errors"]] == [wrong]
    assert (await shop.send("GET", f"/postings/{MISTYPED}/label")).code == "invalid_tracking_code"


@pytest.mark.parametrize("query", ["format=gif", "size=a5", "extra_code=yes", "format=", "colour=red"])
async def test_what_a_label_cannot_be_is_refused(shop: Shop, query: str) -> None:
    assert (await shop.send("GET", f"/postings/{UNKNOWN}/label?{query}")).code == "validation_failed"


async def test_an_address_that_leads_nowhere_is_told_before_the_first_label_is_printed(
    database_url: str, valkey: Server, tmp_path: Path, service: Service
) -> None:
    settings = {"PUBLIC_URL": "http://127.0.0.1:8000"}
    async with running_service(
        tmp_path, database_url=database_url, redis_url=valkey.url, workers=0, settings=settings
    ) as forgotten:
        (told,) = [line for line in forgotten.log.splitlines() if "PUBLIC_URL" in line]
        assert "http://127.0.0.1:8000" in told
        assert '"level": "warning"' in told
    assert "PUBLIC_URL" not in service.log
