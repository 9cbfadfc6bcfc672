"""A net of Lockstep in Keras: its configuration as layers, its weights from `lockstep export --format keras`.

    lockstep config digits.json --json > config.json
    lockstep export digits.json --weights weights.safetensors --output digits.safetensors --format keras
    lockstep_keras.py config.json digits.safetensors IMAGES.npy
"""

import json
import sys

import keras
import numpy as np
from keras import layers as kl
from keras import ops
from safetensors.numpy import load_file


def pair(value):
    """Height and width of `3` or `[3, 5]`."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def border(layer):
    """The rows and columns that `padding` gives by their numbers: ((top, bottom), (left, right)); `None` for words."""
    padding = layer["padding"]
    if isinstance(padding, str):
        return None
    top, bottom, left, right = padding if isinstance(padding, list) else [padding] * 4
    return ((top, bottom), (left, right))


class Pool(kl.Layer):
    """A pool with given rows and columns around the image, which means leave out."""

    def __init__(self, layer):
        super().__init__(name=layer["name"])
        self.layer, self.size, self.steps = layer, pair(layer["pool_size"]), pair(layer["strides"])

    def call(self, x):
        sides = ((0, 0),) + border(self.layer) + ((0, 0),)
        if self.layer["type"] == "max_pool2d":
            return ops.max_pool(ops.pad(x, sides, constant_values=-np.inf), self.size, self.steps)
        count = ops.average_pool(ops.pad(ops.ones_like(x), sides), self.size, self.steps)
        return ops.average_pool(ops.pad(x, sides), self.size, self.steps) / count


ACTIVATIONS = {
    "relu": kl.ReLU, "relu6": lambda: kl.ReLU(6), "leaky_relu": lambda: kl.LeakyReLU(negative_slope=0.01),
    "gelu": lambda: kl.Activation("gelu"), "silu": lambda: kl.Activation("silu")}


def apply(x, entries, prefix=""):
    """The output of a configuration's layers; a layer in a block is called `<block>.<layer>`."""
    for entry in entries:
        kind, name = entry["type"], prefix + entry["name"]
        if kind == "residual":
            times = entry.get("repeat", 1)
            for number in range(1, times + 1):
                block = name if times == 1 else f"{name}_{number}"
                y = apply(x, entry["layers"], f"{block}.")
                x = ops.add(y, apply(x, entry.get("shortcut", []), f"{block}.shortcut."))
                if entry.get("activation"):
                    x = ACTIVATIONS[entry["activation"]]()(x)
            continue
        window = {}
        if kind in ("conv2d", "depthwise_conv2d"):
            if border(entry):
                x = kl.ZeroPadding2D(border(entry))(x)
            window = {
                "kernel_size": pair(entry["kernel_size"]), "strides": pair(entry["strides"]),
                "padding": "valid" if border(entry) else entry["padding"], "use_bias": entry["use_bias"]}
        if kind == "conv2d":
            layer = kl.Conv2D(
                entry["filters"], groups=entry["groups"], dilation_rate=pair(entry["dilation_rate"]), name=name, **window)
        elif kind == "depthwise_conv2d":
            layer = kl.DepthwiseConv2D(depth_multiplier=entry["depth_multiplier"], name=name, **window)
        elif kind == "dense":
            layer = kl.Dense(entry["units"], use_bias=entry["use_bias"], name=name)
        elif kind == "batch_norm":
            layer = kl.BatchNormalization(
                momentum=entry["momentum"], epsilon=entry["epsilon"], center=entry["center"], scale=entry["scale"],
                name=name)
        elif kind in ("max_pool2d", "avg_pool2d"):
            pool = kl.MaxPooling2D if kind == "max_pool2d" else kl.AveragePooling2D
            layer = Pool(entry) if border(entry) else pool(
                pair(entry["pool_size"]), pair(entry["strides"]), entry["padding"])
        elif kind == "leaky_relu":
            layer = kl.LeakyReLU(negative_slope=entry["negative_slope"])
        elif kind == "relu":
            layer = kl.ReLU(entry.get("max_value"))
        elif kind in ("gelu", "silu"):
            layer = ACTIVATIONS[kind]()
        elif kind == "dropout":
            layer = kl.Dropout(entry["rate"])
        else:
            layer = {"global_avg_pool2d": kl.GlobalAveragePooling2D, "flatten": kl.Flatten,
                     "softmax": kl.Softmax}[kind]()
        x = layer(x)
    return x


def load(configuration, weights):
    """The net of a configuration with the weights of a file: probabilities of images [n, height, width, channels]."""
    model, data = configuration["model"], configuration["data"]
    images = keras.Input(model["input"])
    scale, shift = data["scale"] / np.array(data["std"]), -np.array(data["mean"]) / np.array(data["std"])
    x = images * scale.astype(np.float32) + shift.astype(np.float32)
    net = keras.Model(images, apply(x, model["layers"]))
    tensors = load_file(weights)
    for variable in net.variables:
        variable.assign(tensors.pop(variable.path))
    assert not tensors, f"the net has no {sorted(tensors)}"
    return net


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        net = load(json.load(file), sys.argv[2])
    for row in net.predict(np.load(sys.argv[3]).astype(np.float32), verbose=0):
        print(int(row.argmax()), f"{row.max():.4f}")
