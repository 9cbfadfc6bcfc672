"""Loads exported weights into PyTorch and Keras by Examples/python, and compares probabilities with Lockstep's.

    Tests/Exchange/check_weights.py pytorch|keras FOLDER

FOLDER is what `make test-frameworks` writes: for every net its configuration, its weights in the framework's names and orders,
images and Lockstep's probabilities. Within 1e-5. Nets that Keras on TensorFlow cannot compute on a CPU are counted and
left out: steps that differ between rows and columns in a depthwise convolution, steps together with dilation; and a leaky ReLU
with a slope below 0, which Keras refuses.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
from safetensors import safe_open

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Examples/python"))

TOLERANCE = 1e-5


def pytorch(configuration, weights, images):
    import lockstep_pytorch
    import torch

    with torch.inference_mode():
        return lockstep_pytorch.load(configuration, weights)(torch.tensor(images)).numpy()


def keras(configuration, weights, images):
    import lockstep_keras

    return np.asarray(lockstep_keras.load(configuration, weights)(images.astype(np.float32)))


def is_possible(framework, layers):
    """Whether the framework has kernels for all layers."""
    for layer in layers:
        if framework == "keras" and layer["type"] == "leaky_relu" and layer["negative_slope"] < 0:
            return False
        if framework == "keras" and layer["type"] in ("conv2d", "depthwise_conv2d"):
            strides, dilation = layer["strides"], layer.get("dilation_rate", 1)
            if strides != 1 and dilation != 1 or layer["type"] == "depthwise_conv2d" and isinstance(strides, list):
                return False
    return True


def main(framework, folder):
    files = sorted(Path(folder).glob("*.expected.safetensors"))
    worst, failed, left_out = (0.0, ""), [], 0
    for file in files:
        name = file.name.removesuffix(".expected.safetensors")
        configuration = json.loads((file.parent / f"{name}.json").read_text())
        if not is_possible(framework, configuration["model"]["layers"]):
            left_out += 1
            continue
        with safe_open(file, framework="np") as tensors:
            images, expected = tensors.get_tensor("images"), tensors.get_tensor("probabilities")
        found = globals()[framework](configuration, file.parent / f"{name}.{framework}.safetensors", images)
        error = np.abs(found - expected).max()
        worst = max(worst, (error, name))
        if not error <= TOLERANCE:
            failed.append(name)
            print(f"{name}: {error:.1e}")
    print(f"{len(files)} nets through {framework}: {left_out} left out, worst error {worst[0]:.1e} ({worst[1]})")
    if failed or left_out > len(files) // 3 or not files:
        sys.exit(f"{len(failed)} nets differ")


if __name__ == "__main__":
    main(*sys.argv[1:])
