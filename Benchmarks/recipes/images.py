"""Images of a recipe in PyTorch: files into one tensor of bytes, then batches as the recipe's augmentation makes them."""

import gzip
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from recipe import Recipe


class Split:
    """Bytes [n, height, width, channels] and labels [n]."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))

    def to(self, device: str) -> "Split":
        self.images, self.labels = self.images.to(device), self.labels.to(device)
        return self


def read(recipe: Recipe, split: str, threads: int) -> Split:
    """The training or the test set, in Lockstep's order: classes and files by their names' bytes."""
    place = recipe.data[split]
    match recipe.data["format"]:
        case "image_folder":
            return folder(recipe.folder / place, recipe.input, threads)
        case "idx":
            images, labels = (idx(recipe.folder / place[part]) for part in ("images", "labels"))
            return Split(images.reshape(len(images), *recipe.input), labels)
        case other:
            sys.exit(f"the twin reads no data.format {other}")


def folder(path: Path, shape: tuple[int, int, int], threads: int) -> Split:
    classes = sorted((entry.name for entry in os.scandir(path) if entry.is_dir()), key=os.fsencode)
    files = [
        (path / name / file, label) for label, name in enumerate(classes)
        for file in sorted(os.listdir(path / name), key=os.fsencode) if not file.startswith(".")]
    images = np.empty((len(files), *shape), dtype=np.uint8)
    form = "L" if shape[2] == 1 else "RGB"

    def decode(number: int) -> None:
        with Image.open(files[number][0]) as image:
            images[number] = np.asarray(image.convert(form)).reshape(shape)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(decode, range(len(files)), chunksize=256):
            pass
    return Split(images, np.array([label for _, label in files]))


def idx(path: Path) -> np.ndarray:
    content = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    sizes = [int.from_bytes(content[4 + 4 * axis:8 + 4 * axis], "big") for axis in range(content[3])]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes).copy()


class Normalization:
    """`(pixel · scale − mean) / std`, as floats [n, channels, height, width], channels last in memory."""

    def __init__(self, recipe: Recipe, images: torch.Tensor) -> None:
        data = recipe.data
        scale = 1 / 255 if data["scale"] == "auto" else data["scale"]
        mean, std = data["mean"], data["std"]
        if "auto" in (mean, std):
            pixels = images.flatten(0, 2)
            sums = pixels.sum(0, dtype=torch.float64)
            squares = sum((part.double() ** 2).sum(0) for part in pixels.split(1 << 20))
            measured = sums / len(pixels)
            spread = (squares / len(pixels) - measured ** 2).sqrt()
            mean = (measured * scale).tolist() if mean == "auto" else mean
            std = (spread * scale).tolist() if std == "auto" else std
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (mean, std))
        self.factor, self.offset = (values.float().to(images.device) for values in (scale / std, mean / std))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return (images * self.factor).sub_(self.offset).permute(0, 3, 1, 2)


class Batches:
    """Training batches: examples as an epoch's augmentation makes them, each batch drawn at once."""

    def __init__(self, recipe: Recipe, split: Split, normalize: Normalization) -> None:
        self.rules, self.normalize, self.labels = recipe.augment, normalize, split.labels
        self.size, self.shuffles = recipe.training["batch_size"], recipe.training["shuffle"]
        self.height, self.width, _ = recipe.input
        self.padding = (self.rules.get("random_crop") or {}).get("padding", 0)
        p = self.padding
        # Zeros are of the raw pixels, before they are normalised.
        self.images = torch.nn.functional.pad(split.images, (0, 0, p, p, p, p)) if p else split.images
        self.device = split.labels.device
        self.random = torch.Generator(self.device).manual_seed(recipe.seed)
        self.epochs = 0
        self.begins_flipped = self.uniform(len(self.labels)) < 0.5

    @property
    def count(self) -> int:
        """Of an epoch; the last may be smaller."""
        return -(-len(self.labels) // self.size)

    def epoch(self):
        order = torch.randperm(len(self.labels), generator=self.random, device=self.device) if self.shuffles \
            else self.range(len(self.labels))
        self.epochs += 1
        for chosen in order.split(self.size):
            yield self.augmented(chosen), self.labels[chosen]

    def augmented(self, chosen: torch.Tensor) -> torch.Tensor:
        n = len(chosen)
        flip = self.rules.get("horizontal_flip", 0)
        alternates = flip == "alternate"
        if not flip and not self.padding:
            images = self.normalize(self.images[chosen])
        else:
            rows = self.drawn(n, 2 * self.padding + 1)[:, None] + self.range(self.height)
            columns = self.range(self.width).expand(n, -1)
            mirrored = (self.begins_flipped[chosen] if self.epochs % 2 else ~self.begins_flipped[chosen])[:, None] \
                if alternates else self.uniform(n, 1) < flip
            columns = torch.where(mirrored, self.width - 1 - columns, columns)
            columns = columns + self.drawn(n, 2 * self.padding + 1)[:, None]
            images = self.normalize(self.images[chosen[:, None, None], rows[:, :, None], columns[:, None, :]])
        if self.rules.get("random_erasing"):
            self.erase(images, self.rules["random_erasing"])
        if self.rules.get("cutout"):
            self.cut(images, self.rules["cutout"])
        return images

    def drawn(self, n: int, bound: int) -> torch.Tensor:
        return torch.randint(bound, (n,), generator=self.random, device=self.device)

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self.random, device=self.device)

    def range(self, count: int) -> torch.Tensor:
        return torch.arange(count, device=self.device)

    def erase(self, images: torch.Tensor, probability: float) -> None:
        """A rectangle of 2 to 33 % of the area, sides in a quotient from 0.3 to 3.3, becomes 0; none if none of ten fits."""
        n, _, h, w = images.shape
        area = h * w * (0.02 + 0.31 * self.uniform(n, 10))
        quotient = torch.exp(math.log(0.3) + (math.log(3.3) - math.log(0.3)) * self.uniform(n, 10))
        heights, widths = (area / quotient).sqrt().round().long(), (area * quotient).sqrt().round().long()
        fits = (heights >= 1) & (heights <= h) & (widths >= 1) & (widths <= w)
        first = fits.int().argmax(1, keepdim=True)
        erased = (self.uniform(n) < probability) & fits.any(1)
        height, width = heights.gather(1, first)[:, 0], widths.gather(1, first)[:, 0]
        top = (self.uniform(n) * (h - height + 1)).long()
        left = (self.uniform(n) * (w - width + 1)).long()
        self.blank(images, erased, (top, top + height), (left, left + width))

    def cut(self, images: torch.Tensor, size: int) -> None:
        """A square around a pixel, cut off at the edges, becomes 0."""
        n, _, h, w = images.shape
        top, left = self.drawn(n, h) - size // 2, self.drawn(n, w) - size // 2
        self.blank(images, torch.ones(n, dtype=torch.bool, device=self.device), (top, top + size), (left, left + size))

    def blank(self, images: torch.Tensor, chosen: torch.Tensor, rows: tuple, columns: tuple) -> None:
        i, j = self.range(images.shape[2]), self.range(images.shape[3])
        inside = (i >= rows[0][:, None]) & (i < rows[1][:, None]) & chosen[:, None]
        across = (j >= columns[0][:, None]) & (j < columns[1][:, None])
        images.masked_fill_((inside[:, :, None] & across[:, None, :])[:, None], 0)
