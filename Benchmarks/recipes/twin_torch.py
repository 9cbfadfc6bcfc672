"""A Lockstep recipe in PyTorch: the same net, augmentation, optimizer, schedule and average, on the same files.

    Benchmarks/recipes/twin_torch.py Config/cifar10-fast.json --data FOLDER --output twin.jsonl

A line of JSON for the start, one for each epoch and one for the end, with the keys of Lockstep's `metrics.jsonl`; `total_s`
counts from before the decoding. `--steps` ends early and measures throughput alone. Random numbers are PyTorch's own, so runs
agree in distribution and not in their bits; `check_twin.py` shows that both sides take the same steps from the same weights.
`--device cuda` is for accuracies alone: the same training on a GPU, in fp32 as here, its times no side of a comparison.
"""

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

START = time.perf_counter()
MODES = ["eager", "compile", "bf16", "bf16-compile"]
WARM_UP_STEPS = 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path, help="the folder with train and test, instead of the configuration's")
    parser.add_argument("--mode", choices=MODES, default="eager")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--steps", type=int, help="steps after which to end, without an evaluation")
    parser.add_argument("--each-step", action="store_true", help="a line for every step, too")
    parser.add_argument("--weights", type=Path, help="of `lockstep export --format pytorch`, to start from")
    parser.add_argument("--save", type=Path, help="where to write the last weights, their average if there is one")
    parser.add_argument("--output", type=Path, help="where to write the lines, besides standard output")
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch
from recipe import LearningRate, Recipe, overrides, paired
from images import Batches, Normalization, Split, read
from safetensors import safe_open
from safetensors.torch import save_file
from side_torch import sequence
from torch import nn
from torch.nn import functional

EVALUATED_AT_ONCE = 500


def build(recipe: Recipe) -> nn.Module:
    """The net with weights drawn as its configuration says; biases are 0, norms 1 and 0."""
    model = sequence(recipe.layers, recipe.input).to(memory_format=torch.channels_last)
    for part, layer in with_layers(model):
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            match layer["initializer"]:
                case "he_normal":
                    nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                case "he_uniform":
                    nn.init.kaiming_uniform_(part.weight, nonlinearity="relu")
                case "glorot_uniform":
                    nn.init.xavier_uniform_(part.weight)
                case "dirac":
                    nn.init.zeros_(part.weight)
                    repeat_inputs(part)
                case "partial_dirac":
                    nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5))
                    repeat_inputs(part)
                case "patch_whitening":
                    pass  # once the images are there
                case "zeros":
                    nn.init.zeros_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
            part.requires_grad_(layer.get("trainable", True))
    return model


@torch.no_grad()
def repeat_inputs(part: nn.Conv2d | nn.Linear) -> None:
    """Makes outputs repeat inputs, in each group as many as it has; other outputs stay as they are."""
    repeating = torch.zeros_like(part.weight)
    if isinstance(part, nn.Conv2d):
        nn.init.dirac_(repeating, groups=part.groups)
    else:
        nn.init.eye_(repeating)
    outputs = repeating.flatten(1).any(1)
    part.weight[outputs] = repeating[outputs]


