"""The looks-linear initialisation: networks that start as linear maps."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import plica
from plica.gradients import diagnose

torch = pytest.importorskip("torch")
nn = torch.nn
CReLU, Residual = plica.nn.CReLU, plica.nn.Residual


def random(seed: int = 0) -> Any:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int) -> Any:
    return torch.randn(shape, generator=random(5), dtype=torch.float64)


def lengths(x: Any) -> Any:
    return x.detach().flatten(1).norm(dim=1).numpy()


def is_linear(module: Any, *shape: int) -> float:
    """Largest relative error of additivity and homogeneity, checked without the library."""
    x, y = noise(6, *shape), noise(6, *shape).flip(0)
    with torch.no_grad():
        fx, fy = module(x), module(y)
        size = fx.abs().max()
        errors = [module(x + y) - fx - fy, module(-2.5 * x) + 2.5 * fx]
    return float(max(e.abs().max() for e in errors) / size)


def test_two_hundred_layers_are_a_linear_map_that_trains() -> None:
    module = plica.nn.looks_linear_mlp(32, 3, 32, 200, generator=random()).double()
    report = plica.init.looks_linear_(module, generator=random(1))
    assert report.layers == 201
    assert report.superposition < 1e-12
    W = module(torch.eye(32, dtype=torch.float64)).T.detach()
    x = noise(50, 32)
    assert (module(x) - x @ W.T).abs().max() < 1e-10 * x.abs().max()
    assert (W @ W.T - torch.eye(3)).abs().max() < 1e-10  # a projection of an isometry
    found = diagnose(module, x, draws=1)
    assert found.layers[0].correlation == pytest.approx(1, abs=1e-10)
    assert found.state == "coherent"
    assert found.law == "linear"
    assert found.layers[0].from_coactivation is None

    target = (x[:, :1] * x[:, 1:2] > 0).double() @ torch.ones(1, 3, dtype=torch.float64)
    optimizer = torch.optim.Adam(module.parameters(), 2e-4)
    losses = []
    for _ in range(25):
        loss = ((module(x) - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert is_linear(module, 32) > 1e-3  # the blocks have parted


def test_square_networks_keep_lengths() -> None:
    module = nn.Sequential(
        nn.Linear(16, 16), CReLU(), nn.Linear(32, 24), CReLU(), nn.Linear(48, 24)
    )
    report = plica.init.looks_linear_(module.double(), generator=random())
    x = noise(9, 16)
    assert lengths(module(x)) == pytest.approx(lengths(x))
    assert report.isometric
    assert not report.notes
    narrow = plica.nn.mlp(16, 4, 16, 3, kind="crelu")
    report = plica.init.looks_linear_(narrow)
    assert not report.isometric
    assert report.notes == ("fewer numbers written than read, which projects: 1 of 4 layers",)


def paired_convnet() -> Any:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 7, 3, stride=2, padding=1),  # an odd number of units
        nn.ReLU(),
        nn.Conv2d(7, 10, 2),
        nn.ReLU(),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(40, 6),
        nn.ReLU(),
        nn.Linear(6, 5),
    )


class Means(nn.Module):
    """Pooling by means over positions, as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 4, 1), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.a(x)).mean(3, keepdim=True)
        return self.c(torch.relu(self.b(x)).mean(dim=(-2, -1)))


class PostActivation(nn.Module):
    """A residual block as in the first residual networks: a rectifier behind the sum."""

    def __init__(self, skip: Any) -> None:
        super().__init__()
        self.stem, self.a, self.b = nn.Conv1d(2, 6, 1), nn.Conv1d(6, 6, 1), nn.Conv1d(6, 6, 1)
        self.skip, self.last = skip, nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.stem(x))
        x = torch.relu(self.skip(x) + self.b(torch.relu(self.a(x))))
        return self.last(x.mean(2))


