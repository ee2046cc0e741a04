"""torch modules: sequences read directly, everything else traced."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import plica

torch = pytest.importorskip("torch")
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

torch.manual_seed(11)
torch.set_num_threads(1)

IMAGE = (2, 8, 7)


def statistics(module: Any) -> Any:
    """Batch normalisations that look trained."""
    for m in module.modules():
        if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            m.running_mean.normal_()
            m.running_var.uniform_(0.5, 2.0)
            if m.affine:
                nn.init.normal_(m.weight)
                nn.init.normal_(m.bias)
    return module.eval()


def agrees(module: Any, shape: tuple[int, ...], form: str) -> plica.Network:
    """Load, and compare once more on points of our own and on a whole batch."""
    module = statistics(module)
    before = copy.deepcopy(module.state_dict())
    x = torch.randn(5, *shape, dtype=torch.float64)
    net = plica.load(module, x.float())
    assert net.meta["format"] == form
    assert net.meta["relative_error"] < 1e-12
    assert "float64" in net.meta["checked_against"]
    with torch.no_grad():
        want = copy.deepcopy(module).double()(x).reshape(5, -1).numpy()
    assert np.allclose(net(x.numpy()), want, rtol=0, atol=1e-12 * max(1, np.abs(want).max()))
    after = module.state_dict()
    assert all(torch.equal(after[k], v) and after[k].dtype == v.dtype for k, v in before.items())
    return net


class Wrapped(nn.Module):
    """Not a Sequential, so it is traced."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(x)


class Function(nn.Module):
    def __init__(self, f: Callable[[Any], Any]) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: Any) -> Any:
        return self.f(x)


LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "linear-no-bias": (lambda: nn.Linear(4, 3, bias=False), (4,)),
    "linear-rows": (lambda: nn.Linear(4, 3), (2, 4)),
    "conv1d": (lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1, dilation=2), (2, 9)),
    "conv2d": (lambda: nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), IMAGE),
    "conv-groups": (lambda: nn.Conv2d(2, 4, 3, groups=2, dilation=2, bias=False), IMAGE),
    "conv-same": (lambda: nn.Conv2d(2, 3, (3, 4), padding="same"), IMAGE),
    "conv-valid": (lambda: nn.Conv2d(2, 3, 2, padding="valid"), IMAGE),
    "batch-norm-1d": (lambda: nn.BatchNorm1d(4), (4,)),
    "batch-norm-2d": (lambda: nn.BatchNorm2d(2), IMAGE),
    "batch-norm-plain": (lambda: nn.BatchNorm2d(2, affine=False, eps=0.1), IMAGE),
    "relu": (nn.ReLU, (4,)),
    "relu-in-place": (lambda: nn.ReLU(inplace=True), (4,)),
    "leaky-relu": (lambda: nn.LeakyReLU(0.2), (4,)),
    "prelu": (nn.PReLU, (4,)),
    "prelu-channels": (lambda: nn.PReLU(2, init=-0.5), IMAGE),
    "relu6": (nn.ReLU6, (4,)),
    "hardtanh": (lambda: nn.Hardtanh(-0.5, 0.25), (4,)),
    "hardsigmoid": (nn.Hardsigmoid, (4,)),
    "threshold": (lambda: nn.Threshold(0.5, 0.5), (4,)),
    "softshrink": (lambda: nn.Softshrink(0.3), (4,)),
    "maxpool1d": (lambda: nn.MaxPool1d(3, stride=2, padding=1), (2, 9)),
    "maxpool2d": (lambda: nn.MaxPool2d(2), IMAGE),
    "maxpool-stride": (lambda: nn.MaxPool2d(3, stride=1, padding=1), IMAGE),
    "maxpool-ceil": (lambda: nn.MaxPool2d((2, 3), stride=(3, 2), ceil_mode=True), IMAGE),
    "maxpool-dilated": (lambda: nn.MaxPool2d(2, stride=1, dilation=3), IMAGE),
    "avgpool1d": (lambda: nn.AvgPool1d(3, stride=2), (2, 9)),
    "avgpool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1), IMAGE),
    "avgpool-real": (
        lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        IMAGE,
    ),
    "avgpool-ceil": (lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE),
    "avgpool-divisor": (lambda: nn.AvgPool2d(2, divisor_override=3), IMAGE),
    "adaptive-1": (lambda: nn.AdaptiveAvgPool2d(1), IMAGE),
    "adaptive-even": (lambda: nn.AdaptiveAvgPool2d((4, None)), IMAGE),
    "adaptive-uneven": (lambda: nn.AdaptiveAvgPool2d((3, 5)), IMAGE),
    "adaptive-1d": (lambda: nn.AdaptiveAvgPool1d(2), (2, 9)),
    "adaptive-max": (lambda: nn.AdaptiveMaxPool2d((3, 4)), IMAGE),
    "flatten": (nn.Flatten, IMAGE),
    "flatten-part": (lambda: nn.Flatten(2), IMAGE),
    "unflatten": (lambda: nn.Unflatten(1, (2, 3)), (6,)),
    "identity": (nn.Identity, (4,)),
    "dropout": (lambda: nn.Dropout(0.5), (4,)),
    "maxout": (lambda: plica.nn.Maxout(2), IMAGE),
    "maxout-last": (lambda: plica.nn.Maxout(4, dim=-2), IMAGE),
    "crelu": (plica.nn.CReLU, IMAGE),
    "crelu-groups": (lambda: plica.nn.CReLU(groups=2), IMAGE),
    "crelu-groups-rows": (lambda: plica.nn.CReLU(dim=-2, groups=4), IMAGE),
    "crelu-last": (lambda: plica.nn.CReLU(dim=-1), IMAGE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_read_directly_agrees(name: str) -> None:
    make, shape = LAYERS[name]
    agrees(nn.Sequential(make()), shape, "torch.nn.Sequential")


class Together(nn.Module):
    """Many modules on one input, so that one trace serves them all."""

    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Any) -> Any:
        return torch.cat([m(x.clone()).flatten(1) for m in self.parts], dim=1)


