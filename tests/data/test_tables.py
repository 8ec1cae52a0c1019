"""Tables from arrays, CSV and Parquet: the same columns, and what is refused."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from vae_jax.data import read_array, read_table

ROWS = [("red", 1.5, 7), ("blue", -2.0, 8), ("red", 0.25, 9), ("green", 1e9, 10), ("blue", 3.0, 7)]
NUMBERS = np.array([row[1:] for row in ROWS])
CODES = [2, 0, 2, 1, 0]  # of blue, green, red


def write(folder, lines, name="a.csv"):
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def as_csv(folder, mark=",", name="a.csv"):
    lines = [f"colour{mark}weight{mark}size"]
    return write(folder, lines + [mark.join(map(str, row)) for row in ROWS], name)


def as_parquet(folder, **types):
    columns = dict(zip(("colour", "weight", "size"), zip(*ROWS, strict=True), strict=True))
    made = {name: pyarrow.array(values, types.get(name)) for name, values in columns.items()}
    pyarrow.parquet.write_table(pyarrow.table(made), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize(
    "make",
    [
        as_csv,
        lambda folder: as_csv(folder, ";"),
        lambda folder: as_csv(folder, "\t", "a.tsv"),
        as_parquet,
        lambda folder: as_parquet(folder, size=pyarrow.int8(), weight=pyarrow.float32()),
        lambda folder: as_parquet(folder, colour=pyarrow.dictionary(pyarrow.int8(), "string")),
    ],
)
def test_numbers_and_classes(make, tmp_path):
    table = read_table(make(tmp_path))
    assert (table.name, table.numbers) == ("a", ("weight", "size"))
    assert table.classes == {"colour": ("blue", "green", "red")}
    assert (table.every.numbers.dtype, table.every.codes.dtype) == (np.float64, np.int32)
    np.testing.assert_array_equal(table.every.numbers, NUMBERS)
    assert table.every.codes[:, 0].tolist() == CODES
    assert table.every.label is None


def test_a_part_is_held_out(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(40.0)[:, None], y=np.arange(40))
    train, test = read_table(tmp_path / "a.npz").divide(0.25, seed=3)
    order = np.random.default_rng(3).permutation(40)
    for part, places in ((train, order[:30]), (test, order[30:])):
        np.testing.assert_array_equal(part.numbers[:, 0], places)
        np.testing.assert_array_equal(part.label, places)
        assert part.codes.shape == (len(places), 0)
    with pytest.raises(ValueError, match="would take 2 of 2 examples"):
        read_table(write(tmp_path, ["a", "1", "2"])).divide()


def test_digits_that_float32_does_not_have(tmp_path):
    """Seconds of this century: spaced by 128 in float32."""
    path = write(tmp_path, ["when", *(str(1_700_000_000 + i) for i in range(5))])
    assert read_table(path).every.numbers[:, 0].tolist() == [1_700_000_000 + i for i in range(5)]


def test_a_file_without_names(tmp_path):
    table = read_table(write(tmp_path, ["1,2", "", "3,4", "5,6.5", " 7 ,-8e-1"]))
    assert table.numbers == ("x0", "x1")
    assert table.every.numbers.tolist() == [[1, 2], [3, 4], [5, 6.5], [7, -0.8]]
    assert table.every.codes.shape == (4, 0)


def test_cells_in_quotes(tmp_path):
    path = write(tmp_path, ['"a, b",c', '"x, ""y""",1', "z,2", "z,3"])
    table = read_table(path)
    assert table.classes == {"a, b": ('x, "y"', "z")}
    assert table.every.numbers[:, 0].tolist() == [1, 2, 3]


def test_text_alone(tmp_path):
    table = read_table(write(tmp_path, ["a,b", "x,True", "y,False", "x,True"]))
    assert (table.numbers, table.every.numbers.shape) == ((), (3, 0))
    assert table.classes == {"a": ("x", "y"), "b": ("False", "True")}


def test_columns_that_are_left_out(tmp_path):
    table = read_table(as_csv(tmp_path), leave_out=("colour", "size"))
    assert (table.numbers, table.classes) == (("weight",), {})
    np.testing.assert_array_equal(table.every.numbers[:, 0], NUMBERS[:, 0])
    np.save(tmp_path / "a.npy", NUMBERS)
    table = read_table(tmp_path / "a.npy", leave_out=["x0"])
    assert table.numbers == ("x1",)
    np.testing.assert_array_equal(table.every.numbers[:, 0], NUMBERS[:, 1])
    for path in (tmp_path / "a.csv", tmp_path / "a.npy", as_parquet(tmp_path)):
        with pytest.raises(ValueError, match=r"has no column 'mass' to leave out; it has \w+, "):
            read_table(path, leave_out=["mass"])