class Functional(nn.Module):
    """A residual network with projections, functions in the place of modules, and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2, 6, 3, padding=1)
        self.a, self.b = nn.Conv1d(6, 8, 3, padding=1), nn.Conv1d(8, 6, 1)
        self.c, self.skip = nn.Conv1d(6, 4, 3, padding=1), nn.Conv1d(6, 4, 1)
        self.last = nn.Linear(4 * 9, 3)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        x = x + 0.5 * self.b(torch.relu(self.a(x)))
        x = torch.nn.functional.relu(self.skip(x) + self.c(x))
        return self.last(x.reshape(x.size(0), -1))


def grouped(conv: Any) -> Any:
    """Groups of several sizes behind concatenated rectifiers, and a depthwise convolution."""
    return nn.Sequential(
        conv(8, 12, 3, padding=1, groups=4),
        CReLU(groups=4),
        conv(24, 12, 3, padding=1, groups=2),  # two of the rectifier's groups each
        CReLU(groups=12),
        conv(24, 12, 3, padding=1, groups=12),
        CReLU(groups=3),
        conv(24, 5, 1),
        CReLU(groups=5),
        nn.Flatten(),
        nn.LazyLinear(3),
    )


def grouped_paired(conv: Any) -> Any:
    return nn.Sequential(
        conv(4, 12, 3, padding=1, groups=2),
        nn.ReLU(),
        conv(12, 18, 3, padding=1, groups=3),  # pairs within 6 blocks
        nn.ReLU(),
        conv(18, 6, 1, groups=2),  # 9 units a block: one of them left out
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(3),
    )


class Grouped(nn.Module):
    """Grouped convolutions in the branches: the pairs of all layers on the stream must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 1)
        self.a, self.b = nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.Conv2d(16, 16, 1)
        self.c, self.d = nn.Conv2d(16, 32, 3, padding=1, groups=8), nn.Conv2d(32, 16, 1, groups=2)
        self.last = nn.Linear(16, 2)

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.stem(x))
        x = torch.relu(x + torch.relu(self.b(torch.relu(self.a(x)))))
        x = torch.relu(self.d(torch.relu(self.c(x))))
        return self.last(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


CASES = {
    "crelu mlp": (lambda: plica.nn.mlp(5, 3, 8, 6, kind="crelu"), (5,)),
    "crelu convnet": (lambda: plica.nn.convnet(2, 3, 6, 6, kind="crelu"), (2, 9, 9)),
    "paired mlp": (lambda: plica.nn.mlp(5, 3, 9, 6), (5,)),
    "paired convnet": (paired_convnet, (3, 8, 8)),
    "residual": (lambda: plica.nn.mlp(5, 3, 8, 6, kind="residual"), (5,)),
    "functional residual": (Functional, (2, 9)),
    "means": (Means, (2, 6, 5)),
    "residual, a rectifier behind": (lambda: PostActivation(nn.Conv1d(6, 6, 1)), (2, 4)),
    "grouped": (
        lambda: nn.Sequential(
            nn.Conv3d(4, 8, 3, padding=1, groups=2), CReLU(), nn.Conv3d(16, 2, 1)
        ),
        (4, 3, 4, 5),
    ),
    "grouped crelu 1d": (lambda: grouped(nn.Conv1d), (8, 11)),
    "grouped crelu 3d": (lambda: grouped(nn.Conv3d), (8, 2, 3, 2)),
    "grouped paired 1d": (lambda: grouped_paired(nn.Conv1d), (4, 7)),
    "grouped paired 2d": (lambda: grouped_paired(nn.Conv2d), (4, 3, 4)),
    "grouped residual": (Grouped, (3, 5, 5)),
}


@pytest.mark.parametrize("weights", ["orthogonal", "gaussian"])
@pytest.mark.parametrize("case", CASES)
def test_all_kinds_of_networks_become_linear(case: str, weights: Any) -> None:
    make, shape = CASES[case]
    torch.manual_seed(0)
    module = make().double()
    module(noise(1, *shape))  # makes what is lazy
    assert is_linear(module.eval(), *shape) > 1e-3
    module.train()
    report = plica.init.looks_linear_(module, (1, *shape), weights=weights, generator=random())
    assert module.training
    assert report.superposition < 1e-12
    assert f"{report.superposition:.2g}" in str(report)
    assert is_linear(module.eval(), *shape) < 1e-12
    assert module(torch.zeros(1, *shape, dtype=torch.float64)).abs().max() == 0
    jacobian = torch.func.jacrev(module)(noise(1, *shape))
    assert jacobian.abs().max() > 1e-3


def test_convolutions_keep_lengths_where_they_can() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), CReLU(), nn.Conv2d(16, 8, 5, padding=2))
    report = plica.init.looks_linear_(module.double(), (1, 3, 7, 7), generator=random())
    x = noise(4, 3, 7, 7)
    assert lengths(module(x)) == pytest.approx(lengths(x))
    assert report.isometric
    notes = " ".join(plica.init.looks_linear_(paired_convnet(), (1, 3, 8, 8)).notes)
    for words in ("stride", "even kernel", "crop", "average pooling", "project", "no partner"):
        assert words in notes


