"""Plays orders through the API from beginning to end: clients, postings, updates, decisions, report."""

import asyncio
import random
import secrets
import signal
from collections.abc import Sequence

from rich.console import Console

from app.replay.api_client import ApiClient
from app.replay.audit import Audit
from app.replay.errors import ApiGoneError, ReplayError
from app.replay.ledger import Fate, Ledger
from app.replay.options import ReplayOptions
from app.replay.orders import Order
from app.replay.progress import Phases
from app.replay.report import print_report
from app.replay.script import sending_order, updates_of
from app.replay.traffic import Traffic

ALL_IS_WELL, SOMETHING_IS_WRONG, INTERRUPTED = 0, 1, 130


async def replay(orders: Sequence[Order], options: ReplayOptions, console: Console) -> int:
    """Plays the orders and prints what came out.

    The exit code: 0 when everything is accounted for, 1 when something is not or was answered unexpectedly or nothing
    answers at all, 130 after Ctrl-C, which stops at once and still reports. Runs in the main thread only, for that.
    """
    ledger = Ledger(orders=len(orders), fates={update: Fate() for order in orders for update in updates_of(order)})
    playing = asyncio.create_task(_play(orders, options, console, ledger))
    interrupted = asyncio.Event()

    def interrupt() -> None:
        interrupted.set()
        playing.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupt)
    title, finished = "Replay", True
    try:
        await playing
    except ReplayError as error:
        console.out(str(error), highlight=False)
        return SOMETHING_IS_WRONG
    except ApiGoneError as error:
        title = "Given up: what was done so far"
        console.out(str(error), highlight=False)
    except asyncio.CancelledError:
        if not interrupted.is_set():
            raise
        title, finished = "Stopped: what was done so far", False
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    print_report(console, ledger, title=title, finished=finished)
    if not finished:
        return INTERRUPTED
    return ALL_IS_WELL if ledger.sound else SOMETHING_IS_WRONG


async def _play(orders: Sequence[Order], options: ReplayOptions, console: Console, ledger: Ledger) -> None:
    seed = options.seed if options.seed is not None else secrets.randbelow(2**32)
    run = options.run or secrets.token_hex(4)
    chance = random.Random(seed)  # noqa: S311 - an order of sending, no secret
    sends = sending_order(list(ledger.fates), shuffle=options.shuffle, duplicate=options.duplicate, chance=chance)
    sellers = sorted({order.seller_id for order in orders})
    async with ApiClient(options.url, chance) as api:
        await api.require_alive()
        console.out(f"Run {run}, seed {seed}: {len(orders)} orders to {options.url}", highlight=False)
        traffic = Traffic(api, ledger, run=run, lanes=options.concurrency)
        audit = Audit(traffic, ledger)
        phases = Phases(console, ledger)
        try:
            with phases.shown():
                with phases.phase("clients", len(sellers)) as phase:
                    await traffic.open_accounts(sellers, phase)
                with phases.phase("postings", len(orders)) as phase:
                    await traffic.create_postings(orders, phase)
                with phases.phase("updates", len(sends)) as phase:
                    await traffic.send_updates(sends, phase)
                with phases.phase(
                    "decided", sum(fate.update_id is not None for fate in ledger.fates.values())
                ) as phase:
                    await audit.await_decisions(phase)
                with phases.phase("confirmed", len(ledger.tracking_codes)) as phase:
                    await audit.confirm_postings(phase)
        finally:
            ledger.repetitions = api.repetitions
