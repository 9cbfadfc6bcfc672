"""One step of residual nets, MobileNetV2 and a block of it in float64 PyTorch, layer by layer, from weights and images that an integer hash gives.

The nets are written out here as in the papers and in torchvision, under Lockstep's names. Of every tensor the file holds
the elements at `places`, and last its Euclidean norm.
"""

from collections.abc import Callable

import numpy as np
import torch

from golden import write

SAMPLES, CLASSES = 32, 10
SEED = 1
MOMENTUM, EPSILON = 0.1, 1e-5  # PyTorch's: the share of the new value


def mixed(x: np.ndarray) -> np.ndarray:
    """MurmurHash3's last steps over 32 bits."""
    x = x.astype(np.uint32)
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def fnv(name: str) -> int:
    """FNV-1a over 32 bits."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def hashed(name: str, count: int) -> np.ndarray:
    return mixed(np.arange(count, dtype=np.uint32) + np.uint32(fnv(name)))


def values(name: str, shape: tuple[int, ...], fan_in: int | None = None) -> torch.Tensor:
    """A parameter: weights uniform as He's, a norm's factor and variance around 1, all else around 0; exact in float32."""
    count = int(np.prod(shape))
    uniform = ((hashed(name, count) >> 8).astype(np.int64) - 2**23).astype(np.float32) / np.float32(2**23)
    if len(shape) > 1:
        fan_in = fan_in or (int(np.prod(shape[:3])) if len(shape) == 4 else shape[1])
        array = uniform * np.float32(np.sqrt(6 / fan_in))
    else:
        positive = name.endswith((".weight", ".running_var"))
        array = np.float32(1 if positive else 0) + np.float32(0.25) * uniform
    assert array.dtype == np.float32
    return torch.tensor(array.astype(np.float64).reshape(shape))


def sample(tensor: torch.Tensor) -> np.ndarray:
    flat = tensor.detach().numpy().reshape(-1)
    places = mixed(np.arange(1, SAMPLES + 1)).astype(np.int64) % len(flat)
    return np.append(flat[places], np.linalg.norm(flat))


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox4x32-10 of [n, 4] words (Salmon et al. 2011)."""
    c0, c1, c2, c3 = counter.astype(np.uint64).T
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = second >> shift ^ c1 ^ k0, second & low, first >> shift ^ c3 ^ k1, first & low
        k0, k1 = k0 + np.uint64(0x9E3779B9) & low, k1 + np.uint64(0xBB67AE85) & low
    return np.stack([c0, c1, c2, c3], 1)


