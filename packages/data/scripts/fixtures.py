"""Makes test/fixtures: what Pillow, timm and torchvision give, for the tests to compare with.

    ../shared/reference/python.sh DIR      then   DIR/bin/python packages/data/scripts/fixtures.py REFERENCE

REFERENCE is the folder of timm_cpu.py, which makes timm importable beside a CPU torch.
"""
import base64
import io
import json
import pathlib
import struct
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, sys.argv[1])
import timm_cpu  # noqa: E402,F401
import torch  # noqa: E402
from timm.data.transforms_factory import transforms_imagenet_eval  # noqa: E402
from torchvision.transforms import transforms as tv  # noqa: E402

folder = pathlib.Path(__file__).parent.parent / 'test' / 'fixtures'
folder.mkdir(parents=True, exist_ok=True)


def generated(width, height):
    """A picture the tests make themselves: a linear congruential generator's high bytes, half of it smoothed away."""
    state, values = 1, []
    for i in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 24) if (i // 3) % width < width // 2 else (i * 5) % 256)
    return Image.fromarray(np.array(values, np.uint8).reshape(height, width, 3))


def encoded(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


resampling = {'bicubic': Image.BICUBIC, 'bilinear': Image.BILINEAR, 'lanczos': Image.LANCZOS, 'box': Image.BOX, 'nearest': Image.NEAREST}
sizes = [((13, 9), (5, 4)), ((13, 9), (17, 11)), ((13, 9), (13, 3)), ((13, 9), (4, 9)), ((13, 9), (1, 1)),
         ((1, 1), (3, 2)), ((2, 7), (7, 2)), ((97, 61), (8, 7))]
resize = [{'from': source, 'to': target, 'interpolation': name,
           'data': encoded(np.asarray(generated(*source).resize(target, filter)))}
          for source, target in sizes for name, filter in resampling.items()]

imagenet = {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}
half = {'mean': [0.5, 0.5, 0.5], 'std': [0.5, 0.5, 0.5]}
evaluate = []
for source, height, width, interpolation, crop_pct, crop_mode, norm in [
    ((31, 23), 8, 8, 'bicubic', 0.9, 'center', imagenet),
    ((23, 40), 8, 8, 'bilinear', 0.875, 'center', half),
    ((7, 5), 9, 9, 'bicubic', 1.0, 'center', half),
    ((31, 23), 8, 8, 'bicubic', 0.9, 'squash', imagenet),
    ((31, 23), 9, 8, 'bicubic', 0.95, 'border', imagenet),
    ((31, 12), 8, 8, 'lanczos', 1.0, 'border', half),
    ((31, 23), 6, 10, 'bicubic', 0.9, 'center', imagenet),
]:
    transform = transforms_imagenet_eval((height, width), crop_pct, crop_mode, interpolation=interpolation, **norm)
    tensor = transform(generated(*source))
    assert tensor.shape == (3, height, width)
    evaluate.append({'from': source, 'preprocessing': {
        'inputSize': [3, height, width], 'interpolation': interpolation, 'cropPct': crop_pct, 'cropMode': crop_mode, **norm,
    }, 'values': encoded(tensor.permute(1, 2, 0).numpy())})


class Given:
    """Stands for torch inside RandomResizedCrop.get_params: its random numbers are those of a list."""

    def __init__(self, draws):
        self.draws = list(draws)

    def empty(self, _):
        return self

    def uniform_(self, low, high):
        return torch.tensor([float(low) + (float(high) - float(low)) * self.draws.pop(0)])

    def randint(self, low, high, size):
        return torch.tensor([low + int(self.draws.pop(0) * (high - low))])

    log, exp, tensor = torch.log, torch.exp, torch.tensor


boxes = []
for seed, (width, height) in enumerate([(64, 64), (500, 375), (333, 500), (60, 50), (400, 5), (5, 400)]):
    draws = np.random.default_rng(seed).random(40, dtype=np.float32)
    # torchvision draws the corner only once a try has succeeded: find the try, then give it its four numbers.
    real = tv.torch
    for attempt in range(11):
        tried = [float(d) for i in range(attempt) for d in draws[4 * i:4 * i + 2]]
        given = tried + ([float(d) for d in draws[4 * attempt:4 * attempt + 4]] if attempt < 10 else [])
        tv.torch = Given(given)
        try:
            top, left, h, w = tv.RandomResizedCrop.get_params(generated(width, height), (0.08, 1.0), (3 / 4, 4 / 3))
        except IndexError:
            continue
        finally:
            tv.torch = real
        break
    boxes.append({'from': [width, height], 'draws': encoded(draws),
                  'box': {'left': left, 'top': top, 'width': w, 'height': h}})

smooth = generated(97, 61).resize((17, 11), Image.BICUBIC)
files = {}


def save(name, image, expected=None, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    (folder / name).write_bytes(buffer.getvalue())
    back = Image.open(io.BytesIO(buffer.getvalue())) if expected is None else expected
    back = back.convert('RGB')
    files[name] = {'width': back.width, 'height': back.height, 'data': encoded(np.asarray(back))}


rotated = Image.Exif()
rotated[0x0112] = 6
save('444.jpg', smooth, format='JPEG', quality=90, subsampling=0)
save('420.jpg', smooth, format='JPEG', quality=75, subsampling=2)
save('progressive.jpg', smooth, format='JPEG', quality=75, progressive=True)
save('gray.jpg', smooth.convert('L'), format='JPEG', quality=90)
save('exif.jpg', smooth, format='JPEG', quality=90, subsampling=0, exif=rotated)
with Image.open(folder / 'exif.jpg') as turned:
    from PIL import ImageOps
    upright = ImageOps.exif_transpose(turned).convert('RGB')
files['exif.jpg'] = {'width': upright.width, 'height': upright.height, 'data': encoded(np.asarray(upright))}
alpha = smooth.convert('RGBA')
alpha.putalpha(Image.linear_gradient('L').resize(smooth.size))
save('alpha.png', alpha, expected=smooth, format='PNG')
save('palette.png', smooth.quantize(16), format='PNG')
deep = (np.asarray(smooth.convert('L')).astype(np.uint16) * 257)
save('gray16.png', Image.fromarray(deep), expected=smooth.convert('L'), format='PNG')
save('lossless.webp', smooth, format='WEBP', lossless=True)
save('24.bmp', smooth, format='BMP')
save('32.bmp', alpha, expected=smooth, format='BMP')
save('palette8.bmp', smooth.quantize(16), format='BMP')
save('palette1.bmp', smooth.convert('1'), format='BMP')
save('color.ppm', smooth, format='PPM')
save('gray.pgm', smooth.convert('L'), format='PPM')
save('bits.pbm', smooth.convert('1'), format='PPM')


def write(name, content):
    """A file that Pillow reads but does not write."""
    (folder / name).write_bytes(content)
    image = Image.open(io.BytesIO(content)).convert('RGB')
    files[name] = {'width': image.width, 'height': image.height, 'data': encoded(np.asarray(image))}


def bitmap(height, depth, palette, data, compression=0, masks=b''):
    """A Windows bitmap 17 pixels wide."""
    start = 54 + len(masks) + len(palette)
    info = struct.pack('<IiiHHIIiiII', 40, 17, height, 1, depth, compression, len(data), 0, 0, len(palette) // 4, 0)
    return struct.pack('<2sIHHI', b'BM', start + len(data), 0, 0, start) + info + masks + palette + data


noise = np.random.default_rng(0)
write('top-down16.bmp', bitmap(-11, 16, b'', noise.integers(0, 1 << 15, (11, 18), dtype=np.uint16).tobytes()))
masks = struct.pack('<III', 0xf800, 0x7e0, 0x1f)
write('fields16.bmp', bitmap(11, 16, b'', noise.integers(0, 1 << 16, (11, 18), dtype=np.uint16).tobytes(), 3, masks))
write('palette4.bmp', bitmap(11, 4, noise.bytes(16 * 4), noise.bytes(12 * 11)))
values = noise.integers(0, 32, (2, 3, 3)).ravel().tolist()
write('text.ppm', f'P3\n# a comment\n3 2 # another\n31\n{" ".join(map(str, values))}\n'.encode())
write('text.pgm', b'P2 3 2 200\n0 1 2\n100 199 200')
write('text.pbm', b'P1\n# no spaces\n5 2\n01011\n1 1 000')
write('deep.ppm', b'P6 3 2 65535\n' + noise.bytes(3 * 2 * 3 * 2))

(folder / 'reference.json').write_text(
    json.dumps({'resize': resize, 'evaluate': evaluate, 'boxes': boxes, 'files': files}, separators=(',', ':')) + '\n')
print(sum(f.stat().st_size for f in folder.iterdir()), 'bytes')
