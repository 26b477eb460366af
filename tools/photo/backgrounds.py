#!/usr/bin/env python3
"""Makes ordinary pictures from a few free ones: random crops, and drawings pasted on textures.

    tools/photo/backgrounds.py PHOTOS DRAWINGS COUNT OUT

PHOTOS is a folder of photos, DRAWINGS openclipart's folder of PNG drawings with transparent backgrounds. OUT gets COUNT
pictures 000000.jpg … of 256×256 pixels. The same folders give the same pictures. Needs the package Pillow.
"""
import pathlib
import random
import sys

from PIL import Image, ImageEnhance, ImageFilter

SIZE = 256
SHOWN = {"animals", "buildings", "food", "office", "people", "plants", "recreation", "tools", "transportation"}


def crop_of(picture, rng):
    """A random square of 25 to 100 % of the shorter side, mirrored half of the time."""
    side = int(min(picture.size) * rng.uniform(0.25, 1))
    left, top = rng.randint(0, picture.width - side), rng.randint(0, picture.height - side)
    crop = picture.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else crop


def jittered(picture, rng):
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhancer(picture).enhance(rng.uniform(0.6, 1.4))
    return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5))) if rng.random() < 0.3 else picture


def with_drawings(picture, drawings, rng):
    for _ in range(rng.randint(1, 2)):
        drawing = Image.open(rng.choice(drawings)).convert("RGBA")
        side = int(SIZE * rng.uniform(0.3, 0.9))
        drawing.thumbnail((side, side))
        at = rng.randint(-side // 4, SIZE - side * 3 // 4), rng.randint(-side // 4, SIZE - side * 3 // 4)
        picture.paste(drawing, at, drawing)
    return picture


def main(photo_folder, drawing_folder, count, out):
    photos = [Image.open(path).convert("RGB") for path in sorted(pathlib.Path(photo_folder).iterdir())]
    # Small files only, because some drawings have hundreds of megapixels.
    drawings = [path for path in sorted(pathlib.Path(drawing_folder).rglob("*.png"))
                if path.stat().st_size < 40_000 and set(path.parts) & SHOWN]
    if not photos or not drawings:
        sys.exit(f"expected pictures in {photo_folder} and {drawing_folder}")
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    for i in range(int(count)):
        picture = crop_of(rng.choice(photos), rng)
        if i % 2:
            picture = with_drawings(picture, drawings, rng)
        jittered(picture, rng).save(folder / f"{i:06}.jpg", quality=90)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
