"""The torch modules that plica adds."""

from __future__ import annotations

import subprocess
import sys

import pytest

import plica

torch = pytest.importorskip("torch")


def test_maxout_takes_groups_of_consecutive_channels() -> None:
    x = torch.randn(3, 6, 2, 2, generator=torch.Generator().manual_seed(1))
    y = plica.nn.Maxout(3)(x)
    assert y.shape == (3, 2, 2, 2)
    assert torch.equal(y[:, 1], x[:, 3:].max(dim=1).values)
    assert torch.equal(plica.nn.Maxout(2, dim=-1)(x)[..., 0], x.max(dim=-1).values)


def test_crelu_is_both_parts() -> None:
    x = torch.tensor([[1.0, -2.0]])
    assert plica.nn.CReLU()(x).tolist() == [[1.0, 0.0, 0.0, 2.0]]
    assert plica.nn.CReLU(dim=0)(x).tolist() == [[1.0, 0.0], [0.0, 2.0]]


def test_crelu_doubles_every_group_by_itself() -> None:
    x = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1))
    y = plica.nn.CReLU(groups=3)(x)
    for g in range(3):
        assert torch.equal(y[:, 4 * g : 4 * g + 2], x[:, 2 * g : 2 * g + 2].relu())
        assert torch.equal(y[:, 4 * g + 2 : 4 * g + 4], (-x[:, 2 * g : 2 * g + 2]).relu())
    last = plica.nn.CReLU(dim=-1, groups=3)(x)
    assert torch.equal(last[..., 0::2], x.relu())
    assert torch.equal(last[..., 1::2], (-x).relu())


def test_gradients_flow() -> None:
    x = torch.tensor([[1.0, 4.0, 3.0, -2.0]], requires_grad=True)
    plica.nn.CReLU()(plica.nn.Maxout(2)(x)).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_they_say_what_is_wrong() -> None:
    with pytest.raises(plica.NetworkError, match=r"5 channels .* groups of 2"):
        plica.nn.Maxout(2)(torch.zeros(1, 5))
    with pytest.raises(plica.NetworkError, match="positive integer"):
        plica.nn.Maxout(0)
    with pytest.raises(plica.NetworkError, match="no axis 1"):
        plica.nn.CReLU()(torch.zeros(4))
    assert repr(plica.nn.Maxout(2)) == "Maxout(k=2, dim=1)"
    with pytest.raises(plica.NetworkError, match=r"4 channels .* 3 groups"):
        plica.nn.CReLU(groups=3)(torch.zeros(1, 4))
    with pytest.raises(plica.NetworkError, match="positive integer"):
        plica.nn.CReLU(groups=0)
    assert repr(plica.nn.CReLU(groups=2)) == "CReLU(dim=1, groups=2)"
    assert repr(plica.nn.CReLU()) == "CReLU(dim=1)"


def test_without_torch_the_error_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import plica\n"
        "try:\n    plica.nn.Maxout\n"
        "except plica.PlicaError as error:\n    assert 'pip install torch' in str(error)\n"
        "else:\n    raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
