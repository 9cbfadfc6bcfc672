"""Steps of a net with batch norms in float64 PyTorch, from stored weights, over digits in file order; then an evaluation.

A norm after a convolution, one before a pool, one after a dense layer; the last batch is smaller than the others. Once
with statistics of whole batches, once with those of groups of examples, of which the last of a batch is smaller.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from golden import write
from make_sgd import SCALE, digits

GROUP = 16
EXAMPLES, BATCH, LR, MOMENTUM, WEIGHT_DECAY = 230, 50, 0.05, 0.9, 0.001
NORM_MOMENTUM, EPSILON = 0.8, 1e-3  # ours: the share of the old value
SHAPES = {"conv2d_1": (3, 3, 1, 9), "conv2d_2": (3, 3, 9, 20), "dense_1": (24, 80), "dense_2": (10, 24)}
NORMS = {"batch_norm_1": 9, "batch_norm_2": 20, "batch_norm_3": 24}


def initial() -> dict[str, np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(7))
    parameters = {}
    for layer, shape in SHAPES.items():
        convolution = len(shape) == 4
        fan_in = int(np.prod(shape[:3])) if convolution else shape[1]
        parameters[f"{layer}.weight"] = generator.standard_normal(shape) * np.sqrt(2 / fan_in)
        parameters[f"{layer}.bias"] = generator.standard_normal(shape[3] if convolution else shape[0]) * 0.1
    for layer, channels in NORMS.items():
        parameters[f"{layer}.weight"] = 1 + generator.standard_normal(channels) * 0.2
        parameters[f"{layer}.bias"] = generator.standard_normal(channels) * 0.2
        parameters[f"{layer}.running_mean"] = generator.standard_normal(channels) * 0.1
        parameters[f"{layer}.running_var"] = 1 + generator.random(channels)
    return {name: array.astype(np.float32).astype(np.float64) for name, array in parameters.items()}


def logits(p: dict[str, torch.Tensor], x: torch.Tensor, training: bool, group: int | None) -> torch.Tensor:
    """`x` is NHWC; in training, each `group` of examples is normalised by itself. Running statistics are changed in place."""

    def norm(z: torch.Tensor, layer: str) -> torch.Tensor:
        statistics = p[f"{layer}.running_mean"], p[f"{layer}.running_var"]
        trained = p[f"{layer}.weight"], p[f"{layer}.bias"]
        if not training:
            return torch.nn.functional.batch_norm(z, *statistics, *trained, eps=EPSILON)
        parts, sums = [], [torch.zeros_like(s) for s in statistics]
        for part in z.split(group or len(z)):
            # With a momentum of 1 they become the group's own.
            own = [torch.zeros_like(s) for s in statistics]
            parts.append(torch.nn.functional.batch_norm(part, *own, *trained, training=True, momentum=1, eps=EPSILON))
            for s, value in zip(sums, own):
                s += value * len(part) / len(z)
        for s, value in zip(statistics, sums):
            s.mul_(NORM_MOMENTUM).add_((1 - NORM_MOMENTUM) * value)
        return torch.cat(parts)

    def convolution(z: torch.Tensor, layer: str) -> torch.Tensor:
        return torch.nn.functional.conv2d(
            z, p[f"{layer}.weight"].permute(3, 2, 0, 1), p[f"{layer}.bias"], padding=1)

    z = torch.relu(norm(convolution(x.permute(0, 3, 1, 2), "conv2d_1"), "batch_norm_1"))
    z = torch.nn.functional.max_pool2d(z, 2)
    z = torch.nn.functional.max_pool2d(norm(convolution(z, "conv2d_2"), "batch_norm_2"), 2)
    a = z.permute(0, 2, 3, 1).reshape(len(x), -1)
    a = torch.relu(norm(a @ p["dense_1.weight"].T + p["dense_1.bias"], "batch_norm_3"))
    return a @ p["dense_2.weight"].T + p["dense_2.bias"]


def run(name: str, folder: Path, group: int | None) -> None:
    images, labels = digits(folder)
    p = {key: torch.tensor(array) for key, array in initial().items()}
    trained = [tensor.requires_grad_() for key, tensor in p.items() if "running" not in key]
    optimizer = torch.optim.SGD(trained, lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    losses = []
    for first in range(0, EXAMPLES, BATCH):
        part = slice(first, min(first + BATCH, EXAMPLES))
        x = torch.tensor(images[part].astype(np.float64) * SCALE)
        loss = torch.nn.functional.cross_entropy(logits(p, x, True, group), torch.tensor(labels[part]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        x = torch.tensor(images[:EXAMPLES].astype(np.float64) * SCALE)
        probabilities = torch.softmax(logits(p, x, False, group), 1)
    final = {key: tensor.detach().numpy() for key, tensor in p.items()}
    final |= {"losses": np.array(losses), "probabilities": probabilities.numpy()}
    write(name, {}, final, f"after {len(losses)} steps of {BATCH}; see README.md")
    print(f"{name}: losses {losses[0]:.4f} … {losses[-1]:.4f}")


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    write("norm-initial", initial(), {}, "weights and running statistics before the first step; usable with --weights")
    run("norm", folder, None)
    run("norm-groups", folder, GROUP)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