def kept(rate: float, layer: int, epoch: int, example: int, elements: int) -> np.ndarray:
    """What dropout keeps of an example: 16 bits an element, eight elements a block; its purpose has the number 5."""
    index = (example << 28) + np.arange(-(-elements // 8), dtype=np.uint64)
    words = [index & np.uint64(0xFFFFFFFF), index >> np.uint64(32)]
    words += [np.full_like(index, number) for number in (layer << 20 | epoch, 5)]
    bits = philox(np.stack(words, 1), (SEED, 0))
    halves = np.stack([bits & np.uint64(0xFFFF), bits >> np.uint64(16)], 2).reshape(-1)[:elements]
    return halves >= round(rate * 65536)


class Net:
    """A pass in training; images are NCHW in it, and what is kept is NHWC."""

    def __init__(self) -> None:
        self.parameters: dict[str, torch.Tensor] = {}
        self.statistics: dict[str, torch.Tensor] = {}
        self.outputs: dict[str, torch.Tensor] = {}

    def parameter(self, name: str, shape: tuple[int, ...], fan_in: int | None = None) -> torch.Tensor:
        self.parameters[name] = values(name, shape, fan_in).requires_grad_()
        return self.parameters[name]

    def keep(self, name: str, x: torch.Tensor) -> torch.Tensor:
        self.outputs[name] = x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x
        return x

    def convolution(self, x: torch.Tensor, name: str, filters: int, size: int, stride: int = 1) -> torch.Tensor:
        weight = self.parameter(f"{name}.weight", (size, size, x.shape[1], filters))
        return self.keep(name, torch.nn.functional.conv2d(
            x, weight.permute(3, 2, 0, 1), stride=stride, padding=size // 2))

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        channels = (x.shape[1],)
        mean, variance = (values(f"{name}.{part}", channels) for part in ("running_mean", "running_var"))
        self.statistics |= {f"{name}.running_mean": mean, f"{name}.running_var": variance}
        weight, bias = (self.parameter(f"{name}.{part}", channels) for part in ("weight", "bias"))
        return self.keep(name, torch.nn.functional.batch_norm(
            x, mean, variance, weight, bias, training=True, momentum=MOMENTUM, eps=EPSILON))

    def relu(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self.keep(name, torch.relu(x))

    def relu6(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self.keep(name, torch.nn.functional.relu6(x))

    def depthwise(self, x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        weight = self.parameter(f"{name}.weight", (3, 3, x.shape[1], 1), fan_in=9)
        return self.keep(name, torch.nn.functional.conv2d(
            x, weight.permute(2, 3, 0, 1), stride=stride, padding=1, groups=x.shape[1]))

    def dropout(self, x: torch.Tensor, name: str, rate: float) -> torch.Tensor:
        """Lockstep's bits for a run of one batch in file order; every layer before this one has been kept."""
        shape = x.permute(0, 2, 3, 1).shape if x.dim() == 4 else x.shape
        size = int(np.prod(shape[1:]))
        mask = np.stack([kept(rate, len(self.outputs), 0, n, size) for n in range(len(x))]).reshape(shape)
        mask = torch.tensor(mask)
        return self.keep(name, x * (mask.permute(0, 3, 1, 2) if x.dim() == 4 else mask) / (1 - rate))

    def dense(self, x: torch.Tensor, name: str, units: int) -> torch.Tensor:
        weight = self.parameter(f"{name}.weight", (units, x.shape[1]))
        return self.keep(name, x @ weight.T + self.parameter(f"{name}.bias", (units,)))

    def inverted(self, x: torch.Tensor, names: Callable[[str], str], expansion: int, filters: int,
                 stride: int) -> torch.Tensor:
        """`names` gives the next layer of a type its name."""
        if expansion > 1:
            x = self.convolution(x, names("conv2d"), expansion * x.shape[1], 1)
            x = self.relu6(self.norm(x, names("batch_norm")), names("relu"))
        x = self.norm(self.depthwise(x, names("depthwise_conv2d"), stride), names("batch_norm"))
        x = self.convolution(self.relu6(x, names("relu")), names("conv2d"), filters, 1)
        return self.norm(x, names("batch_norm"))

    def basic(self, x: torch.Tensor, name: str, width: int, stride: int) -> torch.Tensor:
        x = self.norm(self.convolution(x, f"{name}/conv2d_1", width, 3, stride), f"{name}/batch_norm_1")
        x = self.convolution(self.relu(x, f"{name}/relu_1"), f"{name}/conv2d_2", width, 3)
        return self.norm(x, f"{name}/batch_norm_2")

    def bottleneck(self, x: torch.Tensor, name: str, width: int, stride: int) -> torch.Tensor:
        x = self.norm(self.convolution(x, f"{name}/conv2d_1", width, 1), f"{name}/batch_norm_1")
        x = self.convolution(self.relu(x, f"{name}/relu_1"), f"{name}/conv2d_2", width, 3, stride)
        x = self.relu(self.norm(x, f"{name}/batch_norm_2"), f"{name}/relu_2")
        return self.norm(self.convolution(x, f"{name}/conv2d_3", 4 * width, 1), f"{name}/batch_norm_3")

    def block(self, x: torch.Tensor, name: str, kind: str, width: int, stride: int) -> torch.Tensor:
        y = self.basic(x, name, width, stride) if kind == "basic" else self.bottleneck(x, name, width, stride)
        if stride > 1 or x.shape[1] != y.shape[1]:
            x = self.convolution(x, f"{name}/shortcut/conv2d_1", y.shape[1], 1, stride)
            x = self.norm(x, f"{name}/shortcut/batch_norm_1")
        return self.relu(self.keep(f"{name}/add", y + x), f"{name}/relu")

    def stem(self, x: torch.Tensor, filters: int, size: int, stride: int) -> torch.Tensor:
        return self.relu(self.norm(self.convolution(x, "conv2d_1", filters, size, stride), "batch_norm_1"), "relu_1")

    def logits(self, x: torch.Tensor, kind: str, names: list[tuple[str, int, int]]) -> torch.Tensor:
        """`names`: of every block, with its width and stride."""
        for name, width, stride in names:
            x = self.block(x, name, kind, width, stride)
        return self.dense(self.keep("global_avg_pool2d_1", x.mean((2, 3))), "dense_1", CLASSES)


def counting(prefix: str = "") -> Callable[[str], str]:
    """Names of layers by type, counted from 1."""
    counts: dict[str, int] = {}

    def name(kind: str) -> str:
        counts[kind] = counts.get(kind, 0) + 1
        return f"{prefix}{kind}_{counts[kind]}"

    return name


def mobilenet_v2(net: Net, x: torch.Tensor) -> torch.Tensor:
    """torchvision's, with strides 1 in the stem and in the stage of 24 channels."""
    names = counting()
    x = net.norm(net.convolution(x, names("conv2d"), 32, 3), names("batch_norm"))
    x = net.relu6(x, names("relu"))
    for expansion, filters, count, stride in [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                              (6, 160, 3, 2), (6, 320, 1, 1)]:
        x = net.inverted(x, names, expansion, filters, stride)
        entry = names("residual") if count > 1 else ""
        for number in range(1, count):
            name = f"{entry}_{number}" if count > 2 else entry
            x = net.keep(f"{name}/add", net.inverted(x, counting(f"{name}/"), expansion, filters, 1) + x)
    x = net.norm(net.convolution(x, names("conv2d"), 1280, 1), names("batch_norm"))
    x = net.keep("global_avg_pool2d_1", net.relu6(x, names("relu")).mean((2, 3)))
    return net.dense(net.dropout(x, "dropout_1", 0.2), "dense_1", CLASSES)


def inverted(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = net.norm(net.convolution(x, "conv2d_1", 8, 3), "batch_norm_1")
    x = net.keep("gelu_1", torch.nn.functional.gelu(x))
    x = net.keep("residual_1/add", net.inverted(x, counting("residual_1/"), 3, 8, 1) + x)
    x = net.keep("silu_1", torch.nn.functional.silu(x))
    x = net.dropout(net.keep("avg_pool2d_1", torch.nn.functional.avg_pool2d(x, 2)), "dropout_1", 0.25)
    x = net.keep("flatten_1", x.permute(0, 2, 3, 1).reshape(len(x), -1))
    x = net.dense(net.dropout(x, "dropout_2", 0.1), "dense_1", 20)
    x = net.dropout(net.keep("silu_2", torch.nn.functional.silu(x)), "dropout_3", 0.5)
    return net.dense(x, "dense_2", CLASSES)


def blocks(widths: list[int], counts: list[int], projects_first: bool) -> list[tuple[str, int, int]]:
    """Equal blocks in a row are one entry of a configuration, and numbered where they are several."""
    found, entry = [], 0
    for stage, (width, count) in enumerate(zip(widths, counts)):
        for index, times in enumerate([1, count - 1] if stage > 0 or projects_first else [count]):
            entry += 1
            stride = 2 if stage > 0 and index == 0 else 1
            for number in range(times):
                found.append((f"residual_{entry}" + (f"_{number + 1}" if times > 1 else ""), width, stride))
    return found


def resnet20(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.logits(net.stem(x, 16, 3, 1), "basic", blocks([16, 32, 64], [3, 3, 3], False))


def resnet18(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.logits(net.stem(x, 64, 3, 1), "basic", blocks([64, 128, 256, 512], [2, 2, 2, 2], False))


def resnet50(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = torch.nn.functional.max_pool2d(net.stem(x, 64, 7, 2), 3, stride=2, padding=1)
    return net.logits(net.keep("max_pool2d_1", x), "bottleneck", blocks([64, 128, 256, 512], [3, 4, 6, 3], True))


def main() -> None:
    torch.set_num_threads(1)
    for name, logits, examples, side in [("resnet20", resnet20, 4, 32), ("resnet18", resnet18, 3, 16),
                                         ("resnet50", resnet50, 4, 32), ("mobilenet_v2", mobilenet_v2, 3, 16),
                                         ("inverted", inverted, 24, 8)]:
        pixels = (hashed("images", examples * side * side * 3) >> 24).astype(np.float64) / 256
        x = torch.tensor(pixels.reshape(examples, side, side, 3)).permute(0, 3, 1, 2)
        net = Net()
        labels = torch.tensor([7 * n % CLASSES for n in range(examples)])
        loss = torch.nn.functional.cross_entropy(logits(net, x), labels)
        loss.backward()
        outputs = {f"outputs.{layer}": sample(tensor) for layer, tensor in net.outputs.items()}
        gradients = {f"gradients.{parameter}": sample(tensor.grad) for parameter, tensor in net.parameters.items()}
        statistics = {f"after.{parameter}": sample(tensor) for parameter, tensor in net.statistics.items()}
        trained = sum(tensor.numel() for tensor in net.parameters.values())
        write(f"preset-{name}", {}, outputs | gradients | statistics | {"loss": np.array([loss.item()])},
              f"{trained} trained parameters; see README.md")


if __name__ == "__main__":
    main()
