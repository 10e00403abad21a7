"""Shapes of signing in and out: the forms and answers of OAuth 2.0."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.models.fields import FormText, Password, TokenText, TriedPassword, Username
from app.models.shape import Shape, never_null


class _Form(Shape):
    """What a form of OAuth 2.0 may hold besides: the client's own credentials change nothing, and parameters that are not recognized
    must be ignored (RFC 6749, section 3.2)."""

    model_config = ConfigDict(extra="ignore")

    client_id: FormText = ""
    client_secret: FormText = ""


class TokenRequest(_Form):
    """The form of RFC 6749, sections 4.3.2 and 6."""

    grant_type: Literal["password", "refresh_token"]
    username: Username | None = Field(default=None, description="The e-mail.", json_schema_extra=never_null)
    password: TriedPassword | None = Field(default=None, json_schema_extra=never_null)
    refresh_token: TokenText = ""
    scope: FormText = Field(default="", description="With spaces between; all that the account may do when not sent.")

    @model_validator(mode="after")
    def _has_what_its_grant_needs(self) -> Self:
        if self.grant_type == "password" and (self.username is None or self.password is None):
            raise ValueError("the password grant needs username and password")
        if self.grant_type == "refresh_token" and not self.refresh_token:
            raise ValueError("the refresh_token grant needs refresh_token")
        return self


class Tokens(Shape):
    """RFC 6749, section 5.1; `expires_in` in seconds, of the access token."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name
    expires_in: Annotated[int, Field(ge=1)]
    refresh_token: str
    scope: str


class Revocation(_Form):
    """The form of RFC 7009, section 2.1; the hint may be sent and changes nothing."""

    token: TokenText = Field(min_length=1)
    token_type_hint: FormText = ""


class PasswordChange(Shape):
    """The password as it is, and as it is to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"current_password": "correct horse battery staple", "new_password": "a dozen blue parcels by noon"}
            ]
        }
    )

    current_password: TriedPassword
    new_password: Password
