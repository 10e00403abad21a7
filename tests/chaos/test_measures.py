"""How long answers took is measured where the machine was ours: time that its host gave to others is no miss of the product's."""

from bench.stolen_time import processor_times, stolen_share
from chaos.faults.catalogue import FAULTS
from chaos.ledger import Asked, Entry, Fell, Stolen
from chaos.measures import misses, seconds_when_calm, windows

FELL = Fell("redis-gone", began=10.0, healed=20.0, recovered=21.0, epoch=0.0)
QUICK, SLOW = 0.01, 0.2


def asked(at: float, seconds: float) -> Asked:
    """An update that was accepted after so many seconds."""
    return Asked("wish", "ZP473124829BR", "shipped", None, None, None, at, at + seconds, 202)


def sentences(*entries: Entry) -> list[str]:
    """What a run with these says of the fault."""
    (window,) = windows([FELL, *entries], [])
    return misses(window, FAULTS["redis-gone"], calm_p99=QUICK)


ANSWERS = [asked(10 + second, QUICK) for second in range(9)]


def test_a_slow_answer_is_a_miss() -> None:
    """Which it is without any stolen time."""
    (sentence,) = sentences(*ANSWERS, asked(15.1, SLOW))
    assert sentence == "redis-gone: the p99 of a 202 was 200 ms, and 10 when all was calm"


def test_one_that_waited_for_the_host_is_none() -> None:
    """It is left out, for whatever part of its time was stolen."""
    for stolen in (Stolen(15.2, 15.4), Stolen(15.0, 15.1), Stolen(15.0, 15.5)):
        assert sentences(*ANSWERS, asked(15.1, SLOW), stolen) == []


def test_one_beside_stolen_time_is_a_miss_still() -> None:
    """Stolen before it was sent, or after it was answered."""
    assert sentences(*ANSWERS, asked(15.1, SLOW), Stolen(14.9, 15.09), Stolen(15.31, 15.5))


def test_where_nearly_all_time_was_stolen_all_answers_count() -> None:
    """A machine on which something is always stolen proves nothing by the moments in which it was not."""
    everything = [Stolen(10, 18.5)]
    assert sentences(*ANSWERS, asked(15.1, SLOW), *everything)


def test_the_calm_is_measured_the_same_way() -> None:
    """Else the one would be held against more than the other."""
    calm = [asked(second, QUICK) for second in range(9)]
    assert max(seconds_when_calm([FELL, *calm, asked(5.1, SLOW), Stolen(5.2, 5.4)])) < 0.1
    assert max(seconds_when_calm([FELL, *calm, asked(5.1, SLOW)])) > 0.1


def test_the_share_that_was_stolen() -> None:
    """Eight kinds of time, the last of them stolen: here a quarter of it."""
    assert stolen_share([5, 0, 5, 80, 0, 0, 0, 10], [15, 0, 15, 90, 0, 0, 0, 20]) == 0.25
    assert len(processor_times()) == 8
