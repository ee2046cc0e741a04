"""Cost of `diagnose` and `parameter_grams`, in CPU seconds, against loops of torch.func.

python benchmarks/gradients.py
"""

from __future__ import annotations

import time

import torch

import plica
from plica.gradients import diagnose, parameter_grams


def cpu(run) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    net = plica.nn.convnet(3, 10, 80, 18, kind="residual_batchnorm", beta=0.3, pool=2)
    x = torch.randn(128, 3, 32, 32)
    size = sum(p.numel() for p in net.parameters())
    seconds = cpu(lambda: diagnose(net, x, draws=1))
    bare = cpu(lambda: net(x).sum().backward())
    print(f"diagnose, residual convolutional network of {size:,} parameters, 128 images of 32 x 32:"
          f" {seconds:.1f} s, forward and backward alone {bare:.1f} s")  # fmt: skip

    mlp = plica.nn.mlp(128, 1, 128, 10).double()
    x = torch.randn(256, 128, dtype=torch.float64)
    weights = {k: v.detach() for k, v in mlp.named_parameters()}

    def one(parameters, sample):
        return torch.func.functional_call(mlp, parameters, (sample[None],))[0, 0]

    def by_vmap():
        found = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0))(weights, x)
        return {k: v.flatten(1) @ v.flatten(1).T for k, v in found.items()}

    grams = parameter_grams(mlp, x)
    slow = by_vmap()
    error = (torch.tensor(grams["2"]) - slow["2.weight"] - slow["2.bias"]).abs().max()
    assert error < 1e-9 * slow["2.weight"].abs().max()
    fast = min(cpu(lambda: parameter_grams(mlp, x)) for _ in range(3))
    vmap = min(cpu(by_vmap) for _ in range(2))
    print(f"Gram matrices of parameter gradients, 10 layers of width 128, 256 samples: "
          f"{fast:.3f} s, by vmap {vmap:.2f} s, {vmap / fast:.0f} times")  # fmt: skip


if __name__ == "__main__":
    main()
