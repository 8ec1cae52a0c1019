"""Small runs, and what they are trained on, for the tests of runs and commands."""

import functools
import importlib
import json
import shutil

import numpy as np
from PIL import Image

from vae_jax import data
from vae_jax.cli.train import main
from vae_jax.configs import CONFIGS
from vae_jax.runs import work

TIMES = ("seconds", "examples_per_second")
LINES = "it was a dark and stormy night;\nthe rain fell in torrents.\n" * 12


def train(folder, config, **options):
    """A run as a user starts it."""
    given = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        given.append(option if value is True else f"{option}={value}")
    assert main([config, *given, "--out", str(folder)]) == 0
    return folder


def resume(folder, *options):
    """A run as a user goes on with it."""
    return main(["--resume", str(folder), *options])


def few_samples(config):
    """The config, of ten importance samples."""

    @functools.wraps(config)
    def fewer(**options):
        experiment = config(**options)
        return experiment._replace(views=experiment.views._replace(importance_samples=10))

    return fewer


def shorten(patch, pictures=True):
    """Let every config have ten importance samples, in the place of thousands."""
    if not pictures:
        patch.setattr(work, "save_pictures", lambda *_: {})
    for name, config in CONFIGS.items():
        patch.setitem(CONFIGS, name, few_samples(config))


def few_digits(patch):
    """Let the digits be 400 to train and 40 to test, where their number does not matter."""
    module = importlib.import_module("vae_jax.data.load")
    load_all = module._load_digits

    def fewer():
        found = load_all()
        splits = zip((found.train, found.test), (400, 40), strict=True)
        train, test = (data.Split(*(leaf[:size] for leaf in split)) for split, size in splits)
        return found._replace(train=train, test=test)

    patch.setattr(module, "_load_digits", fewer)


def noise(name, raw=None, *, download=False):
    """200 noise images to train and 20 to test, where the real data have tens of thousands."""
    rng, levels = np.random.default_rng(0), 2 if name == "static_mnist" else 256

    def split(size):
        images = rng.integers(0, levels, (size, 28, 28, 1)).astype(np.uint8)
        return data.Split(images, (np.arange(size) % 10).astype(np.int32))

    return data.Dataset(name, split(200), None, split(20), max_value=levels - 1)


def bytes_of(size, shape=(8, 8, 1), seed=0):
    """Noise images."""
    return np.random.default_rng(seed).integers(0, 256, (size, *shape)).astype(np.uint8)


def write_pngs(folder, images):
    """A folder of images."""
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"{number:03}.png")
    return folder


def write_table(path, size=60):
    """A CSV of two columns of numbers and one of text."""
    rng = np.random.default_rng(0)
    colours = [("red", "blue", "green")[n % 3] for n in range(size)]
    rows = zip(rng.normal(70, 9, size), colours, rng.normal(1e9, 30, size), strict=True)
    lines = [f"{weight:.1f},{colour},{when:.0f}" for weight, colour, when in rows]
    path.write_text("\n".join(["weight,colour,when", *lines]))
    return path


def no_data(*args, **kwargs):
    raise AssertionError("data were read")


def copy(run, folder):
    """A run that may be spoilt."""
    shutil.copytree(run, folder)
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text())


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def timeless(folder):
    """The rows without what a clock says."""
    return [{name: row[name] for name in row if name not in TIMES} for row in rows(folder)]


def edit(folder, **changes):
    """Change config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def spelt(experiment, x, folder):
    """The lines that an experiment of text shows of its examples."""
    shown = experiment.views.show.examples(folder / "spelt", x, 1, "")
    lines = shown.read_text().removesuffix("\n").split("\n")
    return [line.replace("\N{RETURN SYMBOL}", "\n") for line in lines]
