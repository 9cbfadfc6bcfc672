"""Steps of a small net on digits by the rules of PyTorch's optimizers in float64, from stored weights, in file order.

PyTorch has no LARS; its rule is written out here. Every case is trained in float32, too, as a measure of rounding.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from golden import write
from make_sgd import SCALE, digits, logits

STEPS, BATCH = 10, 32
SHAPES = {"conv2d_1": (3, 3, 1, 6), "conv2d_2": (3, 3, 6, 8), "dense_1": (16, 32), "dense_2": (10, 16)}


def initial() -> dict[str, np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(12))
    parameters = {}
    for layer, shape in SHAPES.items():
        convolution = len(shape) == 4
        fan_in = int(np.prod(shape[:3])) if convolution else shape[1]
        parameters[f"{layer}.weight"] = generator.standard_normal(shape) * np.sqrt(2 / fan_in)
        parameters[f"{layer}.bias"] = generator.standard_normal(shape[3] if convolution else shape[0]) * 0.1
    return {name: array.astype(np.float32).astype(np.float64) for name, array in parameters.items()}


class Lars(torch.optim.Optimizer):
    """You et al. 2017: the gradient of a weight, decay included, as a share of the weight's norm; then SGD's momentum."""

    def __init__(self, groups, lr, momentum, trust, eps):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "trust": trust, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                decay, scale = group["weight_decay"], 1.0
                if w.ndim > 1 and w.norm() > 0 and w.grad.norm() > 0:
                    scale = group["trust"] * w.norm() / (w.grad.norm() + decay * w.norm() + group["eps"])
                g = scale * (w.grad + decay * w)
                v = self.state[w].setdefault("v", torch.zeros_like(w))
                v.mul_(group["momentum"]).add_(g)
                w.sub_(group["lr"] * v)


def groups(p: dict[str, torch.Tensor], decay: float, of_biases: float) -> list[dict]:
    return [
        {"params": [w for name, w in p.items() if name.endswith("weight")], "weight_decay": decay},
        {"params": [w for name, w in p.items() if name.endswith("bias")], "weight_decay": of_biases},
    ]


# name: (optimizer, the largest norm of the gradient); Tests/TrainingTests/GoldenOptimizerTests.swift has the same list
CASES = {
    "adam": (lambda p: torch.optim.Adam(p.values(), lr=0.003), None),
    "adam-decay": (lambda p: torch.optim.Adam(p.values(), lr=0.003, betas=(0.8, 0.99), eps=1e-4, weight_decay=0.01), None),
    "adamw": (lambda p: torch.optim.AdamW(p.values(), lr=0.003, weight_decay=0.2), None),
    "rmsprop": (lambda p: torch.optim.RMSprop(p.values(), lr=0.001), None),
    "rmsprop-centered": (
        lambda p: torch.optim.RMSprop(
            p.values(), lr=0.001, alpha=0.9, eps=1e-3, momentum=0.5, centered=True, weight_decay=0.01), None),
    "lars": (lambda p: Lars(groups(p, 0.01, 0), lr=2, momentum=0.9, trust=0.01, eps=1e-8), None),
    "sgd-norm-decay": (lambda p: torch.optim.SGD(groups(p, 0.02, 0.3), lr=0.05, momentum=0.9), None),
    "sgd-clip": (lambda p: torch.optim.SGD(p.values(), lr=0.05, momentum=0.9, weight_decay=0.001), 0.7),
    "sgd-smoothing": (lambda p: torch.optim.SGD(p.values(), lr=0.05, momentum=0.9), None),
    "sgd-layers": (  # conv2d_1 is not trained, dense_2 three times as fast
        lambda p: torch.optim.SGD(
            [{"params": [w for name, w in p.items() if not name.startswith(("conv2d_1", "dense_2"))]},
             {"params": [w for name, w in p.items() if name.startswith("dense_2")], "lr": 0.15}],
            lr=0.05, momentum=0.9, weight_decay=0.001), None),
    "adamw-clip": (lambda p: torch.optim.AdamW(p.values(), lr=0.003, eps=0.01), 0.5),
}
SMOOTHING = {"sgd-smoothing": 0.1}


def train(images: np.ndarray, labels: np.ndarray, name: str, kind: torch.dtype) -> tuple[dict[str, np.ndarray], int]:
    p = {key: torch.tensor(array, dtype=kind, requires_grad=True) for key, array in initial().items()}
    make, limit = CASES[name]
    optimizer, clipped = make(p), 0
    for step in range(STEPS):
        part = slice(step * BATCH, (step + 1) * BATCH)
        x = torch.tensor(images[part].astype(np.float64) * SCALE, dtype=kind)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(
            logits(p, x), torch.tensor(labels[part]), label_smoothing=SMOOTHING.get(name, 0)
        ).backward()
        if limit is not None:
            clipped += bool(torch.nn.utils.clip_grad_norm_(p.values(), limit) > limit)
        optimizer.step()
    return {key: tensor.detach().numpy().astype(np.float64) for key, tensor in p.items()}, clipped


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    images, labels = digits(folder)
    start = initial()
    write("optimizers-initial", start, {}, "weights before the first step; usable with --weights")
    results = {}
    for name, (_, limit) in CASES.items():
        final, clipped = train(images, labels, name, torch.float64)
        single, _ = train(images, labels, name, torch.float32)
        worst = max(np.abs(single[key] - final[key]).max() / np.abs(final[key] - start[key]).max()
            for key in final if (final[key] != start[key]).any())
        assert worst < 2e-5, f"{name}: float32 is off by {worst:.1e} of the move"
        assert limit is None or clipped >= 3, f"{name}: {clipped} steps were clipped"
        print(f"{name}: float32 PyTorch is within {worst:.1e} of the move" + (f", {clipped} clipped" if limit else ""))
        results |= {f"{name}.{key}": array for key, array in final.items()}
    write("optimizers", {}, results, f"after {STEPS} steps of {BATCH}; see README.md")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
