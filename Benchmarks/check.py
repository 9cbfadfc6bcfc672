"""Checks that all sides time the same nets: on the same weights and images they must compute the same loss.

    Benchmarks/.venv/bin/python Benchmarks/check.py [CONFIG...]

Dropout, whose decisions no two sides share, is off. Needs the packages numpy, safetensors, torch and tensorflow-cpu, and a
built `lockstep`. Without arguments it checks all nets of the comparison.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.numpy
import side_tensorflow
import side_torch
import torch
from compare import CASES
from configuration import LOCKSTEP, ROOT, Net, Shape, output_shape, read_net, window

BATCH = 16
TOLERANCE = 1e-4  # of the loss


def draw(layers: list[dict], shape: Shape, generator: np.random.Generator, found: dict[str, np.ndarray]) -> None:
    """Draws every parameter in the order of the layers, under Lockstep's name and in its layout."""
    for layer in layers:
        name = layer["name"]
        match layer["type"]:
            case "conv2d":
                size = window(layer)[0]
                fan_in = size[0] * size[1] * shape[2] // layer["groups"]
                weight = generator.standard_normal((*size, shape[2] // layer["groups"], layer["filters"]))
                found[f"{name}.weight"] = weight * np.sqrt(2 / fan_in)
                if layer["use_bias"]:
                    found[f"{name}.bias"] = 0.1 * generator.standard_normal(layer["filters"])
            case "depthwise_conv2d":
                size = window(layer)[0]
                weight = generator.standard_normal((*size, shape[2], layer["depth_multiplier"]))
                found[f"{name}.weight"] = weight * np.sqrt(2 / (size[0] * size[1]))
                if layer["use_bias"]:
                    found[f"{name}.bias"] = 0.1 * generator.standard_normal(shape[2] * layer["depth_multiplier"])
            case "dense":
                weight = generator.standard_normal((layer["units"], shape[0])) * np.sqrt(2 / shape[0])
                found[f"{name}.weight"] = weight
                if layer.get("use_bias", True):
                    found[f"{name}.bias"] = 0.1 * generator.standard_normal(layer["units"])
            case "batch_norm":
                found[f"{name}.weight"] = 1 + 0.2 * generator.standard_normal(shape[-1])
                found[f"{name}.bias"] = 0.2 * generator.standard_normal(shape[-1])
                found[f"{name}.running_mean"], found[f"{name}.running_var"] = np.zeros(shape[-1]), np.ones(shape[-1])
            case "residual":
                draw(layer["layers"], shape, generator, found)
                draw(layer["shortcut"], shape, generator, found)
        shape = output_shape(layer, shape)


def without_dropout(layers: list[dict]) -> list[dict]:
    return [layer | ({"rate": 0} if layer["type"] == "dropout" else {}) for layer in layers]


def trained(weights: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [array for name, array in weights.items() if ".running_" not in name]


def torch_loss(net: Net, weights: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    model = side_torch.build(net)
    flattened = flattened_shape(net)
    for parameter, array in zip(model.parameters(), trained(weights), strict=True):
        if array.ndim == 4 and parameter.shape[1] == 1 != array.shape[2]:
            # A convolution of single channels: channel by channel its filters.
            array = array.reshape(*array.shape[:2], 1, -1).transpose(3, 2, 0, 1)
        elif array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        elif array.ndim == 2 and flattened and array.shape[1] == np.prod(flattened):
            # PyTorch flattens channels first.
            array = array.reshape(-1, *flattened).transpose(0, 3, 1, 2).reshape(array.shape)
            flattened = None
        assert tuple(parameter.shape) == array.shape
        parameter.data.copy_(torch.tensor(array))
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    return torch.nn.functional.cross_entropy(model(x), torch.tensor(labels).long()).item()


def flattened_shape(net: Net) -> Shape | None:
    shape: Shape = net.input
    for layer in net.layers:
        if layer["type"] == "flatten":
            return shape
        shape = output_shape(layer, shape)
    return None


def tensorflow_loss(net: Net, weights: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray) -> float:
    tf = side_tensorflow.tf
    model = side_tensorflow.Model(net, np.random.default_rng(1))
    for variable, array in zip(model.variables, trained(weights), strict=True):
        variable.assign(array.T if array.ndim == 2 else array)
    logits = tf.function(model, autograph=False)(tf.constant(images))
    return float(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)))


def lockstep_loss(net: Net, config: Path, weights: dict[str, np.ndarray], pixels: np.ndarray,
                  labels: np.ndarray) -> float:
    """The loss of a run's first step."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in ("config", "images", "labels", "weights.safetensors", "run")}
        printed = subprocess.run([LOCKSTEP, "config", str(config)], check=True, stdout=subprocess.PIPE, text=True).stdout
        document = json.loads(printed)
        document["model"]["layers"] = without_dropout(document["model"]["layers"])
        files["config"].write_text(json.dumps(document))
        for name, array in (("images", pixels), ("labels", labels.astype(np.uint8))):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            files[name].write_bytes(header + array.tobytes())
        safetensors.numpy.save_file(weights, files["weights.safetensors"])
        data = {"format": "idx", "train": {name: str(files[name]) for name in ("images", "labels")}}
        run = subprocess.run(
            [LOCKSTEP, "train", str(files["config"]), "--set", f"data={json.dumps(data)}", "--batch-size", str(BATCH),
             "--epochs", "1", "--weights", str(files["weights.safetensors"]), "--output", str(files["run"]), "--json"],
            capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return json.loads(run.stdout.strip().splitlines()[-1])["loss"]


def main() -> None:
    configs = [Path(argument) for argument in sys.argv[1:]]
    configs = configs or sorted({ROOT / "Config" / file for file, _ in CASES.values()})
    failed = False
    for config in configs:
        net = read_net(config, BATCH)
        net = replace(net, layers=without_dropout(net.layers))
        generator = np.random.default_rng(1)
        weights: dict[str, np.ndarray] = {}
        draw(net.layers, net.input, generator, weights)
        weights = {name: array.astype(np.float32) for name, array in weights.items()}
        pixels = generator.integers(0, 256, (BATCH, *net.input), dtype=np.uint8)
        drawn = min(net.classes, 256)  # what a byte holds, in the file that Lockstep reads
        labels = generator.integers(0, drawn, BATCH, dtype=np.int32)
        labels[0] = drawn - 1
        images = pixels.astype(np.float32) / 255
        losses = {
            "Lockstep": lockstep_loss(net, config, weights, pixels, labels),
            "PyTorch": torch_loss(net, weights, images, labels),
            "TensorFlow": tensorflow_loss(net, weights, images, labels),
        }
        agree = max(losses.values()) - min(losses.values()) <= TOLERANCE * max(losses.values())
        failed |= not agree
        print(f"{net.name}: " + ", ".join(f"{side} {loss:.6f}" for side, loss in losses.items())
              + ("" if agree else ": DIFFERENT"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
