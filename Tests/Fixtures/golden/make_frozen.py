"""Steps of a net in float64 PyTorch whose beginning is not trained: its norm is in eval mode, so that it normalises by its
running statistics and leaves them alone; the norm of the rest trains. From norm-initial.safetensors, digits in file order.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from golden import write
from make_norm import BATCH, EPSILON, EXAMPLES, LR, MOMENTUM, NORM_MOMENTUM, WEIGHT_DECAY, initial
from make_sgd import SCALE, digits

FROZEN = ("conv2d_1", "batch_norm_1", "batch_norm_2")


def logits(p: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """`x` is NHWC. Running statistics of norms that train are changed in place."""

    def norm(z: torch.Tensor, layer: str) -> torch.Tensor:
        return torch.nn.functional.batch_norm(
            z, p[f"{layer}.running_mean"], p[f"{layer}.running_var"], p[f"{layer}.weight"], p[f"{layer}.bias"],
            training=layer not in FROZEN, momentum=1 - NORM_MOMENTUM, eps=EPSILON)

    def convolution(z: torch.Tensor, layer: str) -> torch.Tensor:
        return torch.nn.functional.conv2d(
            z, p[f"{layer}.weight"].permute(3, 2, 0, 1), p[f"{layer}.bias"], padding=1)

    z = torch.relu(norm(convolution(x.permute(0, 3, 1, 2), "conv2d_1"), "batch_norm_1"))
    z = torch.nn.functional.max_pool2d(z, 2)
    # A frozen norm after a convolution that trains: gradients go through it.
    z = torch.nn.functional.max_pool2d(norm(convolution(z, "conv2d_2"), "batch_norm_2"), 2)
    a = z.permute(0, 2, 3, 1).reshape(len(x), -1)
    a = torch.relu(norm(a @ p["dense_1.weight"].T + p["dense_1.bias"], "batch_norm_3"))
    return a @ p["dense_2.weight"].T + p["dense_2.bias"]


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    images, labels = digits(folder)
    p = {name: torch.tensor(array) for name, array in initial().items()}
    trained = [
        tensor.requires_grad_() for name, tensor in p.items()
        if "running" not in name and name.split(".")[0] not in FROZEN]
    optimizer = torch.optim.SGD(trained, lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    losses = []
    for first in range(0, EXAMPLES, BATCH):
        part = slice(first, min(first + BATCH, EXAMPLES))
        x = torch.tensor(images[part].astype(np.float64) * SCALE)
        loss = torch.nn.functional.cross_entropy(logits(p, x), torch.tensor(labels[part]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    final = {name: tensor.detach().numpy() for name, tensor in p.items()}
    write("frozen", {}, final | {"losses": np.array(losses)}, f"after {len(losses)} steps of {BATCH}; see README.md")
    print(f"frozen: losses {losses[0]:.4f} … {losses[-1]:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