@pytest.mark.parametrize("kind", ["crelu", "paired"])
def test_grouped_convolutions_keep_lengths(kind: str) -> None:
    make = nn.ReLU if kind == "paired" else (lambda: CReLU(groups=4))
    width = 24 if kind == "crelu" else 12
    module = nn.Sequential(
        nn.Conv2d(4, 12, 1),
        make(),
        nn.Conv2d(width, 12 if kind == "crelu" else 16, 3, padding=1, groups=2),
        make(),
        nn.Conv2d(24 if kind == "crelu" else 16, 12, 3, padding=1, groups=4),
    ).double()
    report = plica.init.looks_linear_(module, (1, 4, 5, 5), generator=random())
    x = noise(3, 4, 5, 5)
    assert lengths(module(x)) == pytest.approx(lengths(x), rel=1e-12)
    assert report.isometric
    with pytest.raises(plica.UnsupportedError, match=r"plica.nn.CReLU\(groups=2\)"):
        plica.init.looks_linear_(
            nn.Sequential(nn.Conv1d(4, 4, 1), CReLU(), nn.Conv1d(8, 4, 1, groups=2)), (1, 4, 3)
        )


def test_paired_units_have_the_widths_of_the_map() -> None:
    module = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)
    ).double()
    report = plica.init.looks_linear_(module, generator=random())
    x = noise(7, 4)
    assert lengths(module(x)) == pytest.approx(lengths(x))
    assert report.isometric
    A, M, B = module[0].weight, module[2].weight, module[4].weight
    assert torch.equal(A[:4], -A[4:])
    assert torch.equal(M[:4, :4], -M[4:, :4])
    assert torch.equal(M[:4, :4], M[4:, 4:])
    assert torch.equal(B[:, :4], -B[:, 4:])


@pytest.mark.parametrize("kind", ["residual", "crelu"])
def test_deep_residual_sums_grow_by_a_bounded_factor(kind: str) -> None:
    def branch() -> Any:
        if kind == "crelu":
            return nn.Sequential(CReLU(), nn.Linear(32, 16))
        return nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

    blocks = [Residual(branch()) for _ in range(100)]
    module = nn.Sequential(nn.Linear(16, 16), *blocks, nn.Linear(16, 16)).double()
    plica.init.looks_linear_(module, generator=random())
    x = noise(20, 16)
    growth = module(x).norm() / x.norm()
    assert 1.0 < growth < 2.0
    plica.init.looks_linear_(module, generator=random(), branch_gain=1.0)
    assert module(x).norm() / x.norm() > 1e6


def test_batch_normalisation() -> None:
    def make() -> Any:
        return plica.nn.mlp(5, 3, 8, 4, kind="batchnorm").double()

    with pytest.raises(plica.UnsupportedError, match="batch normalisation"):
        plica.init.looks_linear_(make())
    removed = make()
    plica.init.looks_linear_(removed, batchnorm="remove")
    assert not any(isinstance(m, nn.BatchNorm1d) for m in removed.modules())
    assert is_linear(removed.train(), 5) < 1e-12
    neutral = make()
    report = plica.init.looks_linear_(neutral, batchnorm="neutral")
    assert "evaluation mode only" in " ".join(report.notes)
    assert is_linear(neutral.eval(), 5) < 1e-12
    assert is_linear(neutral.train(), 5) > 1e-3


