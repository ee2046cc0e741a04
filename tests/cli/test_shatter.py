"""``plica shatter`` on modules by name and from files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from plica.gradients import diagnose

torch = pytest.importorskip("torch")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a module `deep` that makes networks, and a batch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "deep", raising=False)
    (tmp_path / "deep.py").write_text(
        "from torch import nn, manual_seed\n"
        "def make():\n"
        "    manual_seed(0)\n"
        "    return nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 2))\n"
        "ready = make()\n"
        "number = 3\n"
    )
    batch = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    np.save("batch.npy", batch)
    return tmp_path


def test_it_says_what_diagnose_says(run, place):
    import sys

    result = run("shatter", "deep:make", "--data", "batch.npy", "--samples", 20, "--seed", 3)
    assert result.exit_code == 0, result.output
    module = sys.modules["deep"].make().double()
    expected = diagnose(module, np.load("batch.npy")[:20], seed=3)
    assert result.stdout == f"{expected}\n"
    assert "1 relu; 20 samples, 4 readouts, batch normalisation: frozen" in result.stdout
    words = ("--data", "batch.npy", "--wrt", "parameters", "--bn", "eval", "--draws", 2)
    result = run("shatter", "deep:make", *words)
    expected = diagnose(module, np.load("batch.npy"), wrt="parameters", bn="eval", draws=2)
    assert result.stdout == f"{expected}\n"
    assert "all parameters" in result.stdout


def test_json_plot_and_files(run, place):
    import sys

    first = run("shatter", "deep:ready", "--data", "batch.npy", "--json", "--plot", "p.png")
    assert first.exit_code == 0, first.output
    assert (place / "p.png").stat().st_size > 5000
    torch.save(sys.modules["deep"].ready, "whole.pt")
    torch.save(torch.as_tensor(np.load("batch.npy")), "batch.pt")
    np.savez("batch.npz", batch=np.load("batch.npy"))
    for data in ("batch.pt", "batch.npz"):
        again = run("shatter", "whole.pt", "--trust", "--data", data, "--json")
        assert json.loads(again.stdout) == json.loads(first.stdout)
    assert json.loads(first.stdout)["state"] == "coherent"


def test_it_says_what_is_wrong(run, place):
    torch.save({"weight": torch.ones(2)}, "state.pt")
    (place / "text.pt").write_text("no module")
    np.save("wide.npy", np.ones((4, 7)))
    np.save("nan.npy", np.full((4, 6), np.nan))
    np.savez("two.npz", a=np.ones((4, 6)), b=np.ones((4, 6)))
    for words, message in (
        (("state.pt", "--data", "batch.npy"), "--trust"),
        (("state.pt", "--trust", "--data", "batch.npy"), "a dict, not a torch module"),
        (("nowhere.pt", "--data", "batch.npy"), "neither a file nor"),
        (("nowhere:net", "--data", "batch.npy"), "cannot be imported"),
        (("deep:net", "--data", "batch.npy"), "deep has no net"),
        (("deep:number", "--data", "batch.npy"), "is a int"),
        (("deep:make", "--data", "two.npz"), "must hold one array, has a, b"),
        (("deep:make", "--data", "batch.csv"), ".npy, .npz or .pt"),
        (("text.pt", "--trust", "--data", "batch.npy"), "text.pt cannot be loaded"),
        (("deep:make", "--data", "text.pt"), "text.pt cannot be loaded"),
        (("deep:make", "--data", "wide.npy"), "a batch of shape (4, 7): mat1"),
        (("deep:make", "--data", "nan.npy"), "NaN or infinite"),
        (("deep:make", "--data", "batch.npy", "--plot", "p.doc"), ".png, .svg, .pdf"),
        (("deep:make", "--data", "none.npy"), "none.npy"),
        (("deep:make", "--data", "batch.npy", "--samples", "1"), "at least 2"),
    ):
        result = run("shatter", *words)
        assert result.exit_code == 2, words
        assert message in result.stderr
