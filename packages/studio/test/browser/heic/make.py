"""Makes the HEIC files here: four plain colors, with Debian's heif-enc (libheif 1.15) and Pillow."""

import struct
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

here = Path(__file__).parent


def picture(opaque=True):
    """96 by 64 pixels: red and green above, blue and yellow below, or nothing where it is yellow."""
    image = Image.new("RGBA", (96, 64))
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, 47, 31], fill=(200, 40, 40))
    draw.rectangle([48, 0, 95, 31], fill=(40, 160, 60))
    draw.rectangle([0, 32, 47, 63], fill=(40, 60, 200))
    draw.rectangle([48, 32, 95, 63], fill=(220, 200, 50, 255 if opaque else 0))
    return image if not opaque else image.convert("RGB")


def encoded(image):
    with tempfile.TemporaryDirectory() as folder:
        png, heic = Path(folder, "a.png"), Path(folder, "a.heic")
        image.save(png)
        subprocess.run(["heif-enc", "-q", "60", png, "-o", heic], check=True)
        return heic.read_bytes()


def boxes(data, start, end):
    found = {}
    while start < end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        found[kind] = (start, start + size)
        start += size
    return found


def with_property(data, kind, value):
    """Adds `irot` or `imir` to the one picture of a file, as cameras do."""
    data = bytearray(data)
    meta, meta_end = boxes(data, 0, len(data))[b"meta"]
    inside = boxes(data, meta + 12, meta_end)
    iprp, iprp_end = inside[b"iprp"]
    ipco, ipco_end = boxes(data, iprp + 8, iprp_end)[b"ipco"]
    ipma, ipma_end = boxes(data, iprp + 8, iprp_end)[b"ipma"]
    count, start = 0, ipco + 8
    while start < ipco_end:
        start += struct.unpack(">I", data[start : start + 4])[0]
        count += 1
    box = struct.pack(">I4sB", 9, kind, value)
    grown = len(box) + 1
    # The pixels follow the header of the box after this one; where they are is written in four bytes.
    iloc, iloc_end = inside[b"iloc"]
    at = data.index(struct.pack(">I", meta_end + 8), iloc, iloc_end)
    data[at : at + 4] = struct.pack(">I", meta_end + 8 + grown)
    for begin, by in ((meta, grown), (iprp, grown), (ipco, len(box)), (ipma, 1)):
        (size,) = struct.unpack(">I", data[begin : begin + 4])
        data[begin : begin + 4] = struct.pack(">I", size + by)
    data[ipma + 18] += 1  # properties of the item
    data[ipma_end:ipma_end] = bytes([0x80 | count + 1])
    data[ipco_end:ipco_end] = box
    return bytes(data)


plain = encoded(picture())
(here / "turned.heic").write_bytes(with_property(plain, b"irot", 3))  # a quarter to the right
(here / "mirrored.heic").write_bytes(with_property(plain, b"imir", 1))  # left is right
(here / "clear.heic").write_bytes(encoded(picture(opaque=False)))
