"""PyTorch's side: full training steps, channels last, fused SGD with momentum."""

import os

from configuration import Net, read_net
from measure import arguments, throughput

MODES = ["eager", "compile", "bf16", "bf16-compile"]
options = arguments(__doc__, MODES)
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch
from torch import nn


def build(net: Net) -> nn.Sequential:
    height, width, channels = net.input
    layers: list[nn.Module] = []
    features = channels
    for layer in net.layers:
        match layer["type"]:
            case "conv2d":
                layers.append(nn.Conv2d(features, layer["filters"], layer["kernel_size"], padding=layer["padding"]))
                features = layer["filters"]
            case "relu":
                layers.append(nn.ReLU())
            case "max_pool2d":
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            case "avg_pool2d":
                layers.append(nn.AvgPool2d(2))
                height, width = height // 2, width // 2
            case "flatten":
                layers.append(nn.Flatten())
                features *= height * width
            case "dense":
                layers.append(nn.Linear(features, layer["units"]))
                features = layer["units"]
            case other:
                raise ValueError(f"no PyTorch twin of {other}")
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    for module in model:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
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
