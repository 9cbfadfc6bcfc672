"""Compares convolutions layer by layer and pass by pass: `lockstep bench kernels` and oneDNN 2.6 in turn, one core each.

    Benchmarks/layers [CONFIG...] [--rounds 3] [--seconds 0.25]

A ratio above 1 says how many times as fast Lockstep is. oneDNN runs the best of all its implementations of each pass, direct
and Winograd, on as many images at a time as Lockstep takes or on a whole batch, whichever is faster; nothing is reordered
while time is taken. Lockstep's passes include the ReLU after a layer and its mask, oneDNN's do not.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from configuration import LOCKSTEP, ROOT, Net, Shape, borders, output_shape, read_net, window

HERE = Path(__file__).resolve().parent
CONFIGS = [
    ROOT / "Config/vgg-cifar.json", ROOT / "Config/lenet.json", ROOT / "Config/caffe-cifar.json",
    ROOT / "Config/resnet20-cifar.json", ROOT / "Config/resnet18-cifar.json", HERE / "depthwise.json",
]
PASSES = {"forward": "forward", "input_gradient": "input gradient", "weight_gradient": "weight gradient"}


@dataclass(frozen=True)
class Convolution:
    """Everything that decides how long a convolution takes; equal layers of a net are measured once."""

    shape: Shape
    filters: int
    groups: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]  # top, bottom, left, right
    bias: bool

    @property
    def kind(self) -> str:
        if self.groups > 1:
            name = "depthwise" if self.groups == self.shape[2] else "grouped"
        elif self.shape[2] < 8:
            name = "first layer"
        else:
            name = f"{self.kernel[0]}×{self.kernel[1]}"
        return name if self.strides == (1, 1) else f"{name}, stride {self.strides[0]}"

    def __str__(self) -> str:
        height, width, channels = self.shape
        return f"{self.kind}: {channels} → {self.filters} at {height}×{width}"

    def line(self, images: int, seconds: float) -> str:
        numbers = [
            images, *self.shape, self.filters, self.groups, *self.kernel, *self.strides, *self.dilation, *self.padding,
            int(self.bias), seconds]
        return " ".join(["layer", *map(str, numbers)])


def convolutions(layers: list[dict], shape: Shape, found: dict[str, Convolution]) -> None:
    """Adds every convolution under the name that `lockstep bench kernels` calls it by."""
    for layer in layers:
        if layer["type"] in ("conv2d", "depthwise_conv2d"):
            depthwise = layer["type"] == "depthwise_conv2d"
            filters = shape[2] * layer["depth_multiplier"] if depthwise else layer["filters"]
            groups = shape[2] if depthwise else layer["groups"]
            found[layer["name"]] = Convolution(
                shape, filters, groups, *window(layer), borders(layer, shape), layer["use_bias"])
        elif layer["type"] == "residual":
            convolutions(layer["layers"], shape, found)
            convolutions(layer["shortcut"], shape, found)
        shape = output_shape(layer, shape)


def measure_lockstep(config: Path) -> dict:
    run = subprocess.run(
        [LOCKSTEP, "bench", "kernels", str(config), "--json"], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def measure_onednn(program: str, shapes: list[Convolution], images: list[int], seconds: float) -> list[dict]:
    """For each shape, by pass, microseconds per image and the implementation that took it."""
    text = "\n".join(shape.line(count, seconds) for shape in shapes for count in images) + "\n"
    run = subprocess.run(
        [program], input=text, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    best: list[dict] = []
    for number in range(len(shapes)):
        own = answers[number * len(images):(number + 1) * len(images)]
        best.append({
            key: min((answer[key] for answer in own if key in answer), key=lambda entry: entry["us_per_image"])
            for key in PASSES if any(key in answer for answer in own)})
    return best


def geometric_mean(values: list[float]) -> float:
    return math.exp(statistics.fmean(math.log(value) for value in values))


def compare(config: Path, program: str, options: argparse.Namespace, ratios: dict[str, list[float]]) -> list[str]:
    net: Net = read_net(config, None)
    named: dict[str, Convolution] = {}
    convolutions(net.layers, net.input, named)
    first: dict[Convolution, str] = {}
    for name, shape in named.items():
        first.setdefault(shape, name)
    shapes = list(first)
    own: dict[tuple[str, str], list[float]] = {}
    other: dict[tuple[str, str], list[float]] = {}
    algorithm: dict[tuple[str, str], str] = {}
    implementation: dict[tuple[str, str], str] = {}
    for number in range(options.rounds):
        print(f"{net.name}: round {number + 1} of {options.rounds}", file=sys.stderr)
        bench = measure_lockstep(config)
        for row in bench["layers"]:
            key = row["layer"], row["pass"]
            own.setdefault(key, []).append(row["us_per_image"])
            algorithm[key] = row["algorithm"]
        images = sorted({bench["images"], net.batch_size})
        for shape, answer in zip(shapes, measure_onednn(program, shapes, images, options.seconds), strict=True):
            for kind, entry in answer.items():
                key = first[shape], kind
                other.setdefault(key, []).append(entry["us_per_image"])
                implementation[key] = entry["implementation"]
    lines = []
    for shape in shapes:
        for kind, words in PASSES.items():
            key = first[shape], kind
            if key not in own or key not in other:
                continue
            mine, theirs = statistics.median(own[key]), statistics.median(other[key])
            ratios.setdefault(shape.kind, []).append(theirs / mine)
            lines.append(
                f"| {net.name} | {shape} | {words} | {mine:.2f} ({algorithm[key]}) | "
                f"{theirs:.2f} ({implementation[key]}) | **{theirs / mine:.2f}×** |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", type=Path, default=CONFIGS)
    parser.add_argument("--program", default=str(ROOT / ".build/onednn/side_onednn"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.25, help="measured time of each oneDNN implementation")
    options = parser.parse_args()
    ratios: dict[str, list[float]] = {}
    print("| net | layer | pass | Lockstep, µs/image | oneDNN, µs/image | Lockstep is faster by |\n|---|---|---|---|---|---|")
    for config in options.configs:
        print("\n".join(compare(config, options.program, options, ratios)), flush=True)
    print("\n| kind of layer | passes | geometric mean | lowest |\n|---|---|---|---|")
    for kind, values in ratios.items():
        print(f"| {kind} | {len(values)} | {geometric_mean(values):.2f}× | {min(values):.2f}× |")


if __name__ == "__main__":
    main()
