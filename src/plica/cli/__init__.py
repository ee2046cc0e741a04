"""The command line: one module a verb. Only light imports here: ``plica --help`` must be quick."""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from .bounds import bounds
from .count import count
from .draw import draw
from .map import map_
from .report import report
from .shallow import shallow
from .shatter import shatter

__all__ = ["main"]


class _Verbs(click.Group):
    """Turns errors that plica raises on purpose, and those of files, into exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import PlicaError

        try:
            return super().invoke(ctx)
        except PlicaError as error:
            message = str(error)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("plica"):
                raise
            message = f"this needs {error.name}, which is not installed: pip install 'plica[all]'"
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            message = f"{where}{error.strerror or error}"
        except KeyboardInterrupt:
            click.echo("plica: stopped", err=True)
            return ctx.exit(130)
        click.echo(f"plica: {message}", err=True)
        return ctx.exit(2)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="plica")
def main() -> None:
    """Exactly which function a piecewise-linear network is.

    MODEL is an ONNX file, or a network that plica saved (.npz).
    """


for _verb in (report, draw, count, map_, bounds, shallow, shatter):
    main.add_command(_verb)
