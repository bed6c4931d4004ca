"""Bad files: missing, damaged, in another encoding, or of no known kind."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelaudit.errors import ConfigError, LabelsError, ReadError, UnknownNameError
from tests.bad_input.cases import GOOD, Cases, labels, table, write

case = Cases()


@case(ReadError, "no file or folder", "Did you mean 'data.csv'?")
def missing_file(folder):
    table(folder)
    return folder / "dat.csv", {}


@case(ReadError, "no folder", "Check the path")
def missing_folder(folder):
    return folder / "nowhere" / "data.csv", {}


@case(ReadError, "no file that any reader knows", "--reader")
def unknown_kind_of_file(folder):
    return write(folder / "data.txt", b"x"), {}


@case(ReadError, "no file that any reader knows", "Save the sheet as CSV (UTF-8).")
def spreadsheet(folder):
    return write(folder / "data.xlsx", b"PK"), {}


@case(ReadError, "no file that any reader knows", "Unpack the archive first.")
def archive(folder):
    return write(folder / "data.zip", b"PK"), {}


@case(ReadError, "data.csv is a link to gone.csv, which is not there", "Mend the link")
def link_that_leads_nowhere(folder):
    (folder / "data.csv").symlink_to("gone.csv")
    return folder / "data.csv", {}


@case(ReadError, "data.csv is a link to data.csv, which is not there")
def link_to_itself(folder):
    (folder / "data.csv").symlink_to("data.csv")
    return folder / "data.csv", {}


@case(ReadError, "data.csv is a folder or a pipe, not a file", "Give a CSV file")
def pipe(folder):
    os.mkfifo(folder / "data.csv")
    return folder / "data.csv", {"reader": "csv"}


@case(ReadError, "begins with a byte-order mark", "--encoding utf-16")
def mark_that_the_encoding_does_not_take_away(folder):
    return table(folder, ("\ufeff" + GOOD).encode("utf-16-le"), encoding="utf-16-le")


@case(ReadError, "begins with a byte-order mark", "without the mark")
def two_marks(folder):
    return table(folder, "\ufeff\ufeff" + GOOD)


@case(ReadError, "data.csv is no utf-16", "give --encoding utf-8")
def encoding_that_asks_for_a_mark(folder):
    return table(folder, GOOD.replace("red", "röd"), encoding="utf-16")


@case(ReadError, "data.csv, line 3: byte 0xff", "damaged there, or joined from parts in several encodings")
def damaged_within_its_own_encoding(folder):
    return table(folder, b"\xef\xbb\xbf" + GOOD.encode().replace(b"blue one", b"bl\xffe one"))


@case(ReadError, "data.csv, line 1: there is a NUL character")
def wide_characters_under_the_wrong_encoding_and_cut(folder):
    return table(folder, ("\ufeff" + GOOD).encode("utf-32-le")[:-3], encoding="utf-16")


@case(ReadError, "first line of", "looks like data", "called 'x', as one of its labels", "--label x")
def no_header(folder):
    return table(folder, "".join(f"r{k},words of item {k},{'xy'[k % 2]}\n" for k in range(8)))


@case(ReadError, "no folder that any reader knows")
def empty_folder(folder):
    (folder / "sub").mkdir()
    return folder / "sub", {}


@case(UnknownNameError, "Unknown reader 'cvs'", "Did you mean 'csv'?")
def unknown_reader(folder):
    return table(folder, reader="cvs")


@case(UnknownNameError, "Unknown read option 'lable'", "Did you mean 'label'?")
def unknown_option(folder):
    return table(folder, lable="label")


@case(ConfigError, "'normalize' is 'yes'", "true or false")
def option_of_wrong_type(folder):
    return table(folder, normalize="yes")


@case(ReadError, "data.csv is empty")
def empty_file(folder):
    return table(folder, "")


@case(ReadError, "data.csv is empty")
def blank_file(folder):
    return table(folder, "\n \n\n")


@case(ReadError, "data.csv has no rows")
def header_only(folder):
    return table(folder, "id,text,label\n")


@case(ReadError, "cannot be read", "damaged")
def truncated_gzip(folder):
    return write(folder / "data.csv.gz", gzip.compress(GOOD.encode() * 50)[:60]), {}


@case(ReadError, "cannot be read", "damaged")
def no_gzip(folder):
    return write(folder / "data.csv.gz", GOOD), {}


@case(ReadError, "cannot be read: File name too long")
def name_too_long(folder):
    return folder / ("a" * 300 + ".csv"), {}


# CSV


@case(ReadError, "data.csv, line 3: the row has 4 cells, but the header has 3 columns")
def ragged_row_too_long(folder):
    return table(folder, GOOD.replace("b,the blue one", "b,the,blue one"))


@case(ReadError, "line 2: the row has 3 cells, but the header has 1 column.")
def comment_above_the_header(folder):
    return table(folder, f"# tickets of may\n{GOOD}")


@case(ReadError, "line 5: the row has 2 cells, but the header has 3 columns")
def ragged_row_too_short_after_a_cell_of_two_lines(folder):
    return table(folder, 'id,text,label\na,"two\nlines",x\nb,one,y\nc,short\nd,one,x\n')


@case(ReadError, "line 4: a quoted cell that starts in this row never ends")
def quotation_mark_never_closed(folder):
    return table(folder, GOOD.replace("c,a red hat,x", 'c,a red hat,"x'))


@case(ReadError, "line 4: the row has 2 cells")
def ragged_row_after_a_very_long_cell(folder):
    return table(folder, GOOD.replace("the red one", "red " * 50_000).replace("c,a red hat,x", "c,a red hat"))


@case(LabelsError, "row 4 (line 5): Unknown class 'z'")
def wrong_class_after_a_very_long_cell(folder):
    return labels(folder, "x", "y" + " " * 200_000, "x", "z", classes=["x", "y"])


@case(ReadError, "data.csv is no text, but a ZIP archive", ".xlsx", "Save the table as CSV")
def spreadsheet_called_csv(folder):
    with zipfile.ZipFile(folder / "data.csv", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", GOOD)
    return folder / "data.csv", {}


@case(ReadError, "data.csv is no text, but a PNG image")
def image_called_csv(folder):
    Image.new("RGB", (4, 4)).save(folder / "data.csv", format="png")
    return folder / "data.csv", {}


@case(ReadError, "data.csv is no text", "control characters")
def random_bytes_called_csv(folder):
    return table(folder, np.random.default_rng(0).bytes(5000))


@case(ReadError, "data.csv, line 3: byte 0xe9", "--encoding cp1252")
def wrong_encoding(folder):
    return table(folder, GOOD.replace("the blue one", "caf\xe9").encode("cp1252"))


@case(ReadError, "line 1: byte 0xff (byte 0 of the file)", "--encoding utf-16")
def utf16_read_as_utf8(folder):
    return table(folder, GOOD.encode("utf-16"))


@case(ReadError, "data.csv ends in the middle of a character of utf-8", "was cut")
def cut_in_the_middle_of_a_character(folder):
    return table(folder, (GOOD.rstrip() + "é").encode()[:-1])


@case(ConfigError, "Unknown encoding 'utf-9'")
def unknown_encoding(folder):
    return table(folder, encoding="utf-9")


@case(ConfigError, "'::' is no single character")
def delimiter_of_two_characters(folder):
    return table(folder, delimiter="::")


@case(ReadError, "data.csv, line 3: there is a NUL character")
def nul_bytes(folder):
    return table(folder, GOOD.replace("blue one", "blue\0one"))


@pytest.mark.parametrize("name", case)
def test_bad_input_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    case.check(name, tmp_path)
