"""Forms that a budget or Ctrl-C stops: nothing is lost, and the work goes on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import plica
from plica import Network
from plica.engines.running import Clock
from plica.exact.rational import RationalChain
from plica.shallow import MaxOfShallow, Unfinished, class_shift, expand, lattice, max_of_shallow
from plica.shallow import unfinished as building
from plica.shallow.convert import build
from plica.shallow.plan import Setting
from tests.shallow.cases import assert_equal, rationals
from tests.twins.networks import SQUARE, he

NET = Network.mlp(he([2, 6, 5, 1], seed=3))
CLASSES = class_shift(Network.mlp(he([2, 6, 5, 3], seed=3)))
METHODS = ["patterns", "subsets", "minimal"]


def network(method: str) -> Network:
    return CLASSES if method == "subsets" else NET


class Stopping(Clock):
    """Stops at the k-th look at it."""

    def __init__(self, k: int, how: type[BaseException]) -> None:
        super().__init__()
        self.left, self.how = k, how

    def tick(self) -> None:
        self.left -= 1
        if not self.left:
            raise self.how("stopped by the budget of no seconds")


def stopped(method: str, clock: Clock) -> Unfinished:
    """A build by a clock that stops it."""
    setting = Setting(network(method), SQUARE, method, True, None)
    setting.clock = clock
    with pytest.raises(plica.BudgetError) as caught:
        build(setting)
    assert isinstance(caught.value.partial, Unfinished)
    return caught.value.partial


def identical(a: MaxOfShallow, b: MaxOfShallow) -> bool:
    same = [(getattr(a, k), getattr(b, k)) for k in ("affine", "hidden", "weights")]
    return (
        all((x.fractions() == y.fractions()).all() for x, y in same)
        and (a.start == b.start).all()
        and (a.reads == b.reads).all()
    )


@pytest.mark.parametrize("how", [plica.BudgetError, KeyboardInterrupt])
@pytest.mark.parametrize("method", METHODS)
def test_what_was_found_is_kept(
    monkeypatch: pytest.MonkeyPatch, method: str, how: type[BaseException]
) -> None:
    monkeypatch.setattr(expand, "STEP", 3)
    net = network(method)
    whole = max_of_shallow(net, SQUARE, method=method)
    chain = RationalChain(net)
    unfinished, stops, before = stopped(method, Stopping(3, how)), 0, []
    words = "Ctrl-C" if how is KeyboardInterrupt else "no seconds"
    again, looks, known = None, 4, (0, 0)
    while again is None:
        # what was stopped within a step, which may look at the clock often, begins anew
        clock = Stopping(looks, how)
        try:
            again = unfinished.run(clock)
        except plica.BudgetError as error:
            partial, message = error.partial, str(error)
        else:
            break
        assert partial is unfinished
        assert words in message
        stops += 1
        before.append(unfinished.done)
        looks = looks + 4 if known == (unfinished.done, unfinished.total) else 4
        known = unfinished.done, unfinished.total
        form = unfinished.form()
        if form is None:
            continue
        assert not form.complete
        for x in rationals(SQUARE, 10):
            assert all(a <= b for a, b in zip(form.value(x), chain.value(x), strict=True))
    assert stops > 1
    assert before == sorted(before)
    assert max(before) > 0
    assert again.complete
    assert identical(again, whole)
    assert unfinished.done == unfinished.total


def test_pieces_that_are_done_are_exact() -> None:
    unfinished = stopped("minimal", Stopping(150, plica.BudgetError))
    assert 0 < unfinished.done < unfinished.total
    assert repr(unfinished.done) in repr(unfinished)
    form, chain = unfinished.form(), RationalChain(NET)
    found = unfinished._steps.complex
    scale = Fraction(2) ** found.exponent
    for piece in found.pieces[: unfinished.done]:
        ends = [found.points[p] for p in piece.points]
        middle = [sum(Fraction(p[k], p[-1]) for p in ends) / len(ends) for k in range(2)]
        value = sum(a * v for a, v in zip(piece.map[0], [*middle, Fraction(1)], strict=True))
        assert form.value(middle) == (value * scale,) == chain.value(middle)
    assert any(form.value(x) != chain.value(x) for x in rationals(SQUARE, 200))
    assert_equal(unfinished.resume(), NET, SQUARE)


def test_seconds_stop_the_search_for_penalties() -> None:
    net = plica.shallow.random_network(2, 64, 2)
    square = plica.Box.cube(2)
    seen: list[tuple[int, float]] = []

    def show(*now: Any) -> None:
        seen.append(now)

    with pytest.raises(plica.BudgetError, match=r"budget of 0.2 seconds") as caught:
        max_of_shallow(net, square, method="minimal", budget=0.2, progress=show)
    assert seen[-1][1] < 2
    unfinished, seconds = caught.value.partial, 0.2
    while not unfinished.done:
        seconds *= 2
        seen.clear()
        with pytest.raises(plica.BudgetError, match="seconds"):
            unfinished.resume(seconds, show)
    assert seen
    assert max(done for done, _ in seen) <= unfinished.done < unfinished.total
    form = unfinished.form()
    x = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    gap = net(x) - form(x)
    assert gap.min() > -1e-9
    assert gap.max() > 0.01
    assert (gap < 1e-9).any()


def test_the_clock_of_a_lattice() -> None:
    net = plica.shallow.random_network(2, 64, 2)
    with pytest.raises(plica.BudgetError, match="seconds"):
        lattice(net, plica.Box.cube(2), budget=0.3)


def test_ctrl_c_while_the_form_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    gather = building.gather

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "gather", interrupted)
    with pytest.raises(plica.BudgetError, match="Ctrl-C") as caught:
        max_of_shallow(NET, SQUARE, method="patterns")
    monkeypatch.setattr(building, "gather", gather)
    assert_equal(caught.value.partial.resume(), NET, SQUARE)


@pytest.mark.parametrize("method", ["patterns", "subsets", "minimal"])
def test_no_time_at_all(method: str) -> None:
    net = network(method)
    if method == "subsets":  # needs no regions
        assert_equal(max_of_shallow(net, SQUARE, method=method, budget=1e-9), net, SQUARE)
        return
    with pytest.raises(plica.BudgetError, match="stopped"):
        max_of_shallow(net, SQUARE, method=method, budget=1e-9)