@pytest.mark.parametrize("simplify", [False, True], ids=["as-exported", "taken-apart"])
@pytest.mark.parametrize("shape", sorted({shape for _, shape in LAYERS.values()}))
def test_layers_traced_agree(shape: tuple[int, ...], simplify: bool) -> None:
    chosen = {n: make for n, (make, s) in LAYERS.items() if s == shape}
    chosen.pop("softshrink" if simplify else "relu-in-place", None)
    parts = [make() for make in chosen.values()]
    # an operation in place makes the loader take the whole program apart
    parts += [Function(lambda x: x.mul_(2))] if simplify else []
    net = agrees(Together(parts), shape, "torch.export")
    direct = [plica.load(nn.Sequential(p), input_shape=shape) for p in parts[: len(chosen)]]
    assert net.n_outputs - int(np.prod(shape)) * simplify == sum(d.n_outputs for d in direct)
    assert net.n_units == sum(d.n_units for d in direct)


def test_nested_sequence_with_a_shape() -> None:
    net = statistics(
        nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
            nn.Sequential(plica.nn.Maxout(2), nn.MaxPool2d(3, stride=2)),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(8, 2),
        )
    )
    loaded = plica.load(net, input_shape=(1, 7, 7))
    assert loaded.widths == (49, 100, 50, 8, 2)
    assert loaded.meta["format"] == "torch.nn.Sequential"


def test_reused_relu_in_a_sequence() -> None:
    relu = nn.ReLU(inplace=True)
    net = plica.load(nn.Sequential(nn.Linear(3, 4), relu, nn.Linear(4, 4), relu, nn.Linear(4, 1)))
    assert net.widths == (3, 4, 4, 1)


def test_linear_sequence_needs_no_example() -> None:
    net = plica.load(nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)))
    assert net.widths == (3, 2, 1)


