"""Small images of every kind and the pixels that other programs read from them: python make.py (Pillow, NumPy)

PNG files are written here byte by byte, because Pillow writes few of their kinds, and their pixels follow from the input.
JPEG files and their pixels are Pillow's, whose libjpeg-turbo is another version than Debian's; resized images are Pillow's
too. expected.npz holds an array a file, [height, width, channels], and resized ones.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

rng = np.random.default_rng(7)
expected = {}


def picture(height, width, channels=3):
    """Smooth colours with a little noise, as in a photograph."""
    i, j = np.mgrid[0:height, 0:width]
    planes = [128 + 90 * np.sin(i / (3 + c) + c) + 30 * np.cos(j / (2 + c)) for c in range(channels)]
    noisy = np.stack(planes, -1) + rng.normal(0, 6, (height, width, channels))
    return noisy.clip(0, 255).astype("uint8")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples, depth):
    """Rows of [height, width, channels] as PNG packs them, each with filter 0."""
    rows = b""
    for row in samples.reshape(len(samples), -1):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype("uint8").tobytes()
        else:
            bits = "".join(format(v, f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))
        rows += b"\0" + data
    return rows


def png(name, samples, depth, colour, before=b"", interlaced=False):
    height, width = samples.shape[:2]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        parts = [samples[i::di, j::dj] for i, j, di, dj in passes]
        data = b"".join(packed(part, depth) for part in parts if part.size)
    else:
        data = packed(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
    file += chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    open(name, "wb").write(file)
    return file


def spread(samples, depth):
    """Samples of any depth as bytes: exact below 8 bits, rounded for 16."""
    wide = samples.astype("int64")
    return ((wide * 255 + 32895) >> 16 if depth == 16 else wide * (255 // (2**depth - 1))).astype("uint8")


H, W = 11, 13
for depth in 1, 2, 4, 8, 16:
    for interlaced in False, True:
        grey = rng.integers(0, 2**depth, (H, W, 1))
        name = f"grey{depth}{'-interlaced' if interlaced else ''}.png"
        png(name, grey, depth, 0, interlaced=interlaced)
        expected[name] = spread(grey, depth)
for depth in 8, 16:
    for colour, channels in (2, 3), (4, 2), (6, 4):
        samples = rng.integers(0, 2**depth, (H, W, channels))
        name = f"colour{colour}-{depth}.png"
        png(name, samples, depth, colour, interlaced=depth == 8)
        expected[name] = spread(samples, depth)
for depth in 1, 2, 4, 8:
    palette = rng.integers(0, 256, (2**depth, 3)).astype("uint8")
    alpha = rng.integers(0, 256, 2**depth).astype("uint8")
    indices = rng.integers(0, 2**depth, (H, W, 1))
    plte, trns = chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", alpha.tobytes())
    png(f"palette{depth}.png", indices, depth, 3, plte)
    expected[f"palette{depth}.png"] = palette[indices[..., 0]]
    png(f"palette{depth}-alpha.png", indices, depth, 3, plte + trns)
    expected[f"palette{depth}-alpha.png"] = np.concatenate([palette, alpha[:, None]], 1)[indices[..., 0]]
grey = rng.integers(0, 4, (H, W, 1))
png("grey2-transparent.png", grey, 2, 0, chunk(b"tRNS", struct.pack(">H", 2)))
expected["grey2-transparent.png"] = np.concatenate([grey * 85, np.where(grey == 2, 0, 255)], -1).astype("uint8")
# What says how colours are meant is not applied: neither gamma nor a profile, even a broken one.
rgb = picture(H, W)
ancillary = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"cHRM", bytes(32)) + chunk(b"iCCP", b"x\0\0broken")
png("gamma.png", rgb, 8, 2, ancillary + chunk(b"sBIT", b"\5\5\5") + chunk(b"bKGD", bytes(6)))
expected["gamma.png"] = rgb
exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
png("exif.png", rgb, 8, 2, chunk(b"eXIf", exif))
expected["exif.png"] = np.rot90(rgb, -1)

def jpeg(name, image, **options):
    image.save(name, "JPEG", **options)
    read = np.asarray(ImageOps.exif_transpose(Image.open(name)))
    expected[name] = read if read.ndim == 3 else read[..., None]


photo = Image.fromarray(picture(23, 37))
jpeg("grey.jpg", photo.convert("L"), quality=85)
for sampling in "4:4:4", "4:2:2", "4:2:0":
    jpeg(f"sampling{sampling.replace(':', '')}.jpg", photo, quality=80, subsampling=sampling)
jpeg("progressive.jpg", photo, quality=80, progressive=True)
jpeg("optimized-restarts.jpg", photo, quality=30, optimize=True, restart_marker_blocks=2)
jpeg("rgb.jpg", photo, quality=90, keep_rgb=True)
jpeg("quality5.jpg", photo, quality=5)
small = Image.fromarray(picture(8, 6))
for orientation in range(1, 9):
    tags = Image.Exif()
    tags[0x0112] = orientation
    jpeg(f"orientation{orientation}.jpg", small, quality=90, exif=tags)
photo.convert("CMYK").save("cmyk.jpg", "JPEG")

large = picture(61, 83)
expected["large"] = large
for size in (30, 41), (7, 5), (61, 20), (100, 83), (64, 97), (1, 1):
    expected[f"resized-{size[0]}x{size[1]}"] = np.asarray(
        Image.fromarray(large).resize(size[::-1], Image.Resampling.BILINEAR))

np.savez_compressed("expected.npz", **{name: np.ascontiguousarray(array)[None] for name, array in expected.items()})
