"""`diagnose` and its parts on torch modules, against loops over samples and against the laws."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import plica
from plica.gradients import (
    correlation_of,
    diagnose,
    effective_rank,
    gradient_correlation,
    law,
    parameter_grams,
    sample_gradients,
)

torch = pytest.importorskip("torch")
nn = torch.nn


def he(module: Any, seed: int = 0) -> Any:
    random = torch.Generator().manual_seed(seed)
    module = module.double()
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            fan = layer.weight[0].numel()
            with torch.no_grad():
                layer.weight.normal_(0, (2 / fan) ** 0.5, generator=random)
                if layer.bias is not None:
                    layer.bias.zero_()
    return module


def plain(depth: int, width: int, norm: bool = False, outputs: int = 3, seed: int = 0) -> Any:
    layers: list[Any] = [nn.Linear(width, width)]
    for k in range(depth):
        layers += [nn.BatchNorm1d(width)] if norm else []
        layers += [nn.ReLU(), nn.Linear(width, width if k < depth - 1 else outputs)]
    return he(nn.Sequential(*layers), seed)


class Block(nn.Module):
    def __init__(self, branch: Any, skip: Any = None, after: Any = None, beta: float = 1.0) -> None:
        super().__init__()
        self.branch, self.skip, self.after, self.beta = branch, skip, after, beta

    def forward(self, x: Any) -> Any:
        y = (x if self.skip is None else self.skip(x)) + self.beta * self.branch(x)
        return y if self.after is None else self.after(y)


def residual(depth: int, width: int, norm: bool = False, beta: float = 1.0) -> Any:
    def branch() -> Any:
        first = [nn.BatchNorm1d(width)] if norm else []
        return nn.Sequential(*first, nn.ReLU(), nn.Linear(width, width))

    blocks = [Block(branch(), beta=beta) for _ in range(depth)]
    module = he(nn.Sequential(nn.Linear(width, width), *blocks, nn.Linear(width, 3)))
    with torch.no_grad():
        module[0].weight.mul_(0.5**0.5)  # a stream of variance 1
    return module


def noise(*shape: int, seed: int = 1) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_loop(module: Any, x: Any, weights: Any) -> np.ndarray:
    rows = []
    for one in x:
        one = one[None].clone().requires_grad_()
        (g,) = torch.autograd.grad((module(one).reshape(-1) * weights).sum(), one)
        rows.append(g.reshape(-1).numpy())
    return np.array(rows)


def convolutional() -> Any:
    return he(
        nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1),
            nn.ReLU(inplace=True),
            Block(nn.Conv2d(6, 6, 3, padding=1), after=nn.ReLU()),
            Block(nn.Conv2d(6, 8, 3, 2, 1), nn.Conv2d(6, 8, 1, 2), nn.LeakyReLU(0.1)),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 3),
        )
    )


@pytest.mark.parametrize("make", [lambda: plain(3, 10), convolutional])
def test_gradients_of_all_samples_at_once_are_those_of_a_loop(make: Any) -> None:
    module = make()
    x = noise(6, 10) if isinstance(module[0], nn.Linear) else noise(6, 2, 8, 8)
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    expected = by_loop(module, x, weights)
    found = sample_gradients(module, x, readout=weights)
    assert found == pytest.approx(expected, abs=1e-13)
    report = diagnose(module, x, readout=weights)
    assert report.layers[0].correlation == pytest.approx(gradient_correlation(expected).value)
    assert report.layers[0].stderr == pytest.approx(gradient_correlation(expected).stderr)
    loss = diagnose(module, x, readout=lambda y: (y @ weights) ** 2)
    scaled = expected * (2 * (module(x) @ weights)).detach().numpy()[:, None]
    assert loss.layers[0].correlation == pytest.approx(gradient_correlation(scaled).value)


def test_frozen_statistics_are_those_of_the_batch_held_constant() -> None:
    module = plain(2, 8, norm=True)
    x = noise(12, 8)
    module.train()
    still: list[Any] = []
    h = x
    for layer in module:
        if isinstance(layer, nn.BatchNorm1d):
            h = h.detach()
            copy = nn.BatchNorm1d(8).double().eval()
            copy.running_mean.copy_(h.mean(0))
            copy.running_var.copy_(h.var(0, correction=0))
            layer = copy
        still.append(layer)
        h = layer(h)
    weights = torch.ones(3, dtype=torch.float64)
    expected = by_loop(nn.Sequential(*still), x, weights)
    assert sample_gradients(module, x, readout=weights) == pytest.approx(expected, abs=1e-12)
    assert module.training
    assert all(m.training for m in module.modules())
    assert "forward" not in vars(module[1])
    assert module[1].num_batches_tracked == 0
    assert module[1].running_mean.abs().max() == 0
    assert all(p.grad is None for p in module.parameters())


def test_through_batch_statistics_the_correlation_is_that_of_the_trap() -> None:
    for depth in (1, 3):
        report = diagnose(plain(depth, 32, norm=True), noise(20, 32), bn="through")
        assert report.layers[0].correlation == pytest.approx(-1 / 19, abs=1e-10)
        assert report.state == "unknown"
        assert "-1/(M-1)" in report.notes[0]
        assert report.law == "none"


def pooled(make: Any, x: Any, place: int) -> tuple[float, float]:
    """Correlation at a place, and its standard error, over networks."""
    found = np.array([diagnose(make(s), x).layers[place].correlation for s in range(8)])
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(8))


@pytest.mark.parametrize(("norm", "depth"), [(False, 4), (False, 10), (True, 4)])
def test_plain_networks_meet_the_law_that_the_report_names(norm: bool, depth: int) -> None:
    x = noise(32, 160)
    value, stderr = pooled(lambda s: plain(depth, 160, norm, seed=s), x, 1)
    report = diagnose(plain(depth, 160, norm), x)
    assert report.law == ("plain, batch-normalised" if norm else "plain, wide")
    expected = report.layers[1].from_law
    assert expected is not None
    kind = "batchnorm" if norm else "wide"
    assert expected == pytest.approx(law("plain", depth, kind, batch=32).correlation, rel=0.1)
    assert abs(value - expected) < 3 * stderr + expected * 4 * depth / 160
    if not norm:
        assert "2^-" in report.why
        assert depth < 10 or value > 10 * 2.0**-depth


@pytest.mark.parametrize(("norm", "beta"), [(True, 1.0), (True, 0.3), (False, 0.5)])
def test_residual_networks_meet_the_law_that_the_report_names(norm: bool, beta: float) -> None:
    report = diagnose(residual(8, 192, norm, beta), noise(48, 192))
    assert report.law == f"residual, {'batch-normalised' if norm else 'wide'}"
    fitted = float(report.why.split("beta = ")[1][:4])
    assert fitted == pytest.approx(beta, rel=0.12)
    for layer in report.layers:
        if layer.kind in ("sum", "fork"):
            assert layer.correlation == pytest.approx(layer.from_law, abs=0.05)
            assert layer.correlation == pytest.approx(layer.from_coactivation, abs=0.05)


def test_prediction_from_coactivation_where_no_law_is_known() -> None:
    def block(n: int, m: int) -> Any:
        branch = nn.Sequential(nn.Linear(n, 96), nn.ReLU(), nn.Linear(96, m))
        return Block(branch, None if n == m else nn.Linear(n, m), nn.ReLU())

    module = he(nn.Sequential(block(64, 128), block(128, 128), block(128, 96), nn.Linear(96, 2)))
    report = diagnose(module, noise(48, 64))
    assert report.law == "none"
    assert {layer.kind for layer in report.layers} == {"input", "rectifier", "sum", "fork"}
    for layer in report.layers:
        assert layer.correlation == pytest.approx(layer.from_coactivation, abs=0.06)


def test_functional_and_concatenated_rectifiers_are_seen() -> None:
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear(16, 2)

        def forward(self, x: Any) -> Any:
            z = self.a(x)
            return self.b(torch.cat([z, -z], 1).relu())

    module = he(Functional())
    x = noise(16, 6)
    report = diagnose(module, x, readout=[1.0, 1.0])
    assert report.structure == "1 crelu"
    layer = report.layers[1]
    assert layer.shape == (8,)  # with respect to z, not to (z, -z)
    assert layer.active == pytest.approx(0.5)
    z = module.a(x).detach().requires_grad_()
    (g,) = torch.autograd.grad(module.b(torch.cat([z, -z], 1).relu()).sum(), z)
    assert layer.correlation == pytest.approx(gradient_correlation(g).value)


@pytest.mark.parametrize("norm", [False, True])
def test_rectifiers_concatenated_group_by_group_are_seen(norm: bool) -> None:
    first: list[Any] = [nn.Conv1d(3, 6, 3, padding=1)]
    first += [nn.BatchNorm1d(6)] if norm else []
    last = [nn.Conv1d(12, 4, 3, groups=2), nn.Flatten(), nn.Linear(12, 2)]
    module = he(nn.Sequential(*first, plica.nn.CReLU(groups=2), *last))
    x = noise(16, 3, 5)
    report = diagnose(module, x, readout=[1.0, 1.0], bn="eval")
    assert report.structure.startswith("1 crelu")
    z = nn.Sequential(*first).eval()(x).detach().requires_grad_()
    (g,) = torch.autograd.grad(module[len(first) :](z).sum(), z)
    layer = report.layers[1]
    assert layer.correlation == pytest.approx(gradient_correlation(g.flatten(1)).value)
    assert layer.active == pytest.approx(0.5)
    assert diagnose(module, x).law == ("plain, batch-normalised" if norm else "plain, wide")


def test_small_branches_are_not_taken_for_a_linear_network() -> None:
    report = diagnose(residual(3, 48, True, beta=1e-3), noise(24, 48))
    assert report.layers[0].correlation > 1 - 1e-5
    assert report.law == "residual, batch-normalised"


def test_linear_and_smooth_networks() -> None:
    linear = diagnose(he(nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 1))), noise(16, 5))
    assert linear.law == "linear"
    assert linear.layers[0].correlation == pytest.approx(1)
    assert linear.state == "coherent"
    smooth = diagnose(nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 1)), noise(16, 5))
    assert smooth.law == "none"
    assert "gelu" in smooth.verdict
    assert smooth.layers[1].active is None


def test_other_operations_are_named_and_no_law_is_claimed() -> None:
    convolution = nn.Conv2d(2, 4, 3)
    for layer, words in (
        (nn.MaxPool2d(2, 2), "MaxPool2D"),
        (nn.Softmax(1), "Softmax"),
        (nn.ReLU6(inplace=True), "hardtanh"),
        (nn.LeakyReLU(0.1, inplace=True), "leaky_relu"),
        (nn.PReLU(), "prelu"),
    ):
        module = nn.Sequential(convolution, layer, nn.Flatten(), nn.LazyLinear(2)).double()
        x = noise(16, 2, 6, 6)
        module(x)
        report = diagnose(module, x)
        assert report.law == "none"
        assert words in report.why
        if layer.__class__.__name__ in ("ReLU6", "LeakyReLU", "PReLU"):
            expected = convolution(x).detach() > 0
            expected &= (convolution(x).detach() < 6) | (words != "hardtanh")
            assert report.layers[1].active == pytest.approx(expected.double().mean().item())


def test_report_in_all_its_forms(tmp_path: Any) -> None:
    report = diagnose(plain(6, 40, norm=True), noise(24, 40))
    assert report.table().count("\n") == 7
    assert "co-act" in str(report)
    assert json.loads(report.to_json())["layers"][1]["name"] == "2"
    assert json.loads(report.to_json())["verdict"] == report.verdict
    assert report.state in repr(report)
    ax = report.plot()
    ax.figure.savefig(tmp_path / "plot.png")
    assert {t.get_text() for t in ax.get_legend().get_texts()} >= {"correlation, measured"}


def test_parameter_grams_are_those_of_gradients_sample_by_sample() -> None:
    module = he(
        nn.Sequential(
            nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=1, groups=2),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 3, 2, dilation=2, bias=False, padding=1, padding_mode="circular"),
            nn.Flatten(),
            nn.Linear(48, 5),
            nn.ReLU(),
            nn.Linear(5, 5, bias=False),
            nn.Linear(5, 2),
        )
    )
    shared = module[7]
    module.append(nn.Sequential(nn.Linear(2, 5).double(), shared, nn.Linear(5, 2).double()))
    module.eval()
    x = noise(5, 4, 7, 7)
    rows: dict[str, list[np.ndarray]] = {}
    for one in x:
        module.zero_grad()
        module(one[None])[:, 0].sum().backward()
        for name, layer in module.named_modules():
            own = list(layer.parameters(recurse=False))
            if own:
                flat = torch.cat([p.grad.reshape(-1) for p in own])
                rows.setdefault(name, []).append(flat.numpy().copy())
    module.zero_grad()
    found = parameter_grams(module, x, readout=[1.0, 0.0], bn="eval")
    assert found.keys() == rows.keys()
    for name, gram in found.items():
        g = np.array(rows[name])
        assert gram == pytest.approx(g @ g.T, rel=1e-10, abs=1e-12)
        assert correlation_of(gram).value == pytest.approx(gradient_correlation(g).value)


def test_gradients_of_parameters_layer_by_layer() -> None:
    module = plica.nn.convnet(
        2, 3, 5, 3, kind="residual", pool=1, generator=torch.Generator().manual_seed(3)
    ).double()
    x, draws = noise(9, 2, 6, 6), 3
    report = diagnose(module, x, wrt="parameters", draws=draws)
    weights = torch.randn(draws, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows: dict[str, list[np.ndarray]] = {}
    for w in weights:
        seen: dict[str, list[np.ndarray]] = {}
        for one in x:
            module.zero_grad()
            (module(one[None])[0] @ w).backward()
            every = []
            for name, layer in module.named_modules():
                own = list(layer.parameters(recurse=False))
                if own:
                    every.append(torch.cat([p.grad.reshape(-1) for p in own]).numpy().copy())
                    seen.setdefault(name, []).append(every[-1])
            seen.setdefault("all parameters", []).append(np.concatenate(every))
        for name, g in seen.items():
            rows.setdefault(name, []).append(np.array(g))
    assert report.layers[0].name == "all parameters"
    assert {layer.name for layer in report.layers} == rows.keys()
    for layer in report.layers:
        g = np.array(rows[layer.name])  # readouts, samples, parameters
        stacked = np.concatenate(list(g), axis=1)
        expected = gradient_correlation(stacked)
        assert layer.kind == "parameters"
        assert layer.shape == (g.shape[2],)
        assert layer.correlation == pytest.approx(expected.value)
        assert layer.stderr == pytest.approx(expected.stderr)
        assert layer.norm == pytest.approx(np.sqrt((g**2).sum(axis=2).mean()))
        assert layer.rank == pytest.approx(np.mean([effective_rank(one) for one in g]))
        assert layer.active is layer.from_law is layer.from_coactivation is None
    assert report.law == "none"
    assert "over all parameters" in report.verdict
    assert "about the gradients of activations" in report.verdict
    report.plot()
    with pytest.raises(plica.PlicaError, match="activations, parameters"):
        diagnose(module, x, wrt="weights")


def test_modules_for_one_size_of_batch() -> None:
    class Six(nn.Module):
        def __init__(self, flip: bool) -> None:
            super().__init__()
            self.layer, self.flip = nn.Linear(4, 3).double(), flip

        def forward(self, x: Any) -> Any:
            y = self.layer(x.view(6, 4))
            return y + y.flip(0) if self.flip else y

    x = noise(6, 4)
    assert diagnose(Six(False), x).layers[0].correlation == pytest.approx(1)
    with pytest.raises(plica.UnsupportedError, match="the module mixes samples"):
        diagnose(Six(True), x)
    with pytest.raises(plica.UnsupportedError, match="the readout mixes samples"):
        diagnose(Six(False), x, readout=lambda y: (y * y.mean(0)).sum(1))


def test_they_say_what_is_wrong() -> None:
    net = plain(1, 4)
    x = noise(4, 4)
    with pytest.raises(plica.PlicaError, match="frozen, eval, through"):
        diagnose(net, x, bn="batch")
    with pytest.raises(plica.PlicaError, match="2 weights for 3 outputs"):
        diagnose(net, x, readout=[1.0, 2.0])
    with pytest.raises(plica.PlicaError, match="reduction='none'"):
        diagnose(net, x, readout=lambda y: y.sum())
    with pytest.raises(plica.PlicaError, match="batch axis"):
        diagnose(net, x[0])
    with pytest.raises(plica.PlicaError, match=r"torch\.nn\.Module"):
        diagnose(len, x)

    class Mixes(nn.Module):
        def forward(self, x: Any) -> Any:
            return x - x.mean(0)

    with pytest.raises(plica.UnsupportedError, match="mixes samples"):
        diagnose(Mixes(), x)
    with pytest.raises(plica.UnsupportedError, match="LayerNorm"):
        parameter_grams(nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), x)
    with pytest.raises(plica.PlicaError, match="single samples"):
        parameter_grams(net, x, bn="through")
    deep = nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)])
    with torch.no_grad():
        for layer in deep:
            layer.weight.fill_(1e30)
    with pytest.raises(plica.PlicaError, match="float64"):
        diagnose(deep, x.float())


def test_it_says_where_the_law_does_not_describe_the_network() -> None:
    x = torch.randn(64, 100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.manual_seed(0)
    layers = [m for _ in range(20) for m in (nn.Linear(100, 100), nn.ReLU())]
    default = nn.Sequential(*layers, nn.Linear(100, 1)).double()  # torch's own weights and biases
    report = diagnose(default, x)
    first = report.layers[0]
    assert first.from_coactivation > 10 * first.from_law
    assert 0.5 < first.correlation / first.from_coactivation < 2
    assert "does not describe this network: its samples share more active units" in report.verdict
    assert "their norm shrinks by a factor of" in report.verdict
    for depth in (5, 20):
        assert "does not describe" not in diagnose(plain(depth, 100), x).verdict
    big = plain(3, 100)
    with torch.no_grad():
        for layer in big:
            if isinstance(layer, nn.Linear):
                layer.weight *= 100
    assert "their norm grows by a factor of" in diagnose(big, x).verdict


def test_a_batch_that_cannot_be_measured() -> None:
    module = plain(1, 6)
    with pytest.raises(plica.PlicaError, match=r"batch of shape \(8, 5\): mat1"):
        diagnose(module, torch.ones(8, 5))
    with pytest.raises(plica.PlicaError, match="NaN or infinite"):
        diagnose(module, torch.full((8, 6), float("nan")))
