"""Computes random nets again with PyTorch in float64: the loss of every batch, every gradient of the last.

    Tests/Nets/compare.py FOLDER

FOLDER holds what `RandomNetworkTests` wrote, a safetensors file per net (`make fuzz-nets` does both). A net that agrees
is removed, one that does not is left and named. Tolerances: losses 1e-5; gradients 1e-4 of the tensor's largest element
plus a hundredth of the net's largest, or of 1 (sums that cancel out keep only absolute precision in float32).
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open

LOSS_TOLERANCE = 1e-5
GRADIENT_TOLERANCE = 1e-4


def pair(value):
    """Height and width of `3` or `[3, 5]`."""
    return tuple(value) if isinstance(value, list) else (value, value)


def padded(x, layer, size, dilation=1, value=0.0):
    """The images with what a layer's `padding` puts around them; `same` as in Keras."""
    padding, sides = layer["padding"], []
    for pixels, taps, stride, step in zip(x.shape[2:], pair(size), pair(layer["strides"]), pair(dilation)):
        total = 0
        if padding == "same":
            total = max(0, (-(-pixels // stride) - 1) * stride + (taps - 1) * step + 1 - pixels)
        sides += [total // 2, total - total // 2]
    if isinstance(padding, list):
        sides = padding
    elif isinstance(padding, int):
        sides = [padding] * 4
    top, bottom, left, right = sides
    return torch.nn.functional.pad(x, (left, right, top, bottom), value=value)


def patches_of(x, layer, value):
    """The patches of a pool in the last dimension, row-major; `value` stands for what lies outside the image."""
    size, steps = pair(layer["pool_size"]), pair(layer["strides"])
    x = padded(x, layer, layer["pool_size"], value=value)
    return x.unfold(2, size[0], steps[0]).unfold(3, size[1], steps[1]).flatten(4)


def max_pool(x, layer):
    """Maxima whose gradient goes to every element that NumPy's `isclose` finds close to it, or to the first that equals it."""
    patches = patches_of(x, layer, -torch.inf)
    values = patches.detach()
    largest = values.amax(4, keepdim=True)
    if layer["ties"] == "all":
        mask = (values - largest).abs() <= 1e-8 + 1e-5 * largest.abs()
    else:
        equal = values == largest
        mask = equal & (equal.cumsum(4) == 1)
    routed = torch.where(mask, patches, 0.0).sum(4)
    return routed - routed.detach() + largest.squeeze(4)


def avg_pool(x, layer):
    """Means over the pixels of the image alone."""
    counts = patches_of(torch.ones_like(x), layer, 0.0).sum(4)
    return patches_of(x, layer, 0.0).sum(4) / counts


def residual(x, entry, weights):
    """Blocks in a row: activation(layers(x) + shortcut(x))."""
    for number in range(entry["repeat"]):
        prefix = entry["name"] + (f"_{number + 1}" if entry["repeat"] > 1 else "")
        x = through(entry["layers"], weights, x, f"{prefix}/") + through(entry["shortcut"], weights, x, f"{prefix}/shortcut/")
        x = ACTIVATIONS[entry.get("activation")](x)
    return x


ACTIVATIONS = {
    None: lambda x: x, "relu": torch.relu, "relu6": torch.nn.functional.relu6, "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu, "leaky_relu": torch.nn.functional.leaky_relu,
}


def forward(layers, weights, images):
    """Logits; images are N×H×W×C, turned into PyTorch's order for convolutions and pools and back at `flatten`."""
    return through(layers, weights, images.permute(0, 3, 1, 2))


def through(layers, weights, x, prefix=""):
    for layer in layers:
        kind = layer["type"]
        layer = layer | {"name": prefix + layer["name"]}
        if kind in ("conv2d", "depthwise_conv2d"):
            weight, bias = weights[f"{layer['name']}.weight"], weights.get(f"{layer['name']}.bias")
            dilation = layer.get("dilation_rate", 1)
            groups = layer.get("groups", x.shape[1])
            if kind == "depthwise_conv2d":
                weight = weight.flatten(2).unsqueeze(2)
            x = padded(x, layer, layer["kernel_size"], dilation)
            x = torch.nn.functional.conv2d(
                x, weight.permute(3, 2, 0, 1).contiguous(), bias, pair(layer["strides"]), dilation=pair(dilation),
                groups=groups)
        elif kind == "batch_norm":
            scale, shift = weights.get(f"{layer['name']}.weight"), weights.get(f"{layer['name']}.bias")
            x = torch.nn.functional.batch_norm(x, None, None, scale, shift, training=True, eps=layer["epsilon"])
        elif kind == "residual":
            x = residual(x, layer, weights)
        elif kind == "relu":
            x = torch.nn.functional.hardtanh(x, 0, layer["max_value"]) if "max_value" in layer else torch.relu(x)
        elif kind in ("gelu", "silu"):
            x = ACTIVATIONS[kind](x)
        elif kind == "leaky_relu":
            x = torch.nn.functional.leaky_relu(x, layer["negative_slope"])
        elif kind == "max_pool2d":
            x = max_pool(x, layer)
        elif kind == "avg_pool2d":
            x = avg_pool(x, layer)
        elif kind == "global_avg_pool2d":
            x = x.mean((2, 3))
        elif kind == "flatten":
            x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        elif kind == "dense":
            x = x @ weights[f"{layer['name']}.weight"].T
            if layer.get("use_bias", True):
                x = x + weights[f"{layer['name']}.bias"]
        elif kind != "softmax":
            raise ValueError(f"layer type {kind}")
    return x


def errors(path):
    """The worst error of a loss and of a gradient."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).double() for name in file.keys()}
        configuration = json.loads(file.metadata()["configuration"])
    weights = {
        name.removeprefix("weights/"): tensor.requires_grad_()
        for name, tensor in tensors.items() if name.startswith("weights/") and ".running_" not in name
    }
    batch_size = configuration["training"]["batch_size"]
    labels = tensors["labels"].long()
    worst_loss = worst_gradient = 0.0
    for step, start in enumerate(range(0, len(labels), batch_size)):
        batch = slice(start, start + batch_size)
        logits = forward(configuration["model"]["layers"], weights, tensors["images"][batch])
        loss = torch.nn.functional.cross_entropy(logits, labels[batch])
        worst_loss = max(worst_loss, abs(tensors["losses"][step].item() - loss.item()) / max(1, loss.item()))
    gradients = torch.autograd.grad(loss, list(weights.values()))
    floor = 1e-2 * max(1, max(gradient.abs().max().item() for gradient in gradients))
    for name, gradient in zip(weights, gradients):
        difference = (tensors[f"gradients/{name}"] - gradient).abs().max().item()
        worst_gradient = max(worst_gradient, difference / (gradient.abs().max().item() + floor))
    return worst_loss, worst_gradient


def main(folder):
    files = sorted(Path(folder).glob("net-*.safetensors"), key=lambda path: int(path.stem.split("-")[1]))
    if not files:
        sys.exit(f"{folder}: no nets")
    torch.set_num_threads(1)
    worst, failed = [(0.0, ""), (0.0, "")], []
    for path in files:
        found = errors(path)
        worst = [max(old, (error, path.stem)) for old, error in zip(worst, found)]
        # `not <=`, so that NaN fails.
        if not (found[0] <= LOSS_TOLERANCE and found[1] <= GRADIENT_TOLERANCE):
            failed.append(path.stem)
            print(f"{path.stem}: loss {found[0]:.1e}, gradient {found[1]:.1e}")
        else:
            path.unlink()
    print(f"{len(files)} nets through PyTorch {torch.__version__} in float64: {len(failed)} differ")
    print("worst relative errors: " + ", ".join(
        f"{what} {error:.1e} ({net})" for what, (error, net) in zip(("loss", "gradient"), worst)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1])
