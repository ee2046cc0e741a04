"""What the verbs share: options, loading with its warnings, asking with progress and Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

if TYPE_CHECKING:
    from types import FrameType

    from ..chain import Network
    from ..regions.atlas import Atlas
    from ..regions.polygons import PolygonAtlas
    from .domain import Chosen

__all__ = [
    "Interrupt",
    "budget_of",
    "domain_options",
    "load_model",
    "map_model",
    "map_polygons",
    "say",
    "watch",
]

F = TypeVar("F", bound=Callable[..., Any])


def domain_options(function: F) -> F:
    """``--domain``, ``--through``, ``--budget`` and ``--input-shape``."""
    options = (
        click.option(
            "--domain",
            metavar="DOMAIN",
            help="box:-1,1 | box:l1,u1;l2,u2;... | slice:... | segment:...; the model's own box, "
            "or a plane in it, if not given. The documentation has the whole grammar.",
        ),
        click.option(
            "--through", metavar="FILE.npy", help="The plane through three data points, one a row."
        ),
        click.option(
            "--budget",
            metavar="N|SECONDSs",
            help="Stop after so many regions (100000) or seconds (30s).",
        ),
        click.option(
            "--input-shape",
            metavar="C,H,W",
            help="Shape of one input, where the model leaves it open.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def say(message: str) -> None:
    """A line for people, on the error stream, so that output stays clean."""
    click.echo(message, err=True)


def load_model(path: str, input_shape: str | None = None) -> tuple[Network, list[str]]:
    """The network of a file, and the warnings that came with it.

    Raises
    ------
    PlicaError
        If the file cannot be read, or the shape is not understood.
    """
    import warnings

    import plica

    shape = None
    if input_shape is not None:
        words = [word.strip() for word in input_shape.split(",")]
        if not all(word.isdigit() and int(word) > 0 for word in words):
            raise plica.PlicaError(
                f"input shape {input_shape!r} is not understood; write positive numbers, say "
                "1,28,28"
            )
        shape = [int(word) for word in words]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        net = plica.load(path, input_shape=shape)
    return net, [str(w.message) for w in caught if issubclass(w.category, UserWarning)]


def budget_of(text: str | None) -> int | float | None:
    """Regions (int) or seconds (float) of ``100000`` or ``30s``.

    Raises
    ------
    PlicaError
        If the text is neither.
    """
    from ..errors import PlicaError

    if text is None:
        return None
    word = text.strip().lower()
    try:
        value: int | float = float(word[:-1]) if word.endswith("s") else int(word)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise PlicaError(
            f"budget {text!r} is not understood; write a number of regions (100000) or of "
            "seconds (30s)"
        )
    return value


class Interrupt:
    """Whether Ctrl-C was pressed while this was active; a second one stops at once.

    Engines answer Ctrl-C with what they have found so far; the verb then shows it and ends with
    exit code 130.
    """

    def __init__(self) -> None:
        self.pressed = False

    def __enter__(self) -> Self:
        self._active = threading.current_thread() is threading.main_thread()
        if self._active:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        self.pressed = True
        raise KeyboardInterrupt

    def leave(self) -> None:
        """End the program with 130 if Ctrl-C was pressed."""
        if self.pressed:
            say("plica: stopped by Ctrl-C; the answer above is what was found until then")
            click.get_current_context().exit(130)


@contextlib.contextmanager
def watch(
    what: str, chosen: Chosen, things: str = "regions"
) -> Iterator[Callable[[int, float], None] | None]:
    """A progress callback that shows how many things are done, on an error stream for people."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn(f"{what}, dimension {chosen.domain.dim}"),
        TextColumn("{task.completed:,} " + things),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda found, _seconds: bar.update(task, completed=found)


def map_polygons(net: Network, chosen: Chosen, limit: float | None) -> PolygonAtlas:
    """The atlas of a line or a plane, with progress.

    Raises
    ------
    UnsupportedError
        If the domain is not a bounded line or plane.
    BudgetError
        If the budget ran out before the first region was found.
    """
    import plica

    from ..regions.polygons import require_polygons

    if chosen.domain.dim > 2:
        raise plica.UnsupportedError(
            f"only lines and planes can be drawn; the domain has dimension {chosen.domain.dim}: "
            "choose a slice of it"
        )
    return require_polygons(map_model(net, chosen, limit))


def map_model(net: Network, chosen: Chosen, limit: float | None) -> Atlas:
    """The atlas, with progress.

    Raises
    ------
    BudgetError
        If the budget ran out before the first region was found.
    """
    import plica

    with watch("mapping", chosen) as progress:
        atlas = plica.map_regions(net, chosen.domain, budget=limit, progress=progress)
    if not len(atlas):
        raise plica.BudgetError(
            "stopped before the first region was found; raise the budget", atlas
        )
    return atlas
