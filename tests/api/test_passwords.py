"""Passwords that anybody would guess are refused wherever one is chosen, with what to do instead."""

import asyncio
import os
import sys

import pytest

from tests.service import Service
from tests.shop import PASSWORD, Shop


@pytest.mark.parametrize("password", ["Password123", "E-MAIL", "loja-azul"])
async def test_nobody_registers_with_a_password_that_is_guessed_first(anonymous: Shop, password: str) -> None:
    body = {"name": "Loja Azul", "email": anonymous.email, "password": password.replace("E-MAIL", anonymous.email)}
    answer = await anonymous.send("POST", "/clients", body, headers={"Accept-Language": "pt-BR"})
    assert (answer.status, answer.code) == (422, "guessable_password")
    assert "quatro palavras" in answer.json["detail"]
    assert body["password"] not in answer.body.decode()
    await anonymous.register()  # nothing was created


@pytest.mark.parametrize("password", ["PASSWORD123", "E-MAIL", "Loja Azul"])
async def test_no_password_is_changed_to_one_that_is_guessed_first(shop: Shop, password: str) -> None:
    body = {"current_password": PASSWORD, "new_password": password.replace("E-MAIL", shop.email)}
    answer = await shop.send("POST", "/clients/me/password", body)
    assert (answer.status, answer.code) == (422, "guessable_password")
    assert "four words" in answer.json["detail"]
    await shop.sign_in()  # the password is what it was


async def test_no_operator_is_created_with_one(service: Service) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "create-operator", "--email", "op@transporte.com.br", "--name", "Operador"),
        env={**os.environ, **service.environment, "OPERATOR_PASSWORD": "password123"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert b"four words" in output
    assert b"Traceback" not in output