def test_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=NUMBERS, y=np.arange(5))
    table = read_table(tmp_path / "a.npz")
    assert (table.numbers, table.classes) == (("x0", "x1"), {})
    np.testing.assert_array_equal(table.every.numbers, NUMBERS)
    assert table.every.label.tolist() == [0, 1, 2, 3, 4]
    np.savez(tmp_path / "a.npz", x_train=NUMBERS, x_test=NUMBERS[:1] + 1)
    table = read_table(tmp_path / "a.npz")
    train, test = table.divide()
    np.testing.assert_array_equal(train.numbers, NUMBERS)
    np.testing.assert_array_equal(test.numbers, NUMBERS[:1] + 1)
    np.savez(tmp_path / "a.npz", one=NUMBERS, other=NUMBERS[:4])
    assert len(read_table(tmp_path / "a.npz", key="other").every.numbers) == 4
    with pytest.raises(ValueError, match=r"outside -1 \.\. 1"):
        read_array(tmp_path / "a.npz", key="one")  # which is what images are asked for


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,b", "1,2", "3,", "5,6"], r"column 'b' has 1 missing .* row 2 of 3: .*--leave-out"),
        (["a,b", "1,x", "3,y", "NA,y"], r"column 'a' has 1 missing .* row 3 of 3"),
        (["a,b", "1,x", "3,?", "4,y"], r"column 'b' has 1 missing .* row 2 of 3"),
        (["a,b", "1,2", "inf,3", "4,5"], r"column 'a' has 1 missing or infinite .* row 2"),
        (["a,b", "1,x", "2,x", "3,x"], r"column 'b' is 'x' in every row: leave it out"),
        (["a,b", "1,2", "two,3", "3,4"], r"column 'a' has numbers, but for 1 .* 'two' in row 2"),
        (
            ["a,2019", "x,1", "y,2"],
            r"the first row, a, 2019, has numbers and texts.*Put a row",
        ),
        ([",b", "0,1", "1,2"], r"a column has no name.*save with index=False"),
        (["a,a", "0,1", "1,2"], r"two columns are called 'a'"),
        (["a,b", "1,2", "3", "4,5"], r"a\.csv, line 3: it has 1 cells, and the first has 2"),
        (["a,b", '"1,2', "3,4"], r"a\.csv, line \d: "),
        (["a,b"], "has a line of names and no row"),
        (["a", *(f"name {i}" for i in range(101))], r"'a' has 101 different texts in 101 rows, 'n"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(lines, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path, lines))


def test_a_csv_that_is_no_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.csv is empty"):
        read_table(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes("größe\n1\n2\n3\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.csv is not UTF-8"):
        read_table(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes("größe\n1\n2\n3\n".encode("utf-8-sig"))
    assert read_table(tmp_path / "a.csv").numbers == ("größe",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pyarrow.array([1.0, None, 3.0]), "column 'a' has 1 missing .* row 2 of 3"),
        (pyarrow.array([1.0, float("nan"), 3.0]), "column 'a' has 1 missing .* row 2 of 3"),
        (pyarrow.array(["x", None, "y"]), "column 'a' has 1 missing .* row 2 of 3"),
        (pyarrow.array([0, 1, 2], pyarrow.timestamp("s")), r"column 'a' is timestamp\[ms\], and"),
        (pyarrow.array([[1], [2], [3]]), "column 'a' is list<.*--leave-out"),
        (pyarrow.array([], "int8"), "has no row"),
    ],
)
def test_what_is_wrong_with_parquet_is_named(values, message, tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": values}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "a.parquet")


def test_parquet_damaged_or_with_the_index_of_pandas(tmp_path):
    path = as_parquet(tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"a\.parquet is damaged, or not Parquet"):
        read_table(path)
    table = pyarrow.table({"a": [1, 2, 3], "__index_level_0__": [0, 5, 7]})
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(ValueError, match=r"a column has no name.*index=False"):
        read_table(path)


def test_other_files(tmp_path):
    with pytest.raises(ValueError, match=r"a\.xlsx is not one of \.csv, \.tsv, \.parquet, \.npy"):
        read_table(tmp_path / "a.xlsx")
    with pytest.raises(FileNotFoundError, match=r"There is no file .*a\.csv"):
        read_table(tmp_path / "a.csv")
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 2)))
    with pytest.raises(ValueError, match=r"x has shape \[4, 2, 2\], and \[N, D\] is needed"):
        read_table(tmp_path / "a.npy")


def test_numbers_may_be_missing_where_that_is_said(tmp_path):
    path = write(tmp_path, ["a,b,c", "1,,x", "NA,3,y", "4,5,y"])
    table = read_table(path, missing=True)
    np.testing.assert_array_equal(table.every.numbers, [[1, np.nan], [np.nan, 3], [4, 5]])
    assert table.classes == {"c": ("x", "y")}
    with pytest.raises(ValueError, match=r"model what is there \(missing=True, --missing\), fill"):
        read_table(path)
    values = pyarrow.table({"a": pyarrow.array([1, None, 3]), "b": [0.5, float("nan"), 2.0]})
    pyarrow.parquet.write_table(values, tmp_path / "a.parquet")
    found = read_table(tmp_path / "a.parquet", missing=True).every.numbers
    np.testing.assert_array_equal(found, [[1, 0.5], [np.nan, np.nan], [3, 2]])
    np.save(tmp_path / "a.npy", found)
    np.testing.assert_array_equal(read_table(tmp_path / "a.npy", missing=True).every.numbers, found)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,b", "1,x", "3,?", "4,y"], r"'b' has 1 missing .* row 2 of 3: fill them in"),
        (["a,b", "inf,2", ",3", "4,5"], r"'a' has 1 missing or infinite .* row 1 of 3: fill"),
        (["a,b", ",2", ",3", "na,5"], r"column 'a' has no value at all: fill"),
    ],
)
def test_what_may_not_be_missing(lines, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path, lines), missing=True)