class Residual(nn.Module):
    """In-place and reused rectifiers, functional forms, a concatenation, a changing shape."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.deep = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.side = nn.Conv2d(4, 4, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.4)
        self.last = nn.Linear(8 * 4 * 3, 3)
        self.shift = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x: Any) -> Any:
        if x.shape[-1] > 100:
            x = x[..., :100]
        x = self.relu(self.norm(self.first(x)))
        y = self.relu(self.deep(x) + self.shift)
        y = self.relu(y + self.side(x))
        y = torch.cat([F.max_pool2d(y, 3, 2, 1), -F.avg_pool2d(x, 2, ceil_mode=True)], dim=1)
        y = F.relu_(y[:, :, :4, 1:4]).clamp(max=2.0)
        y += 0.5
        return self.last(self.drop(y.flatten(1)))


def test_residual_network() -> None:
    net = agrees(Residual(), IMAGE, "torch.export")
    assert net.depth == 6


W = torch.randn(6, 6, dtype=torch.float64)


def _scattered(x: Any) -> Any:
    y = torch.slice_scatter(x, 2 * x[:, :2], dim=1, start=3, end=5)
    return torch.select_scatter(y, x[:, 5], 1, 0)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "maximum": lambda x: torch.maximum(x[:, :3], x[:, 3:]),
    "minimum-three": lambda x: torch.minimum(torch.minimum(x[:, :2], x[:, 2:4]), x[:, 4:]),
    "amax": lambda x: x.view(-1, 2, 3).amax(dim=(1, 2)),
    "max-dim": lambda x: x.view(-1, 2, 3).max(dim=2, keepdim=True).values,
    "min-dim": lambda x: x.min(dim=1)[0],
    "max-all": lambda x: torch.stack([r.max() for r in x.unbind(0)]),
    "mean": lambda x: x - x.mean(dim=1, keepdim=True),
    "sum": lambda x: x.sum(dim=-1),
    "abs": lambda x: x.abs() + torch.abs(x.flip(1)),
    "where": lambda x: torch.where(x > 0, x, 0.125 * x),
    "where-else": lambda x: torch.where(x <= 0.5, 0.5, x),
    "gate": lambda x: x * (x > 0),
    "clamp": lambda x: x.clamp(-0.5, 0.25) + x.clamp_min(0.1) + x.clamp_max(0.3),
    "clamp-tensor": lambda x: x.clamp(min=x.flip(1)),
    "prelu": lambda x: F.prelu(x, torch.full((6,), 0.3, dtype=x.dtype)),
    "matmul": lambda x: x @ W.to(x.dtype) + 1,
    "matmul-left": lambda x: (W.to(x.dtype)[:2] @ x.T).T,
    "bmm": lambda x: torch.bmm(
        x.view(-1, 2, 3), W.to(x.dtype)[None, :3, :2].expand(x.shape[0], -1, -1)
    ),
    "arithmetic": lambda x: (1 - x) * 2 / 3 - x.neg() + torch.add(x, x, alpha=-0.5),
    "rearranged": lambda x: x.view(-1, 2, 3).permute(0, 2, 1).reshape(x.shape[0], 6).roll(1, 1),
    "pieces": lambda x: torch.cat([*x.chunk(3, dim=1)[::-1], x[:, [0, 5]], x[:, None, 2]], dim=1),
    "stack": lambda x: torch.stack([x, F.relu(x)], dim=1).unsqueeze(2).squeeze(),
    "pad": lambda x: F.pad(x, (1, -2), value=0.5),
    "relu-in-place": lambda x: (x * 1.0).relu_().add_(1).mul_(2),
    "threshold": lambda x: F.threshold(x, -0.25, -0.25),
    "hardtanh": lambda x: F.hardtanh(x) + F.relu6(3 * x) + F.hardsigmoid(x) + F.leaky_relu(x, 0.1),
    "scatter": _scattered,
    "type": lambda x: x.to(torch.float64).contiguous().clone() * 1.0,
}


@pytest.mark.parametrize("simplify", [False, True], ids=["as-exported", "taken-apart"])
def test_functions_agree(simplify: bool) -> None:
    """All of them in one trace; the parts of the output tell them apart."""
    chosen = {k: f for k, f in FUNCTIONS.items() if simplify or "in-place" not in k}

    def everything(x: Any) -> Any:
        return torch.cat([f(x).reshape(x.shape[0], -1) for f in chosen.values()], dim=1)

    net = plica.load(Function(everything), torch.randn(1, 6), check=False)
    assert net.meta["format"] == "torch.export"
    x = torch.randn(4, 6, dtype=torch.float64)
    got, at = net(x.numpy()), 0
    for name, f in chosen.items():
        want = np.stack([f(p[None]).reshape(-1).numpy() for p in x])
        part = got[:, at : at + want.shape[1]]
        assert np.allclose(part, want, rtol=0, atol=1e-12), name
        at += want.shape[1]
    assert at == got.shape[1]


def test_exported_program_with_an_open_batch() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.randn(4, 3),), dynamic_shapes=({0: batch},))
    net = plica.load(program)
    assert net == plica.load(module)
    assert "float32" in net.meta["checked_against"]


@pytest.mark.parametrize("wrap", [lambda m: m, Wrapped], ids=["direct", "traced"])
@pytest.mark.parametrize("last", [nn.Softmax(dim=1), nn.LogSoftmax(dim=1), nn.Sigmoid()])
def test_last_operation_is_dropped_with_a_warning(wrap: Any, last: Any) -> None:
    body = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.warns(plica.loaders.PlicaWarning, match="dropped") as caught:
        net = plica.load(wrap(nn.Sequential(*body, last)), torch.zeros(1, 3))
    assert net == plica.load(body)
    assert net.meta["relative_error"] < 1e-12
    assert caught[0].filename == __file__


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer",
    [nn.BatchNorm1d(4), nn.Dropout(0.5), nn.BatchNorm1d(4, track_running_stats=False).eval()],
    ids=["batch-norm", "dropout", "no-statistics"],
)
def test_training_mode_is_refused(layer: Any) -> None:
    module = nn.Sequential(nn.Linear(3, 4))
    module.append(layer)
    with pytest.raises(plica.UnsupportedError, match=r"module '1' .*\.eval\(\)"):
        plica.load(module)
    assert layer is module[1]


def test_functional_dropout_in_training_mode_is_refused() -> None:
    module = Function(lambda x: F.dropout(x, 0.5, training=True))
    with pytest.raises(plica.UnsupportedError, match=r"\.eval\(\)"):
        plica.load(module, torch.zeros(1, 3))


def test_training_mode_that_changes_nothing_is_fine() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.0), nn.Linear(4, 1)).train()
    assert plica.load(module).n_units == 4
    assert module.training


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (
            nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.GELU())),
            r"aten\.gelu.*module '1\.0' \(GELU\)",
        ),
        (
            nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1)),
            r"aten\.tanh.*Supported: .*relu",
        ),
        (nn.Sequential(nn.Linear(3, 3), nn.Hardswish()), "hardswish"),
        (nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), "layer_norm"),
        (nn.Sequential(nn.Linear(3, 3), nn.Threshold(0.5, 0.0)), r"module '1' .*jumps"),
        (nn.Sequential(nn.Linear(3, 3), nn.Softmax(1), nn.Linear(3, 1)), "softmax"),
        (nn.Sequential(nn.Linear(3, 4), plica.nn.Maxout(3)), r"4 channels .* groups of 3"),
        (Function(lambda x: x * F.relu(x)), "product of two branches"),
        (Function(lambda x: x @ x.T), "attention"),
        (Function(lambda x: 1 / (x + 2)), "reciprocal|divisor"),
        (Function(lambda x: torch.where(x > 0, x, x + 1)), "jumps"),
        (Function(lambda x: (x > 0).to(x.dtype)), "choose|convert|rounds|depend"),
        (Function(lambda x: x.round()), "round"),
        (Function(lambda x: x.to(torch.int64).double()), "rounds"),
    ],
)
def test_refused_with_the_place_named(module: Any, says: str) -> None:
    with pytest.raises((plica.UnsupportedError, plica.NetworkError), match=says):
        plica.load(module, torch.randn(1, 3))


def test_the_line_of_the_module_is_named() -> None:
    with pytest.raises(plica.UnsupportedError, match=r"test_torch\.py.*line \d+"):
        plica.load(Function(torch.tanh), torch.zeros(1, 3))


def test_missing_shape_and_bad_examples() -> None:
    conv = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten())
    with pytest.raises(plica.LoadError, match=r"example=.*input_shape="):
        plica.load(conv)
    with pytest.raises(plica.NetworkError, match=r"module '0' \(Conv2d"):
        plica.load(conv, torch.zeros(1, 2, 5, 5))
    with pytest.raises(plica.NetworkError, match="does not fit"):
        plica.load(conv, torch.zeros(1, 1, 2, 2))
    with pytest.raises(plica.UnsupportedError, match="one input"):
        plica.load(conv, (torch.zeros(1, 1, 5, 5), torch.zeros(1)))
    with pytest.raises(plica.NetworkError, match="reads 3 features"):
        plica.load(nn.Sequential(nn.Linear(3, 1)), torch.zeros(1, 4))


def test_nan_weight_is_named() -> None:
    module = nn.Sequential(nn.Linear(3, 2))
    with torch.no_grad():
        module[0].weight[1, 1] = torch.nan
    with pytest.raises(plica.NetworkError, match=r"'0\.weight'"):
        plica.load(module)


def test_control_flow_on_values_is_refused() -> None:
    def branch(x: Any) -> Any:
        return x if x.sum() > 0 else -x

    with pytest.raises(plica.LoadError, match=r"torch\.export could not trace.*control flow"):
        plica.load(Function(branch), torch.ones(1, 3))


def test_a_hook_is_not_overlooked() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    module[0].register_forward_hook(lambda m, i, o: 2 * o)
    net = plica.load(module, torch.zeros(1, 3))
    x = torch.randn(4, 3)
    assert np.allclose(net(x.numpy()), module(x).detach().numpy(), atol=1e-5)
