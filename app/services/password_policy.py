"""Which passwords are not taken: those that whoever guesses tries first (NIST SP 800-63B-4, section 3.1.1.2)."""

from app.core.common_passwords import fold_password
from app.services.errors import GuessablePassword
from app.services.ports import PasswordHasher


def check_password(passwords: PasswordHasher, password: str, *, email: str, name: str) -> None:
    """Raise GuessablePassword for a common one, and for the account's own e-mail, either part of it, or its name."""
    if passwords.is_common(password) or is_own(password, email=email, name=name):
        raise GuessablePassword


def is_own(password: str, *, email: str, name: str) -> bool:
    """Whether it is the account's own e-mail, either part of it, or its name."""
    return _bare(password) in {_bare(text) for text in (email, *email.split("@"), name)} - {""}


def _bare(text: str) -> str:
    """The letters and digits alone: who writes their name with hyphens has hidden nothing."""
    return "".join(filter(str.isalnum, fold_password(text)))