@pytest.mark.parametrize("weights", ["orthogonal", "gaussian"])
def test_ready_convolutional_network_is_linear(weights: Any) -> None:
    module = plica.nn.looks_linear_convnet(
        2, 3, 6, 12, pool=1, weights=weights, generator=random()
    ).double()
    plain = plica.nn.convnet(2, 3, 6, 12, kind="crelu", pool=1)
    assert [p.shape for p in module.parameters()] == [p.shape for p in plain.parameters()]
    assert is_linear(module, 2, 8, 8) < 1e-5  # filled in float32
    plica.init.looks_linear_(module, (1, 2, 8, 8), weights=weights, generator=random())
    assert is_linear(module, 2, 8, 8) < 1e-12
    found = diagnose(module, noise(8, 2, 8, 8), draws=1)
    assert found.layers[0].correlation == pytest.approx(1, abs=1e-10)
    assert found.law == "linear"


def test_same_generator_same_weights() -> None:
    found = []
    for seed in (3, 3, 4):
        module = plica.nn.looks_linear_mlp(4, 2, 6, 3, generator=random(seed))
        found.append(torch.cat([p.flatten() for p in module.parameters()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def snapshot(module: Any) -> Any:
    lazy = torch.nn.parameter.is_lazy
    tensors = {k: v.clone() for k, v in module.state_dict().items() if not lazy(v)}
    return list(module.named_modules()), tensors


def same(module: Any, before: Any) -> bool:
    """Whether a module has the same parts, and bit for bit the same numbers."""
    parts, tensors = before
    now = snapshot(module)
    return (
        len(now[0]) == len(parts)
        and all(n == m and a is b for (n, a), (m, b) in zip(now[0], parts, strict=True))
        and now[1].keys() == tensors.keys()
        and all(now[1][k].numpy().tobytes() == v.numpy().tobytes() for k, v in tensors.items())
    )


class Norm(nn.Module):
    """Of its own batch normalisation, twice by name and three times by use."""

    def __init__(self, wrong: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(2, 4, 1), nn.Linear(8 * 3, 3)
        self.norm = nn.BatchNorm1d(4)
        self.again = self.norm
        self.act = CReLU(2 if wrong else 1)

    def forward(self, x: Any) -> Any:
        x = self.again(self.norm(self.first(x)))
        return self.last(self.act(x).flatten(1))


@pytest.mark.parametrize("batchnorm", ["remove", "neutral"])
def test_a_failure_leaves_everything_as_it_was(batchnorm: Any) -> None:
    module = Norm(wrong=True).double()
    module(noise(5, 2, 3))  # running statistics that are not those of a new layer
    before = snapshot(module)
    with pytest.raises(plica.NetworkError, match="superposition fails"):
        plica.init.looks_linear_(module, (1, 2, 3), batchnorm=batchnorm)
    assert same(module, before)
    assert module.again is module.norm

    with pytest.raises(plica.NetworkError, match=r"cannot be run on .*\(1, 2, 7\)"):
        plica.init.looks_linear_(module, (1, 2, 7), batchnorm=batchnorm)
    assert same(module, before)

    right = Norm(wrong=False).double()
    right(noise(5, 2, 3))
    plica.init.looks_linear_(right, (1, 2, 3), batchnorm=batchnorm)
    assert not same(right, before)
    assert is_linear(right.eval(), 2, 3) < 1e-12
    assert isinstance(right.norm, nn.Identity) == (batchnorm == "remove")


def test_a_width_that_does_not_fit_is_refused_before_a_weight_is_written() -> None:
    module = nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4), CReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(7, 2)
    )
    before = snapshot(module)
    with pytest.raises(plica.NetworkError, match="5 reads 7 numbers"):
        plica.init.looks_linear_(module, batchnorm="remove", verify=False)
    assert same(module, before)
    stateless = nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.ReLU(), nn.Linear(4, 2)
    )
    before = snapshot(stateless)
    with pytest.raises(plica.UnsupportedError, match="no running statistics"):
        plica.init.looks_linear_(stateless, batchnorm="neutral")
    assert same(stateless, before)


def test_what_cannot_be_linear_is_refused_and_left_alone() -> None:
    L = nn.Linear
    spectral = nn.utils.parametrizations.spectral_norm
    for layers, message in (
        ([L(4, 4), nn.ReLU()], "ends with a rectifier"),
        ([nn.ReLU(), L(4, 4)], "cannot be paired"),
        ([L(4, 4), nn.Tanh(), L(4, 4)], "1, Tanh"),
        ([L(4, 4), nn.LayerNorm(4), L(4, 4)], "LayerNorm"),
        ([nn.Conv2d(1, 4, 3), nn.MaxPool2d(2)], "average pooling"),
        ([nn.Conv1d(4, 4, 3), CReLU(), nn.Conv1d(8, 4, 3, groups=2)], "2 groups"),
        ([nn.Conv1d(4, 4, 3, groups=4), nn.ReLU(), nn.Conv1d(4, 4, 3)], "4 blocks"),
        ([nn.Conv1d(4, 4, 3), nn.ReLU(), nn.Conv1d(4, 4, 3, groups=4)], r"CReLU\(groups=4\)"),
        ([nn.LazyLinear(4), nn.ReLU(), L(4, 4)], "not parameters of its own"),
        ([spectral(L(4, 4)), nn.ReLU(), L(4, 4)], "not parameters of its own"),
        ([nn.Flatten()], "no linear or convolution layer"),
        ([L(4, 4), CReLU(), CReLU(), L(16, 4)], "rectified before"),
        ([L(4, 1), nn.ReLU(), L(1, 4)], "nothing to pair"),
    ):
        module = nn.Sequential(*layers)
        before = snapshot(module)
        with pytest.raises(plica.UnsupportedError, match=message):
            plica.init.looks_linear_(module)
        assert same(module, before)

    with pytest.raises(plica.UnsupportedError, match=r"add in block adds .* \(ResNet\)"):
        plica.init.looks_linear_(
            nn.Sequential(OrderedDict(block=PostActivation(nn.Identity()))), (1, 2, 4)
        )

    class Channels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv1d(2, 6, 1), nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.b(torch.relu(self.a(x)).mean(1))

    with pytest.raises(plica.UnsupportedError, match="mean"):
        plica.init.looks_linear_(Channels(), (1, 2, 4))

    class Wrong(nn.Module):
        """A reshape that is no flatten: halves of the channels part."""

        def __init__(self) -> None:
            super().__init__()
            self.a, self.act, self.b = nn.Conv1d(2, 2, 1), CReLU(2), nn.Linear(12, 3)

        def forward(self, x: Any) -> Any:
            return self.b(self.act(self.a(x)).flatten(1).reshape(-1, 12).flip(1))

    with pytest.raises(plica.UnsupportedError, match="flip"):
        plica.init.looks_linear_(Wrong(), (1, 2, 3))

    wrong = nn.Sequential(nn.Conv1d(2, 2, 1), CReLU(2), nn.Flatten(), nn.Linear(12, 3)).double()
    before = snapshot(wrong)
    with pytest.raises(plica.NetworkError, match="superposition fails"):
        plica.init.looks_linear_(wrong, (1, 2, 3))
    assert same(wrong, before)
    with pytest.raises(plica.PlicaError, match="give an example"):
        plica.init.looks_linear_(nn.Sequential(nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 1)))
    with pytest.raises(plica.PlicaError, match="orthogonal, gaussian"):
        plica.init.looks_linear_(wrong, weights="uniform")

    class Branches(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(plica.UnsupportedError, match="cannot trace"):
        plica.init.looks_linear_(Branches())


@pytest.mark.parametrize("kind", plica.nn.KINDS)
def test_twins(kind: str) -> None:
    x = noise(40, 12)
    module = plica.nn.mlp(12, 2, 128, 5, kind=kind, generator=random()).double()
    report = diagnose(module, x)
    assert report.structure.startswith("5 ")
    assert report.law.startswith("residual" if kind.startswith("residual") else "plain")
    assert ("batch-normalised" in report.law) == ("batchnorm" in kind)
    images = noise(4, 2, 8, 8)
    conv = plica.nn.convnet(2, 3, 6, 6, kind=kind, generator=random()).double()
    assert conv(images).shape == (4, 3)
    pools = [k for k, m in enumerate(conv) if isinstance(m, nn.AvgPool2d)]
    assert len(pools) == 2
    if not kind.startswith("residual"):
        assert all(isinstance(conv[k - 1], nn.ReLU | CReLU) for k in pools)
    with pytest.raises(plica.PlicaError, match="none of plain"):
        plica.nn.mlp(1, 1, 1, 1, kind="mystery")
    with pytest.raises(plica.PlicaError, match="positive"):
        plica.nn.mlp(1, 1, 1, 0)
