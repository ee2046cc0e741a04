import contextlib
import importlib
import json
import signal

import numpy as np
import pytest

import plica
from plica.shallow import MaxOfShallow

from .conftest import random_net


def test_shallow_prints_the_plan_converts_verifies_and_saves(run, small, tmp_path):
    out = tmp_path / "form.npz"
    result = run("shallow", small, "-o", out)
    assert result.exit_code == 0, result.output
    net = plica.Network.load(small)
    box = plica.Box.cube(2)
    form = MaxOfShallow.load(out)
    for words in (
        "method: patterns",
        f"activation regions: {int(plica.count_regions(net, box)):,}",
        f"built: {len(form.terms):,} terms",
        "equal in exact arithmetic at 5 points",
        f"saved: {out} (exactly)",
    ):
        assert words in result.stdout
    x = np.random.default_rng(3).uniform(-1, 1, (100, 2))
    np.testing.assert_allclose(form(x), net(x), rtol=1e-12, atol=1e-12)


def test_shallow_json_and_onnx(run, small, tmp_path):
    out = tmp_path / "form.onnx"
    result = run("shallow", small, "--json", "--method", "minimal", "-o", out)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {"plica", "model", "domain", "plan", "warnings", "form", "check"}
    assert found["domain"]["dimension"] == 2
    assert found["form"]["terms"] <= found["plan"]["terms"]
    assert found["check"]["relative_error"] < 1e-12
    session = __import__("onnxruntime").InferenceSession(out, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(3).uniform(-1, 1, (10, 2))
    (y,) = session.run(None, {"x": x})
    np.testing.assert_allclose(y, plica.Network.load(small)(x), rtol=1e-9, atol=1e-9)


def test_shallow_plan_only(run, small):
    result = run("shallow", small, "--plan", "--domain", "space")
    assert result.exit_code == 0, result.output
    assert "terms: at most" in result.stdout
    assert "built" not in result.stdout


@pytest.mark.parametrize("words", [("shallow", "--plan"), ("count",)])
def test_json_says_the_whole_space(run, small, words):
    verb, *options = words
    result = run(verb, small, "--json", "--domain", "space", *options)
    assert result.exit_code == 0, result.output
    domain = json.loads(result.stdout)["domain"]
    assert (domain["kind"], domain["n"]) == ("space", 2)


def test_shallow_maps_the_regions_once(run, small, monkeypatch):
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return plica.map_regions(*args, **options)

    monkeypatch.setattr(importlib.import_module("plica.shallow.plan"), "map_regions", counted)
    result = run("shallow", small)
    assert result.exit_code == 0, result.output
    assert len(calls) == 1


def test_ctrl_c_while_mapping_leaves_the_plan(run, small, monkeypatch):
    def stopped(*args, **options):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return plica.map_regions(*args, **{**options, "budget": 3})

    monkeypatch.setattr(importlib.import_module("plica.shallow.plan"), "map_regions", stopped)
    result = run("shallow", small)
    assert result.exit_code == 130, result.output
    assert "terms: more than" in result.stdout
    assert "built" not in result.stdout
    assert "Ctrl-C" in result.stderr


@pytest.mark.parametrize("how", ["time", "ctrl-c"])
def test_what_was_built_is_saved(run, small, tmp_path, monkeypatch, how):
    steps = importlib.import_module("plica.shallow.minimal").ByPieces
    step = steps.step

    def stopping(self, clock):
        if self.done == 3 and how == "ctrl-c":
            signal.raise_signal(signal.SIGINT)
        if self.done == 3:
            raise plica.BudgetError("stopped by the budget of 1 seconds")
        step(self, clock)

    monkeypatch.setattr(steps, "step", stopping)
    out = tmp_path / "form.npz"
    result = run("shallow", small, "--method", "minimal", "-o", out)
    assert result.exit_code == (130 if how == "ctrl-c" else 2), result.output
    assert "incomplete, a lower bound" in result.stdout
    assert "checked" not in result.stdout
    form, net = MaxOfShallow.load(out), plica.Network.load(small)
    assert not form.complete
    x = np.random.default_rng(3).uniform(-1, 1, (100, 2))
    assert (form(x) <= net(x) + 1e-9).all()


def test_shallow_class_shift(run, tmp_path):
    path = tmp_path / "classes.npz"
    random_net((4, 6, 3, 3)).save(path)
    words = ("--domain", "space", "--method", "subsets")
    result = run("shallow", path, *words)
    assert result.exit_code == 2
    assert "class_shift" in result.stderr
    result = run("shallow", path, *words, "--class-shift")
    assert result.exit_code == 0, result.output
    assert "method: subsets" in result.stdout
    assert "(8 without knowing the regions)" in result.stdout


def test_shallow_refuses_with_an_exit_code(run, small):
    result = run("shallow", small, "-o", "form.txt")
    assert result.exit_code == 2
    assert ".npz or .onnx" in result.stderr
    result = run("shallow", small, "--budget", "3")
    assert result.exit_code == 2
    assert "lower bound" in result.stderr
    assert "incomplete, a lower bound" in result.stdout
    assert run("shallow", small, "--output", "7").exit_code == 2


@pytest.mark.parametrize("method", ["patterns", "minimal"])
def test_shallow_of_a_trained_residual_network(run, tmp_path, method):
    torch = pytest.importorskip("torch")

    class Block(torch.nn.Module):
        def __init__(self, n, width):
            super().__init__()
            self.inner, self.outer = torch.nn.Linear(n, width), torch.nn.Linear(width, n)

        def forward(self, x):
            return x + self.outer(torch.relu(self.inner(x)))

    torch.manual_seed(0)
    model = torch.nn.Sequential(Block(2, 6), Block(2, 6), torch.nn.Linear(2, 1))
    x = torch.rand(200, 2) * 2 - 1
    target = (x[:, :1] * x[:, 1:] > 0).float()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    path, out = tmp_path / "residual.npz", tmp_path / "form.npz"
    net = plica.load(model, example=torch.zeros(1, 2))
    net.save(path)
    result = run("shallow", path, "--method", method, "-o", out)
    assert result.exit_code == 0, result.output
    for words in (f"method: {method}", "built: ", "equal in exact arithmetic", f"saved: {out}"):
        assert words in result.stdout
    form = MaxOfShallow.load(out)
    np.testing.assert_allclose(form(x.numpy()), net(x.numpy()), rtol=1e-11, atol=1e-11)
