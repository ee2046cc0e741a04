from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import plica
from plica.cli import main

DEMO = Path(__file__).parents[2] / "examples" / "models" / "demo.onnx"


@pytest.fixture
def run():
    """Run a command line; returns click's result."""

    def call(*words):
        return CliRunner().invoke(main, [str(w) for w in words])

    return call


def random_net(widths, seed=0):
    rng = np.random.default_rng(seed)
    return plica.Network.mlp(
        [
            (rng.normal(0, np.sqrt(2 / a), (b, a)), rng.normal(0, 0.3, b))
            for a, b in pairwise(widths)
        ]
    )


@pytest.fixture
def small(tmp_path):
    """A file with a network of two inputs and one output."""
    path = tmp_path / "small.npz"
    random_net((2, 6, 6, 1)).save(path)
    return path


@pytest.fixture
def wide(tmp_path):
    """A file with a network of five inputs and three outputs."""
    path = tmp_path / "wide.npz"
    random_net((5, 6, 6, 3)).save(path)
    return path
