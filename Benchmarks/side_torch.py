"""PyTorch's side: full training steps, channels last, fused SGD with momentum."""

import os

from configuration import Net, Shape, borders, output_shape, read_net, window

MODES = ["eager", "compile", "bf16", "bf16-compile"]

if __name__ == "__main__":
    from measure import arguments, throughput

    options = arguments(__doc__, MODES)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, layers: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.layers, self.shortcut, self.activation = layers, shortcut, activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layers(x)
        y += self.shortcut(x)
        return self.activation(y)


def convolution(layer: dict, shape: Shape, filters: int, groups: int) -> nn.Module:
    size, strides, dilation = window(layer)
    top, bottom, left, right = borders(layer, shape)
    is_even = (top, left) == (bottom, right)
    module = nn.Conv2d(
        shape[2], filters, size, strides, (top, left) if is_even else 0, dilation, groups, layer["use_bias"])
    return module if is_even else nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), module)


def pool(layer: dict, shape: Shape) -> nn.Module:
    size, strides, _ = window(layer)
    top, bottom, left, right = borders(layer, shape)
    if (top, left) != (bottom, right):
        raise ValueError("PyTorch has no pool with different padding on opposite sides")
    if layer["type"] == "max_pool2d":
        return nn.MaxPool2d(size, strides, (top, left))
    return nn.AvgPool2d(size, strides, (top, left), count_include_pad=False)


def activation(layer: dict) -> nn.Module:
    match layer["type"]:
        case "relu" | "relu6" if layer.get("max_value") or layer["type"] == "relu6":
            return nn.Hardtanh(0, layer.get("max_value", 6), inplace=True)
        case "relu":
            return nn.ReLU(inplace=True)
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(layer.get("negative_slope", 0.01), inplace=True)
        case other:
            raise ValueError(f"no PyTorch layer is known for {other}")


def module(layer: dict, shape: Shape) -> nn.Module:
    match layer["type"]:
        case "conv2d":
            return convolution(layer, shape, layer["filters"], layer["groups"])
        case "depthwise_conv2d":
            return convolution(layer, shape, shape[2] * layer["depth_multiplier"], shape[2])
        case "batch_norm":
            kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            norm = kind(shape[-1], layer["epsilon"], 1 - layer["momentum"])
            # PyTorch has no norm with only one of the two: the other stays 1, or 0.
            norm.weight.requires_grad_(layer["scale"])
            norm.bias.requires_grad_(layer["center"])
            return norm
        case "max_pool2d" | "avg_pool2d":
            return pool(layer, shape)
        case "global_avg_pool2d":
            return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        case "flatten":
            return nn.Flatten()
        case "dropout":
            return nn.Dropout(layer["rate"], inplace=True)
        case "dense":
            return nn.Linear(shape[0], layer["units"], layer.get("use_bias", True))
        case "residual":
            return Residual(
                sequence(layer["layers"], shape), sequence(layer["shortcut"], shape),
                activation({"type": layer["activation"]}) if "activation" in layer else nn.Identity())
        case _:
            return activation(layer)


def sequence(layers: list[dict], shape: Shape) -> nn.Sequential:
    """The layers as modules, each with its own entry as `layer`."""
    modules: list[nn.Module] = []
    for layer in layers:
        modules.append(module(layer, shape))
        modules[-1].layer = layer
        shape = output_shape(layer, shape)
    return nn.Sequential(*modules)


def build(net: Net) -> nn.Sequential:
    """Weight, bias per layer with parameters: He-normal and zero; a norm's are one and zero."""
    model = sequence(net.layers, net.input).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def main() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    net = read_net(options.config, options.batch_size)
    model = build(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=net.learning_rate, momentum=net.momentum, fused=True)
    loss_of = nn.CrossEntropyLoss()
    forward = torch.compile(model) if options.mode.endswith("compile") else model
    height, width, channels = net.input
    x = torch.randn(net.examples, channels, height, width).contiguous(memory_format=torch.channels_last)
    y = torch.randint(net.classes, (net.examples,))
    batches = list(zip(x.split(net.batch_size), y.split(net.batch_size)))
    batches = [batch for batch in batches if len(batch[1]) == net.batch_size]
    half = options.mode.startswith("bf16")

    def step(number: int) -> torch.Tensor:
        images, labels = batches[number % len(batches)]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = loss_of(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    throughput(step, lambda loss: loss.item(), net.batch_size, options.seconds, options.threads)


if __name__ == "__main__":
    main()
