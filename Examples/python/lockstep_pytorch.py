"""A net of Lockstep in PyTorch: its configuration as modules, its weights from `lockstep export --format pytorch`.

    lockstep config digits.json --json > config.json
    lockstep export digits.json --weights weights.safetensors --output digits.safetensors --format pytorch
    lockstep_pytorch.py config.json digits.safetensors IMAGES.npy
"""

import json
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional


def pair(value):
    """Height and width of `3` or `[3, 5]`."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def padded(x, window, size, value=0.0):
    """The images with what `padding` puts around them; `same` is Keras's, whose odd zero comes after the image."""
    padding, sides = window["padding"], [0, 0, 0, 0]
    if padding == "same":
        sides = []
        for pixels, taps, stride, step in zip(
                x.shape[2:], pair(size), pair(window["strides"]), pair(window.get("dilation_rate", 1))):
            total = max(0, (pixels - 1) // stride * stride + (taps - 1) * step + 1 - pixels)
            sides += [total // 2, total - total // 2]
    elif padding != "valid":
        sides = padding if isinstance(padding, list) else [padding] * 4
    top, bottom, left, right = sides
    return functional.pad(x, (left, right, top, bottom), value=value)


class Convolution(nn.Conv2d):
    def __init__(self, layer, channels, filters, groups):
        super().__init__(
            channels, filters, pair(layer["kernel_size"]), pair(layer["strides"]),
            dilation=pair(layer.get("dilation_rate", 1)), groups=groups, bias=layer["use_bias"])
        self.layer = layer

    def forward(self, x):
        return super().forward(padded(x, self.layer, self.layer["kernel_size"]))


class Norm(nn.BatchNorm2d):
    """Over images, and over flat values."""

    def __init__(self, layer, channels):
        super().__init__(channels, layer["epsilon"], 1 - layer["momentum"], affine=layer["center"] or layer["scale"])

    def _check_input_dim(self, input):
        pass


class Pool(nn.Module):
    """Maxima or means of patches; means leave padding out."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.size, self.strides = layer, pair(layer["pool_size"]), pair(layer["strides"])

    def forward(self, x):
        if self.layer["type"] == "max_pool2d":
            return functional.max_pool2d(padded(x, self.layer, self.size, -torch.inf), self.size, self.strides)
        count = functional.avg_pool2d(padded(torch.ones_like(x), self.layer, self.size), self.size, self.strides)
        return functional.avg_pool2d(padded(x, self.layer, self.size), self.size, self.strides) / count


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


ACTIVATIONS = {
    None: nn.Identity, "relu": nn.ReLU, "relu6": nn.ReLU6, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "silu": nn.SiLU}


class Block(nn.ModuleDict):
    """`activation(layers(x) + shortcut(x))`."""

    def __init__(self, entry, channels):
        layers, outputs = modules(entry["layers"], channels)
        shortcut, _ = modules(entry.get("shortcut", []), channels)
        super().__init__(layers | {"shortcut": nn.ModuleDict(shortcut)})
        self.main, self.outputs = list(layers), outputs
        self.activation = ACTIVATIONS[entry.get("activation")]()

    def forward(self, x):
        y, z = x, x
        for name in self.main:
            y = self[name](y)
        for layer in self["shortcut"].values():
            z = layer(z)
        return self.activation(y + z)


def modules(entries, channels):
    """The layers of a configuration by their names, and how many channels leave them."""
    found = {}
    for entry in entries:
        kind, name = entry["type"], entry["name"]
        if kind == "residual":
            times = entry.get("repeat", 1)
            for number in range(1, times + 1):
                block = Block(entry, channels)
                found[name if times == 1 else f"{name}_{number}"] = block
                channels = block.outputs
        elif kind == "conv2d":
            found[name] = Convolution(entry, channels, entry["filters"], entry["groups"])
            channels = entry["filters"]
        elif kind == "depthwise_conv2d":
            found[name] = Convolution(entry, channels, channels * entry["depth_multiplier"], channels)
            channels *= entry["depth_multiplier"]
        elif kind == "dense":
            found[name] = nn.LazyLinear(entry["units"], bias=entry["use_bias"])
            channels = entry["units"]
        elif kind == "batch_norm":
            found[name] = Norm(entry, channels)
        elif kind in ("max_pool2d", "avg_pool2d"):
            found[name] = Pool(entry)
        elif kind == "leaky_relu":
            found[name] = nn.LeakyReLU(entry["negative_slope"])
        elif kind == "relu":
            found[name] = nn.Hardtanh(0, entry["max_value"]) if "max_value" in entry else nn.ReLU()
        elif kind in ("gelu", "silu"):
            found[name] = ACTIVATIONS[kind]()
        elif kind == "dropout":
            found[name] = nn.Dropout(entry["rate"])
        else:
            found[name] = {"global_avg_pool2d": Mean, "flatten": nn.Flatten, "softmax": nn.Identity}[kind]()
    return found, channels


class Net(nn.ModuleDict):
    """Probabilities of images [n, height, width, channels], bytes or floats as in the data's files."""

    def __init__(self, configuration):
        model, self.data = configuration["model"], configuration["data"]
        super().__init__(modules(model["layers"], model["input"][2])[0])
        self(torch.zeros([2] + model["input"]))  # so that dense layers know how many inputs they have

    def forward(self, images):
        mean, std = (torch.tensor(self.data[key], dtype=torch.float64) for key in ("mean", "std"))
        x = ((images.double() * self.data["scale"] - mean) / std).float().permute(0, 3, 1, 2)
        for layer in self.values():
            x = layer(x)
        return x.softmax(1)


def load(configuration, weights):
    """The net of a configuration with the weights of a file."""
    net = Net(configuration).eval()
    net.load_state_dict(load_file(weights))
    return net


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        net = load(json.load(file), sys.argv[2])
    with torch.inference_mode():
        for row in net(torch.tensor(np.load(sys.argv[3]))):
            print(int(row.argmax()), f"{row.max():.4f}")
