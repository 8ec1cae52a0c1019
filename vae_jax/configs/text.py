"""Anybody's text: a VAE of short windows of characters, or of lines."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained, Views, batch
from vae_jax.configs.lengths import epochs_of
from vae_jax.configs.preset import preset
from vae_jax.networks import one_hot
from vae_jax.types import Array, Batch

_CHOICES = Choices(likelihood="categorical")
_LEAST = 3  # lines: of fewer none can be held out


class _Text(NamedTuple):
    """A text as it is trained on."""

    train: Batch
    test: Batch
    vocabulary: str
    note: str


def text(
    *,
    data: Path,
    length: int = 32,
    lines: bool = False,
    epochs: int | None = None,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    choices: Choices = _CHOICES,
    seed: int = 0,
    vocabulary: str | None = None,
    lengths: tuple[int, ...] | None = None,
) -> Experiment:
    """Windows of a text file; given z, each character is drawn by itself: p(x|z) = prod_t p(x_t|z).
    By --decoder transformer, wavenet, gru or lstm, each given those before it too.

    With --lines each line is a sequence by itself, and how long it is a condition: encoder and
    decoder are told it, and log p(x|length) is of its characters.

    `python -m experiments.train text --data lines.txt --lines --length 48 --network gru --decoder
    lstm --word-dropout 0.3 --epochs 3 --beta-warmup 100`, of the first 12,000 lines of the file
    tinyshakespeare, gave on the 893 held out -ELBO 92.1 +- 1.3 and -log p(x|length) 91.8 (10
    samples, of which seven count: a bound), 4.28 bits a character, where characters by themselves
    have 4.47 (about 240 steps, November 2026).

    Args:
      data: A text file in UTF-8; a tenth of its windows, or lines, is held out.
      length: Characters of a window; of lines the most: longer ones are left out.
      lines: Lines of several lengths in the place of windows; empty ones are left out.
      epochs: Passes over the training examples; by default those of 4,000 steps, at most 250.
      batch_size: Windows, or lines, a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      choices: Networks, objective and more.
      seed: Of everything that is drawn.
      vocabulary: The characters there are; by default read from the file.
      lengths: Of lines, how many there are of each length from 0 on; by default read from the file.
    """
    check_count("latents", latents)
    check_count("length", length)
    _check_lengths(lengths, length, lines)
    read = functools.cache(functools.partial(_lines if lines else _windows, data, length))
    characters = vocabulary or read().vocabulary
    K = len(characters)
    if epochs is None:
        epochs = epochs_of(len(read().train["x"]), batch_size)
    found: dict[str, object] = {"epochs": epochs, "vocabulary": characters}
    if lines and lengths is None:
        lengths = tuple(np.bincount(read().train["c"], minlength=length + 1).tolist())
    found |= {"lengths": lengths} if lines else {}

    def load() -> Data:
        if read().vocabulary != characters:
            raise ValueError(f"{data} is not made of the {K} characters of the vocabulary.")
        return Data(read().train, read().test, None, (read().note,))

    def spell(x: Array) -> str:
        return "".join(characters[i] for i in np.asarray(x) if i >= 0)

    form = Form((length,), K, likelihoods=("categorical",), padded=lines)
    made = parts(choices, _CHOICES, form, latents, preprocess=one_hot(K, missing=lines))
    return Experiment(
        Trained(made.model, made.step, learning_rate, batch_size, epochs, seed),
        Examples(load, num_levels=1, found=found),
        Views(
            made.rate,
            made.draws or 100,
            made.score,
            show=show.text(spell),
            lengths=lengths or (),
        ),
    )


def _check_lengths(lengths: tuple[int, ...] | None, length: int, lines: bool) -> None:
    if lengths is not None and (not lines or len(lengths) != length + 1):
        raise ValueError(
            f"lengths are of lines=True, a number for each of 0 .. {length}; got {len(lengths)} of"
            f" {'lines' if lines else 'windows'}: leave them out, and they are read from the file."
        )


def _windows(path: Path, length: int) -> _Text:
    """All of the text, cut into windows."""
    windows, vocabulary = datasets.read_text(path, length)
    size, K = len(windows.x), len(vocabulary)
    cut = f"{size:,} windows of {length} of its characters, of which {K} are different."
    train, test = datasets.hold_out(windows)
    return _Text(batch(train), batch(test), vocabulary, f"{Path(path).name}: {cut}")


def _lines(path: Path, length: int) -> _Text:
    """Its lines, and how long each is as the condition."""
    every, vocabulary, longer = datasets.read_lines(path, length)
    size, K = len(every.x), len(vocabulary)
    if size < _LEAST:
        raise ValueError(
            f"{path} has {size} lines of 1 to {length} characters, and {_LEAST} or more are needed,"
            " some to train on and some held out: length=<more>, or a longer text."
        )
    found = f"{size:,} lines of 1 to {length} characters, of which {K} are different."
    left_out = f" {longer:,} longer lines were left out." if longer else ""
    train, test = (batch(split, conditional=True) for split in datasets.hold_out(every))
    return _Text(train, test, vocabulary, f"{Path(path).name}: {found}{left_out}")


shakespeare = preset(
    "shakespeare",
    text,
    """Windows of 64 characters, by a Transformer that is told z and the characters before.

    Such a decoder can do without z: the rate comes in slowly, and three of ten characters are not
    told what is before them; the mutual information at the end says whether z is used.

    `python -m experiments.train shakespeare --data input.txt`, of the file tinyshakespeare, stopped
    after 9 of its 26 epochs and gone on with by `--resume RUN --epochs 12`, gave on the 1,743
    windows held out -ELBO 104.24 +- 0.37 and -log p(x) 103.98 (10 samples), 2.34 bits a character,
    where characters by themselves have 4.79 (some 10 minutes of processor time, two shared cores,
    November 2026). The rate is 0.77, all of which tells of x, by one active unit: z is hardly used.

    Reference: Bowman et al. 2016, arXiv 1511.06349, with a Transformer in the place of an LSTM.""",
    length=64,
    choices=replace(_CHOICES, decoder="transformer", word_dropout=0.3, beta_warmup=2000),
)

shakespeare_wavenet = preset(
    "shakespeare_wavenet",
    text,
    """The same by dilated causal convolutions.

    `python -m experiments.train shakespeare_wavenet --data input.txt --epochs 6 --beta-warmup 500`
    gave, on the 1,743 windows held out, -ELBO 134.3 +- 0.3 and -log p(x) 134.1 (10 samples), 3.02
    bits a character, where characters by themselves have 4.79 (13 minutes on two cores of which
    other work took nearly all, November 2026). The rate is 0.06: z was given up. The 25 epochs and
    the 2,000 steps of the defaults were not tried.

    Reference: Yang et al. 2017, arXiv 1702.08139, of dilated convolutions as decoders of text.""",
    length=64,
    choices=replace(_CHOICES, decoder="wavenet", word_dropout=0.3, beta_warmup=2000),
)
