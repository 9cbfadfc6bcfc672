"""Eight SGD steps of the digits net in float64 PyTorch, from stored weights, over digits in file order."""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch

from golden import write

SCALE = 1 / 255
VARIANTS = {  # name: (batch size, Nesterov); the 8th batch of 200 holds the last 37 of the 1,437 digits
    "sgd-batch32": (32, False),
    "sgd-batch200": (200, False),
    "sgd-nesterov": (32, True),
}
STEPS, LR, MOMENTUM, WEIGHT_DECAY = 8, 0.05, 0.9, 0.001
SHAPES = {"conv2d_1": (3, 3, 1, 16), "conv2d_2": (3, 3, 16, 32), "dense_1": (64, 128), "dense_2": (10, 64)}


def digits(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Training images [1437, 8, 8, 1] as bytes and labels."""
    images = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes())
    return (
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 8, 8, 1),
        np.frombuffer(labels, np.uint8, offset=8).astype(np.int64),
    )


def initial() -> dict[str, np.ndarray]:
    """He-normal weights and small biases (zero would hide a bias that is not updated), rounded to F32."""
    generator = np.random.Generator(np.random.PCG64(4))
    parameters = {}
    for layer, shape in SHAPES.items():
        convolution = len(shape) == 4
        fan_in = int(np.prod(shape[:3])) if convolution else shape[1]
        weight = generator.standard_normal(shape) * np.sqrt(2 / fan_in)
        bias = generator.standard_normal(shape[3] if convolution else shape[0]) * 0.1
        parameters[f"{layer}.weight"] = weight.astype(np.float32).astype(np.float64)
        parameters[f"{layer}.bias"] = bias.astype(np.float32).astype(np.float64)
    return parameters


def logits(p: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """`x` is NHWC; PyTorch's max pooling routes to the first maximum of a patch in row-major order."""
    z = x.permute(0, 3, 1, 2)
    for layer in ("conv2d_1", "conv2d_2"):
        z = torch.nn.functional.conv2d(
            z, p[f"{layer}.weight"].permute(3, 2, 0, 1), p[f"{layer}.bias"], padding=1)
        z = torch.nn.functional.max_pool2d(torch.relu(z), 2)
    a = z.permute(0, 2, 3, 1).reshape(len(x), -1)  # row-major over (height, width, channel)
    a = torch.relu(a @ p["dense_1.weight"].T + p["dense_1.bias"])
    return a @ p["dense_2.weight"].T + p["dense_2.bias"]


def train(images: np.ndarray, labels: np.ndarray, batch: int, nesterov: bool, kind: torch.dtype) -> tuple[dict, list]:
    p = {name: torch.tensor(array, dtype=kind, requires_grad=True) for name, array in initial().items()}
    optimizer = torch.optim.SGD(
        list(p.values()), lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=nesterov)
    losses = []
    for step in range(STEPS):
        part = slice(step * batch, min((step + 1) * batch, len(images)))
        x = torch.tensor(images[part].astype(np.float64) * SCALE, dtype=kind)
        loss = torch.nn.functional.cross_entropy(logits(p, x), torch.tensor(labels[part]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in p.items()}, losses


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    images, labels = digits(folder)
    assert len(images) == 1437
    start = initial()
    write("sgd-initial", start, {}, "weights before the first step; usable with --weights")
    for name, (batch, nesterov) in VARIANTS.items():
        final, losses = train(images, labels, batch, nesterov, torch.float64)
        single, _ = train(images, labels, batch, nesterov, torch.float32)
        worst = max(
            np.abs(single[key] - final[key]).max() / np.linalg.norm(final[key] - start[key]) for key in final)
        assert worst < 1e-5, "these settings would not separate a wrong step from rounding"
        print(f"{name}: losses {losses[0]:.4f} … {losses[-1]:.4f}; float32 PyTorch is within {worst:.1e} of the move")
        write(name, {}, final | {"losses": np.array(losses)}, f"after {STEPS} steps of {batch}; see README.md")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
