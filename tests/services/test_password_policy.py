"""Which passwords are not taken, and that the others are."""

from collections.abc import Iterator

import pytest

from app.core.auth import Passwords
from app.core.common_passwords import read_common_passwords
from app.services.errors import GuessablePassword
from app.services.password_policy import check_password


@pytest.fixture(scope="module")
def passwords() -> Iterator[Passwords]:
    made = Passwords(threads=1)
    yield made
    made.close()


def check(passwords: Passwords, password: str, *, name: str = "Loja Azul") -> None:
    check_password(passwords, password, email="contato.geral@lojaazul.com.br", name=name)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        "12345678",
        "87654321",
        "senha123",
        "ｐａｓｓｗｏｒｄ",  # noqa: RUF001 - full-width letters, which are the same ones
        "contato.geral@lojaazul.com.br",
        "CONTATO.GERAL@LOJAAZUL.COM.BR",
        "contato-geral",
        "lojaazul.com.br",
        "Loja Azul",
        "loja-azul!",
    ],
)
def test_what_whoever_guesses_tries_first_is_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(GuessablePassword):
        check(passwords, password)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "a dozen blue parcels by noon", "loja azul de Santos", "!!!!????", "x7$Kq0-zW"],
)
def test_any_other_is_taken(passwords: Passwords, password: str) -> None:
    check(passwords, password)


def test_a_name_without_letters_is_no_password_of_signs(passwords: Passwords) -> None:
    check(passwords, "!!!!????", name="***")


def test_the_list_holds_what_a_password_may_be_and_is_folded() -> None:
    common = read_common_passwords()
    assert len(common) > 16_000
    assert all(8 <= len(each) <= 256 and each == each.casefold() for each in common)
