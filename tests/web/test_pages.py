"""The tracking page, as anybody without JavaScript gets it."""

import re
import struct
from datetime import UTC, datetime, timedelta

import pytest

from tests.service import PUBLIC_URL
from tests.shop import POSTING, Answer, Shop


async def page(shop: Shop, path: str, accept_language: str = "") -> Answer:
    return await shop.send("GET", "/" + path, headers={"Accept-Language": accept_language}, allow_redirects=False)


@pytest.mark.parametrize(
    ("accept_language", "language"), [("", "pt-BR"), ("en-GB,pt", "en"), ("fr,en", "en"), ("pt-PT,en", "pt-BR")]
)
async def test_the_search_speaks_the_readers_language(anonymous: Shop, accept_language: str, language: str) -> None:
    assert f'<html lang="{language}">' in (await page(anonymous, "/", accept_language)).body.decode()


async def test_the_switch_wins_over_the_header(anonymous: Shop) -> None:
    assert '<html lang="en">' in (await page(anonymous, "/?lang=en", "pt-BR")).body.decode()


async def test_a_code_typed_as_people_do_leads_to_its_page(anonymous: Shop) -> None:
    answer = await page(anonymous, "/?code=ee+876%20543-216ca&lang=pt-BR", "en")
    assert (answer.status, answer.headers["Location"]) == (303, "/rastreio/EE876543216CA")


async def test_no_code_leads_to_another_site(anonymous: Shop) -> None:
    answer = await page(anonymous, "/?code=//elsewhere.example/%0D%0AX:1")
    assert answer.headers["Location"] == "/rastreio/%2F%2FELSEWHERE.EXAMPLE%2FX%3A1"


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/rastreio/EE876543216CA", 404, "Encomenda não encontrada"),
        ("/rastreio/EE876543217CA", 422, "Confira o código"),
        ("/track/ee876543216ca", 404, "Parcel not found"),
        ("/track/%3Cscript%3E", 422, "Check the code"),
        ("/rastreio/AB%2F12", 422, "Confira o código"),
    ],
)
async def test_a_mistyped_code_is_told_apart_from_an_unknown_one(
    anonymous: Shop, path: str, status: int, heading: str
) -> None:
    answer = await page(anonymous, path)
    assert (answer.status, f"<h1>{heading}</h1>" in answer.body.decode()) == (status, True)
    assert b"<script" not in answer.body.lower()


async def test_the_page_shows_the_timeline_and_nothing_personal(shop: Shop, anonymous: Shop) -> None:
    code = (await shop.create_posting(recipient={**POSTING["recipient"], "name": "NAME-SECRET"}))["tracking_code"]
    update = await shop.update(code, "shipped", city="Cajamar", uf="SP", description="Saiu <b>hoje</b>")
    await shop.decided(update.json["id"])
    for path, heading in ((f"/rastreio/{code}", "A caminho"), (f"/track/{code.lower()}", "On its way")):
        text = (await page(anonymous, path)).body.decode()
        assert f"<h1>{heading}</h1>" in text
        assert "Cajamar/SP" in text
        assert "Saiu &lt;b&gt;hoje&lt;/b&gt;" in text
        assert "SECRET" not in text


async def test_a_parcel_that_has_not_moved_for_long_is_said_to(shop: Shop) -> None:
    now = datetime.now(UTC)
    code = (await shop.create_posting(posted_at=(now - timedelta(days=20)).isoformat()))["tracking_code"]
    moved = (now - timedelta(days=9, hours=1)).isoformat()
    await shop.decided((await shop.update(code, "shipped", occurred_at=moved)).json["id"])
    assert "Sem movimento há 9 dias." in (await page(shop, f"/rastreio/{code}")).body.decode()


async def test_the_search_leads_to_the_documentation(anonymous: Shop) -> None:
    assert '<a href="/docs">Documentação da API</a>' in (await page(anonymous, "/")).body.decode()


async def test_the_page_is_small_and_brings_nothing_from_elsewhere(shop: Shop) -> None:
    code = await shop.create_delivered_posting()
    for path in ("/", f"/rastreio/{code}", f"/track/{code}"):
        answer = await page(shop, path)
        text = answer.body.decode()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert not re.search(r"(src|href|action)=\"(?!/|data:,\")", text)
        style, script = [await page(shop, name) for name in ("/page.css", "/live.js")]
        assert style.headers["Content-Type"].startswith("text/css")
        assert script.headers["Content-Type"].startswith("text/javascript")
        assert b"http" not in style.body + script.body
        assert len(answer.body) + len(style.body) + len(script.body) < 50_000


async def test_a_link_to_a_page_is_shown_with_a_picture_and_nothing_personal(shop: Shop) -> None:
    code = (await shop.create_posting(recipient={**POSTING["recipient"], "name": "NAME-SECRET"}))["tracking_code"]
    text = (await page(shop, f"/rastreio/{code.lower()}")).body.decode()
    told = dict(re.findall(r'<meta property="og:([a-z_:]+)" content="([^"]*)">', text))
    assert told["title"] == "Aguardando envio"
    assert told["description"].startswith("O remetente está preparando")
    assert told["url"] == f"{PUBLIC_URL}/rastreio/{code}"
    assert told["image"] == f"{PUBLIC_URL}/preview.png"
    picture = await page(shop, "/preview.png")
    assert picture.headers["Content-Type"] == "image/png"
    assert len(picture.body) < 50_000
    width, height = struct.unpack(">II", picture.body[16:24])
    assert (told["image:width"], told["image:height"]) == (str(width), str(height))
    assert '<meta name="robots" content="noindex">' in text


async def test_a_page_without_a_parcel_is_previewed_without_what_was_typed(anonymous: Shop) -> None:
    text = (await page(anonymous, "/track/%22%3E%3Cscript%3E")).body.decode()
    assert "og:url" not in text
    assert "<script" not in text
