"""Reads a Lockstep configuration through `lockstep config`, so that every side builds its net from the same layers.

That command writes presets out as layers and fills in every key.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKSTEP = os.environ.get("LOCKSTEP", str(ROOT / ".build/release/lockstep"))


@dataclass(frozen=True)
class Net:
    """`layers` keeps the configuration's order and keys, without the closing softmax.

    Repeated residual blocks are one entry each; a layer inside has its full name, such as `residual_1_2/conv2d_1`.
    """

    name: str
    input: tuple[int, int, int]  # height, width, channels
    layers: list[dict]
    batch_size: int
    examples: int
    classes: int
    learning_rate: float
    momentum: float


def read_net(path: Path, batch_size: int | None) -> Net:
    text = subprocess.run([LOCKSTEP, "config", str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout
    document = json.loads(text)
    *layers, last = written_out(document["model"]["layers"])
    assert last["type"] == "softmax", f"{path}: the last layer must be softmax"
    training, data = document["training"], document["data"]
    assert data["format"] == "synthetic", f"{path}: the comparison uses synthetic data"
    optimizer = training["optimizer"]
    assert optimizer["weight_decay"] == 0 and not optimizer["nesterov"], f"{path}: the sides have plain momentum"
    return Net(
        name=document["name"], input=tuple(document["model"]["input"]), layers=layers,
        batch_size=batch_size or training["batch_size"], examples=data["examples"], classes=data["classes"],
        learning_rate=optimizer["lr"], momentum=optimizer["momentum"])


def written_out(entries: list[dict]) -> list[dict]:
    found: list[dict] = []
    for entry in entries:
        if entry["type"] != "residual":
            found.append(entry)
            continue
        for number in range(entry["repeat"]):
            name = entry["name"] + (f"_{number + 1}" if entry["repeat"] > 1 else "")
            found.append(entry | {
                "name": name,
                "layers": [layer | {"name": f"{name}/{layer['name']}"} for layer in entry["layers"]],
                "shortcut": [layer | {"name": f"{name}/shortcut/{layer['name']}"} for layer in entry["shortcut"]],
            })
    return found


# Shapes. That of an image is (height, width, channels), that of flat values (n,).

Shape = tuple[int, ...]


def pair(value: int | list[int]) -> tuple[int, int]:
    """Height and width of `3` or `[3, 5]`."""
    return tuple(value) if isinstance(value, list) else (value, value)


def window(layer: dict) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Size, strides and dilation of a kernel or a patch."""
    size = layer["pool_size"] if "pool_size" in layer else layer["kernel_size"]
    return pair(size), pair(layer["strides"]), pair(layer.get("dilation_rate", 1))


def borders(layer: dict, shape: Shape) -> tuple[int, int, int, int]:
    """Rows and columns around an image: top, bottom, left, right; `same` as in Keras."""
    match layer["padding"]:
        case "valid":
            return 0, 0, 0, 0
        case "same":
            sides: list[int] = []
            for pixels, size, stride, step in zip(shape, *window(layer)):
                total = max(0, (-(-pixels // stride) - 1) * stride + (size - 1) * step + 1 - pixels)
                sides += [total // 2, total - total // 2]
            return tuple(sides)
        case int(side):
            return side, side, side, side
        case sides:
            return tuple(sides)


def output_shape(layer: dict, shape: Shape) -> Shape:
    match layer["type"]:
        case "conv2d":
            return *results(layer, shape), layer["filters"]
        case "depthwise_conv2d":
            return *results(layer, shape), shape[2] * layer["depth_multiplier"]
        case "max_pool2d" | "avg_pool2d":
            return *results(layer, shape), shape[2]
        case "global_avg_pool2d":
            return (shape[2],)
        case "flatten":
            return (shape[0] * shape[1] * shape[2],)
        case "dense":
            return (layer["units"],)
        case "residual":
            for inner in layer["layers"]:
                shape = output_shape(inner, shape)
            return shape
        case _:
            return shape


def results(layer: dict, shape: Shape) -> tuple[int, int]:
    top, bottom, left, right = borders(layer, shape)
    padded = shape[0] + top + bottom, shape[1] + left + right
    return tuple(
        (pixels - (size - 1) * step - 1) // stride + 1 for pixels, size, stride, step in zip(padded, *window(layer)))
