"""Reads a Lockstep configuration, so that every side builds its net from the same file."""

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Net:
    """`layers` keeps the file's order and keys, without the closing softmax."""

    name: str
    input: tuple[int, int, int]  # height, width, channels
    layers: list[dict]
    batch_size: int
    examples: int
    classes: int
    learning_rate: float
    momentum: float


def read_json5(path: Path) -> dict:
    """The part of JSON5 that the files of Config/ use: line comments, bare keys, trailing commas."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    text = re.sub(r"([{,]\s*)(\w+)\s*:", r'\1"\2":', text)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def read_net(path: Path, batch_size: int | None) -> Net:
    document = read_json5(path)
    *layers, last = document["model"]["layers"]
    assert last["type"] == "softmax", f"{path}: the last layer must be softmax"
    training, data = document["training"], document["data"]
    assert data["format"] == "synthetic", f"{path}: the comparison uses synthetic data"
    return Net(
        name=document["name"], input=tuple(document["model"]["input"]), layers=layers,
        batch_size=batch_size or training["batch_size"], examples=data["examples"], classes=data["classes"],
        learning_rate=training["optimizer"]["lr"], momentum=training["optimizer"]["momentum"])