@torch.no_grad()
def whiten(model: nn.Module, images: torch.Tensor, normalize: Normalization) -> None:
    """Starts layers of patch_whitening with the eigenvectors of the patches' covariance over the roots of its eigenvalues, and
    their negatives; patches are those of images spread over the set, some four million."""
    for part, layer in with_layers(model):
        if isinstance(part, nn.Conv2d) and layer["initializer"] == "patch_whitening":
            filters, channels, height, width = part.weight.shape
            count = max(1, (1 << 22) // ((images.shape[1] - height + 1) * (images.shape[2] - width + 1)))
            some = images[torch.arange(min(count, len(images))) * len(images) // min(count, len(images))]
            patches = nn.functional.unfold(normalize(some), (height, width)).transpose(1, 2).flatten(0, 1)
            values, vectors = torch.linalg.eigh(torch.cov(patches.T, correction=0).double())
            scaled = (vectors / (values + 5e-4).sqrt()).flip(1).T
            both = torch.cat([scaled, -scaled])[:filters]
            part.weight.copy_(both.reshape(filters, channels, height, width))


def with_layers(model: nn.Module) -> Iterable[tuple[nn.Module, dict]]:
    """The modules that have parameters of their own, each with its layer's entry in the configuration."""
    for module in model.modules():
        if hasattr(module, "layer") and module.layer["type"] != "residual":
            for part in module.modules():
                if isinstance(part, (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)):
                    yield part, module.layer


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and running statistics; of norms without a scale or a shift that of 1 or 0, as the export has it."""
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}


def load(model: nn.Module, file: Path) -> None:
    """Takes tensors in the order in which both sides have them: layer by layer, of a block its layers before its shortcut."""
    with safe_open(file, "pt") as source:
        names = source.offset_keys()
        own = tensors(model)
        if len(names) != len(own):
            sys.exit(f"{file} has {len(names)} tensors, the net {len(own)}")
        for name, own_name in paired(names, list(own)):
            value, target = source.get_tensor(name), own[own_name]
            if value.shape != target.shape:
                sys.exit(f"{file}: {name} {list(value.shape)} is not the net's {own_name} {list(target.shape)}")
            target.copy_(value)


def optimizer(model: nn.Module, rule: dict, device: str) -> torch.optim.Optimizer:
    """With a group of parameters for each factor of the rate and each decay; biases and norms have one dimension."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    other = rule.get("weight_decay_norm")
    for part, layer in with_layers(model):
        for parameter in part.parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            decay = rule["weight_decay"] if parameter.ndim > 1 or other is None else other
            groups.setdefault((layer["lr_scale"], decay), []).append(parameter)
    settings = [
        {"params": parameters, "scale": scale, "weight_decay": decay} for (scale, decay), parameters in groups.items()]
    match rule["type"]:
        case "sgd":
            return torch.optim.SGD(
                settings, rule["lr"], momentum=rule["momentum"], nesterov=rule["nesterov"], fused=True)
        case "adam" | "adamw":
            kind = torch.optim.Adam if rule["type"] == "adam" else torch.optim.AdamW
            return kind(
                settings, rule["lr"], betas=tuple(rule["betas"]), eps=rule["epsilon"], fused=True,
                capturable=device == "cuda")
        case "rmsprop":
            return torch.optim.RMSprop(
                settings, rule["lr"], rule["alpha"], rule["epsilon"], momentum=rule["momentum"],
                centered=rule["centered"], capturable=device == "cuda")
        case unknown:
            sys.exit(f"the twin has no training.optimizer of type {unknown}")


class Recorded:
    """A function of a batch whose work on the GPU is recorded once for each size of batch and then replayed: launching its many
    small kernels one by one would take longer than they do."""

    EAGER_CALLS = 3  # before a recording, so that libraries have chosen their kernels and buffers exist

    def __init__(self, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        self.function = function
        self.calls: dict[int, int] = {}
        self.graphs: dict[int, tuple] = {}

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        size = len(labels)
        self.calls[size] = self.calls.get(size, 0) + 1
        if self.calls[size] <= self.EAGER_CALLS:
            return self.aside(images, labels)
        if size not in self.graphs:
            own_images, own_labels, graph = images.clone(), labels.clone(), torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                result = self.function(own_images, own_labels)
            self.graphs[size] = graph, own_images, own_labels, result
        graph, own_images, own_labels, result = self.graphs[size]
        own_images.copy_(images)
        own_labels.copy_(labels)
        graph.replay()
        return result

    def aside(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """On a stream of its own, as recordings are."""
        main, stream = torch.cuda.current_stream(), torch.cuda.Stream()
        stream.wait_stream(main)
        with torch.cuda.stream(stream):
            result = self.function(images, labels)
        main.wait_stream(stream)
        return result


class Average:
    """The running mean of parameters and running statistics; the first update takes them as they are."""

    def __init__(self, rule: dict, model: nn.Module) -> None:
        self.rule, self.model = rule, model
        self.values = [tensor.clone() for tensor in tensors(model).values()]

    @torch.no_grad()
    def update(self, steps_done: int) -> None:
        if steps_done % self.rule["every_steps"] == 0:
            weight = 1.0 if steps_done == self.rule["every_steps"] else 1 - self.rule["decay"]
            torch._foreach_lerp_(self.values, list(tensors(self.model).values()), weight)

    def exchange(self) -> None:
        for value, tensor in zip(self.values, tensors(self.model).values()):
            kept = tensor.clone()
            tensor.copy_(value)
            value.copy_(kept)


@torch.inference_mode()
def evaluate(model: nn.Module, test: Split, normalize: Normalization, flips: bool) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, of the mean logits of both images with flips."""
    model.eval()
    loss, right = 0.0, 0
    for images, labels in zip(test.images.split(EVALUATED_AT_ONCE), test.labels.split(EVALUATED_AT_ONCE)):
        x = normalize(images)
        logits = (model(x) + model(x.flip(3))) / 2 if flips else model(x)
        loss += functional.cross_entropy(logits, labels, reduction="sum").item()
        right += int((logits.argmax(1) == labels).sum())
    model.train()
    return loss / len(test.labels), right / len(test.labels)


class Run:
    """One training: what changes from step to step."""

    def __init__(self, recipe: Recipe, options: argparse.Namespace) -> None:
        self.recipe, self.options, self.training = recipe, options, recipe.training
        train = read(recipe, "train", options.threads).to(options.device)
        self.test = read(recipe, "test", options.threads).to(options.device) if recipe.data.get("test") else None
        self.normalize = Normalization(recipe, train.images)
        self.batches = Batches(recipe, train, self.normalize)
        self.decoded = time.perf_counter()
        self.model = build(recipe).to(options.device)
        whiten(self.model, train.images, self.normalize)
        if options.weights:
            with torch.no_grad():
                load(self.model, options.weights)
        self.forward = torch.compile(self.model) if options.mode.endswith("compile") else self.model
        self.optimizer = optimizer(self.model, self.training["optimizer"], options.device)
        self.rate = LearningRate(self.training, self.batches.count)
        self.average = Average(self.training["ema"], self.model) if self.training.get("ema") else None
        self.steps, self.seconds = 0, []
        self.updated = self.update
        if options.device == "cuda":
            self.updated = Recorded(self.update)
            for group in self.optimizer.param_groups:  # recorded work reads the rate from memory
                group["lr"] = torch.zeros((), device=options.device)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Returns the sum of losses, with the smoothed targets, and how many were right, before the update."""
        rate = self.rate(self.steps)
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * group["scale"])
            else:
                group["lr"] = rate * group["scale"]
        found = self.updated(images, labels)
        self.steps += 1
        if self.average:
            self.average.update(self.steps)
        return found

    def update(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        half = self.options.mode.startswith("bf16")
        with torch.autocast(self.options.device, dtype=torch.bfloat16, enabled=half):
            logits = self.forward(images)
            loss = functional.cross_entropy(logits, labels, label_smoothing=self.training["label_smoothing"])
        loss.backward()
        if self.training.get("clip_norm"):
            nn.utils.clip_grad_norm_(self.model.parameters(), self.training["clip_norm"])
        self.optimizer.step()
        return torch.stack([loss.detach().double() * len(labels), (logits.argmax(1) == labels).sum().double()])

    def train(self) -> None:
        self.started = time.perf_counter()
        self.report(
            "start", decode_s=self.decoded - START, threads=self.options.threads, mode=self.options.mode,
            torch=torch.__version__, seed=self.recipe.seed, steps_per_epoch=self.batches.count)
        val_accuracy, is_over = None, False
        for epoch in range(1, self.training["epochs"] + 1):
            sums, seen, begun = torch.zeros(2, dtype=torch.float64, device=self.options.device), 0, time.perf_counter()
            before = begun
            for images, labels in self.batches.epoch():
                part = self.step(images, labels)
                sums += part
                seen += len(labels)
                if self.options.each_step:
                    self.report("step", epoch=epoch, step=self.steps, loss=part[0].item() / len(labels))
                now = time.perf_counter()
                self.seconds.append((now - before) / len(labels))
                before = now
                is_over = self.steps >= min(self.rate.total, self.options.steps or self.rate.total) or (
                    now - self.started >= (self.training.get("max_seconds") or float("inf")))
                if is_over:
                    break
            loss, right = sums.tolist()
            values = {
                "epoch": epoch, "step": self.steps, "loss": loss / seen, "accuracy": right / seen,
                "lr": self.rate(self.steps - 1), "images_per_second": seen / (time.perf_counter() - begun)}
            is_last = is_over or epoch == self.training["epochs"]
            if self.test and not self.options.steps and (is_last or epoch % self.training["evaluate_every_epochs"] == 0):
                values["val_loss"], values["val_accuracy"] = val_loss, val_accuracy = self.evaluated()
                is_over |= self.reaches(values)
            self.report("epoch", **values)
            if is_over:
                break
        measured = self.seconds[WARM_UP_STEPS:] or self.seconds
        self.report(
            "end", step=self.steps, val_accuracy=val_accuracy,
            images_per_second=1 / statistics.median(measured), step_ms=1000 * statistics.median(measured)
            * self.training["batch_size"])
        if self.options.save:
            if self.average:
                self.average.exchange()
            # The format sorts by name, so names begin with the place in the net.
            save_file({
                f"{place:04}.{name}": tensor.cpu().contiguous()
                for place, (name, tensor) in enumerate(tensors(self.model).items())}, self.options.save)

    def evaluated(self) -> tuple[float, float]:
        if self.average:
            self.average.exchange()
        found = evaluate(
            self.model, self.test, self.normalize, self.training["test_time_augmentation"] == "flip")
        if self.average:
            self.average.exchange()
        return found

    def reaches(self, values: dict) -> bool:
        """Whether the metric of `stop_at` has its value."""
        rule = self.training.get("stop_at")
        if not rule:
            return False
        found = values[rule["metric"]]
        return found <= rule["value"] if rule["metric"].endswith("loss") else found >= rule["value"]

    def report(self, kind: str, **values: object) -> None:
        now = time.perf_counter()
        line = json.dumps({"kind": kind} | values | {"elapsed_s": now - self.started, "total_s": now - START})
        print(line, flush=True)
        if self.options.output:
            with open(self.options.output, "a" if kind != "start" else "w") as file:
                file.write(line + "\n")


def main() -> None:
    torch.set_num_threads(options.threads)
    if options.device == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False  # products of whole floats, as on a CPU
    recipe = Recipe(options.config, overrides(options.config, options.settings, options.data))
    torch.manual_seed(recipe.seed)
    Run(recipe, options).train()


if __name__ == "__main__":
    main()
