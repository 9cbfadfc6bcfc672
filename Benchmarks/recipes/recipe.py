"""Reads a whole recipe - net, data, augmentation, optimizer, schedule - through `lockstep config`, for a twin in PyTorch.

That command writes presets out as layers and fills in every key. What a twin does not do is refused by its key, so that no
recipe is compared with a different one.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from configuration import LOCKSTEP, written_out

IDX_NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def overrides(config: Path, settings: list[str], folder: Path | None) -> list[str]:
    """Flags for Lockstep: every setting `key=value`, and `folder` in place of the configuration's data.

    A folder of images holds `train` and `test`, a folder of IDX files the four that MNIST's authors name.
    """
    chosen = list(settings)
    if folder is not None:
        form = resolved(config, flags(settings))["data"]["format"]
        for split, names in IDX_NAMES.items():
            if form == "idx":
                files = dict(zip(("images", "labels"), (str((folder / name).resolve()) for name in names)))
                chosen.append(f"data.{split}={json.dumps(files)}")
            elif form == "image_folder":
                chosen.append(f"data.{split}={json.dumps(str((folder / split).resolve()))}")
            else:
                sys.exit(f"--data is for folders of images or IDX files, not for data.format {form}")
    return flags(chosen)


def flags(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def resolved(config: Path, flags: list[str]) -> dict:
    """The configuration with every default filled in."""
    command = [LOCKSTEP, "config", str(config), *flags]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


class Recipe:
    """The sections of a configuration, and what follows from them."""

    def __init__(self, config: Path, flags: list[str]) -> None:
        document = resolved(config, flags)
        self.name, self.seed = document["name"], document["seed"]
        self.data, self.training = document["data"], document["training"]
        self.folder = config.resolve().parent
        *self.layers, last = written_out(document["model"]["layers"])
        self.input = tuple(document["model"]["input"])
        self.document = document
        if last["type"] != "softmax":
            sys.exit(f"{config}: the last layer must be softmax")
        self.check()

    @property
    def augment(self) -> dict:
        return self.data.get("augment") or {}

    def check(self) -> None:
        """Refuses what the twin does not do."""
        refused = {
            "model.frozen": self.document["model"].get("frozen"),
            "data.validation_split": self.data.get("validation_split"),
            "data.resize": self.data.get("resize"), "data.crop": self.data.get("crop"),
            "training.early_stopping": self.training.get("early_stopping"),
        }
        known = {"horizontal_flip", "random_crop", "random_erasing", "cutout"}
        refused |= {f"data.augment.{key}": value for key, value in self.augment.items() if key not in known}
        for key, value in refused.items():
            if value:
                sys.exit(f"the twin has no {key}: {json.dumps(value)}")
        for layer in every_layer(self.layers):
            if layer.get("virtual_batch_size"):
                sys.exit(f"the twin has no virtual_batch_size, as in {layer['name']}")
            if layer["type"] == "batch_norm" and not layer.get("trainable", True):
                sys.exit(f"the twin has no norm that is not trained, as {layer['name']}")
            if layer["type"] == "max_pool2d" and layer["ties"] == "all":
                print(f"{layer['name']}: of equal maxima only the first has a gradient in PyTorch", file=sys.stderr)


def paired(names: list[str], others: list[str]) -> list[tuple[str, str]]:
    """The tensors of two lists that are the same: layers in both lists' order, of each those with the same last part of the name."""
    def layers(names: list[str]) -> list[dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name in names:
            layer, part = name.rsplit(".", 1)
            found.setdefault(layer, {})[part] = name
        return list(found.values())
    pairs = []
    for one, other in zip(layers(names), layers(others), strict=True):
        if one.keys() != other.keys():
            sys.exit(f"{', '.join(one.values())} are not {', '.join(other.values())}")
        pairs += [(name, other[part]) for part, name in one.items()]
    return pairs


def every_layer(layers: list[dict]) -> list[dict]:
    """With those inside of blocks."""
    found: list[dict] = []
    for layer in layers:
        found += [layer] + every_layer(layer.get("layers", [])) + every_layer(layer.get("shortcut", []))
    return found


class LearningRate:
    """The rate of a step, counted from 0: the values of PyTorch's schedulers, stepped once a step.

    The warm-up multiplies it; `exponential`, `cosine` and `linear` begin after the warm-up.
    """

    def __init__(self, training: dict, steps_per_epoch: int) -> None:
        self.base = training["optimizer"]["lr"]
        self.schedule = training["lr_schedule"]
        self.per_epoch = steps_per_epoch
        self.total = min(training["epochs"] * steps_per_epoch, training.get("max_steps") or 1 << 62)
        self.warmup = self.steps(self.schedule.get("warmup_epochs", 0))

    def steps(self, epochs: float) -> int:
        """Rounded, halves up."""
        return math.floor(epochs * self.per_epoch + 0.5)

    def __call__(self, step: int) -> float:
        start = self.schedule.get("warmup_start_factor", 1)
        factor = start + (1 - start) * step / self.warmup if step < self.warmup else 1
        return factor * self.scheduled(step, max(0, step - self.warmup))

    def scheduled(self, step: int, later: int) -> float:
        rule = self.schedule
        part = min(1, later / max(1, self.total - self.warmup))
        match rule["type"]:
            case "constant":
                return self.base
            case "step":
                return self.base * rule["gamma"] ** (step // max(1, self.steps(rule["step_size"])))
            case "multi_step":
                falls = sum(self.steps(epoch) <= step for epoch in rule["milestones"])
                return self.base * rule["gamma"] ** falls
            case "exponential":
                return self.base * rule["gamma"] ** (later / self.per_epoch)
            case "cosine":
                return cosine(self.base, rule["min_lr"], part)
            case "linear":
                return self.base * (rule["start_factor"] + (rule["end_factor"] - rule["start_factor"]) * part)
            case "one_cycle":
                return self.cycle(step)
            case other:
                sys.exit(f"the twin has no training.lr_schedule of type {other}")

    def cycle(self, step: int) -> float:
        rule = self.schedule
        between = cosine if rule["anneal_strategy"] == "cos" else linear
        first = self.base / rule["div_factor"]
        peak, last = rule["pct_start"] * self.total - 1, self.total - 1
        if peak > 0 and step <= peak:
            return between(first, self.base, step / peak)
        part = (step - peak) / (last - peak) if last > peak else 1
        return between(self.base, first / rule["final_div_factor"], min(max(part, 0), 1))


def cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def linear(start: float, end: float, part: float) -> float:
    return start + (end - start) * part
