"""`postagens webhooks listen`: a receiver for developers, which checks what comes as a receiver should and shows it."""

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from rich.console import Console
from rich.text import Text
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError, WebhookVerificationError

_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
_STYLES: Final = {"received": "green", "again": "yellow", "refused": "red"}
_PREFIX: Final = "whsec_"
_STOP_SECONDS: Final = 1.0
# What the reference library says, and what it means.
_REASONS: Final = {
    "No matching signature found": "its signature does not match: another secret signed it, or its body was changed on the way",
    "Message timestamp too old": "it was signed more than five minutes ago: it is a replay, or a clock is wrong",
    "Message timestamp too new": "it was signed more than five minutes ahead: a clock is wrong",
}


class NotASecret(Exception):
    """What was given as an endpoint's secret is none; the text says why, for people."""


class NotListening(Exception):
    """The port cannot be had; the text says why, for people."""


def listen(secrets: Sequence[str], *, host: str, port: int, answer: int) -> None:
    """Show what comes until SIGINT or SIGTERM, and answer with this status; raises NotASecret and NotListening."""
    listener = Listener([_read_secret(secret) for secret in secrets], answer=answer, console=Console(highlight=False))
    try:
        asyncio.run(_serve(listener, host, port))
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise NotListening(f"Nothing can listen on {host} port {port}: {reason}.") from error


def _read_secret(text: str) -> Webhook:
    # The library takes it without the prefix too; here that is something else that was pasted, and nothing would ever verify.
    with suppress(EmptyWebhookSecretError, ValueError):
        if text.startswith(_PREFIX):
            return Webhook(text)
    raise NotASecret("it is not a secret: it begins with whsec_, and the rest is base64")


async def _serve(listener: "Listener", host: str, port: int) -> None:
    """Listen until SIGINT or SIGTERM; raises OSError when the port cannot be had."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.ServerRunner(web.Server(listener.receive), shutdown_timeout=_STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        listener.say(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port} - Ctrl-C stops.")
        await stopping.wait()
    finally:
        await runner.cleanup()
    counts = listener.counts
    listener.say(f"Stopped: {counts['received']} received, {counts['again']} again, {counts['refused']} refused.")


class Refused(Exception):
    """It does not come from the service, or too late; the text says why, for people."""


class Listener:
    """Takes requests, and shows each as one headline with its data below."""

    def __init__(self, secrets: Sequence[Webhook], *, answer: int, console: Console) -> None:
        self._secrets = secrets
        self._answer = answer
        self._console = console
        self._seen: set[str] = set()
        self.counts: Counter[str] = Counter()

    async def receive(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: as was asked for when it verifies, with 401 when it does not."""
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        try:
            event = verify(self._secrets, request.headers, await request.read())
        except Refused as refusal:
            self._show("refused", str(refusal))
            return web.Response(status=401, text=f"{refusal}\n")
        message_id = request.headers["webhook-id"]
        self._show("again" if message_id in self._seen else "received", f"{_headline(event)}  {message_id}")
        self._console.print_json(json.dumps(event.get("data")), indent=2, highlight=True)
        self._seen.add(message_id)
        return web.Response(status=self._answer)

    def say(self, text: str) -> None:
        """A line about the listener itself."""
        self._console.print(Text(text))

    def _show(self, what: str, text: str) -> None:
        self.counts[what] += 1
        shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
        self._console.print(
            Text.assemble(f"{datetime.now():%H:%M:%S}  ", (f"{what:8}", _STYLES[what]), f"  {shown}"),  # noqa: DTZ005 - as the clock on the wall
            soft_wrap=True,
        )


def verify(secrets: Sequence[Webhook], headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The event, when any of the secrets has signed it within the last five minutes; raises Refused."""
    if missing := [name for name in _HEADERS if not headers.get(name)]:
        raise Refused(f"it has no {missing[0]}: it is not a webhook")
    reason = ""
    for secret in secrets:
        try:
            event = secret.verify(body, {name: headers[name] for name in _HEADERS})
        except (WebhookVerificationError, ValueError) as error:
            reason = str(error)
        else:
            if isinstance(event, dict):
                return event
    raise Refused(_REASONS.get(reason, "its headers or its body cannot be read"))


def _headline(event: Mapping[str, Any]) -> str:
    data = event.get("data")
    known: Callable[[str], object] = data.get if isinstance(data, dict) else lambda _: None
    step = known("step")
    words = (event.get("type"), known("tracking_code"), step and f"step {step}", known("status"))
    return "  ".join(str(word) for word in words if word)
