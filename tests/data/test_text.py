"""Text in windows of characters, and line by line."""

import numpy as np
import pytest

from vae_jax.data import read_lines, read_text


def written(folder, content):
    path = folder / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_windows_are_consecutive_and_indices_of_the_sorted_vocabulary(tmp_path):
    text = "banana\r\nné😀!"
    split, vocabulary = read_text(written(tmp_path, text), 4)
    assert vocabulary == "".join(sorted(set(text)))
    assert split.x.shape == (3, 4)
    assert split.x.dtype == np.int32
    assert split.label is None
    assert "".join(vocabulary[i] for i in np.ravel(split.x)) == text


def test_the_end_that_fills_no_window_is_left_out(tmp_path):
    split, vocabulary = read_text(str(written(tmp_path, "abcabcz")), 3)
    assert split.x.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert vocabulary == "abcz"


def test_a_byte_order_mark_is_no_character(tmp_path):
    assert read_text(written(tmp_path, b"\xef\xbb\xbfab"), 2)[1] == "ab"


def test_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*a\.txt"):
        read_text(tmp_path / "a.txt", 3)
    with pytest.raises(ValueError, match=r"a\.txt has 0 characters, fewer than one window of 1:"):
        read_text(written(tmp_path, ""), 1)
    with pytest.raises(ValueError, match="window of 4: length=<at most 3>, or a longer"):
        read_text(written(tmp_path, "éab"), 4)
    with pytest.raises(ValueError, match=r"a\.txt is not UTF-8: .* at byte 2\. Convert it"):
        read_text(written(tmp_path, "pré".encode("latin1")), 2)
    with pytest.raises(ValueError, match=r"length=0, and needs 1 or more"):
        read_text(written(tmp_path, "abc"), 0)


def test_lines_are_padded_and_have_their_lengths(tmp_path):
    """Of Unix and of Windows; those without a character, and longer ones, are left out."""
    lines = read_lines(written(tmp_path, "ba\r\n\nné😀\n \nlonger\r\nab"), 3)
    assert lines.vocabulary == " abné😀"
    assert lines.split.x.tolist() == [[2, 1, -1], [3, 4, 5], [0, -1, -1], [1, 2, -1]]
    assert lines.split.label.tolist() == [2, 3, 1, 2]
    assert (lines.split.x.dtype, lines.split.label.dtype) == (np.int32, np.int32)
    assert lines.longer == 1
    assert read_lines(written(tmp_path, "ab\n"), 2).split.x.tolist() == [[0, 1]]


def test_no_lines_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no line of 1 \.\. 2 .*: length=<at least 3>, or anothe"):
        read_lines(written(tmp_path, "abc\nabcd\n"), 2)
    with pytest.raises(ValueError, match=r"no line of 1 \.\. 2 characters: another text"):
        read_lines(written(tmp_path, "\n\n"), 2)
    with pytest.raises(ValueError, match="length=0, and needs 1 or more"):
        read_lines(written(tmp_path, "abc"), 0)
