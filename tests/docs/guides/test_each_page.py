"""What holds for the code of each guide; `tests/docs/test_guides.py` copies this file into a project."""

import os
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command


@pytest.mark.parametrize("file", os.environ["GUIDE_FILES"].split(","))
def test_file_is_there_and_can_be_imported(file, db):
    if file.endswith(".py") and "/" in file:
        import_module(file.removesuffix(".py").replace("/", "."))
    assert Path(file).is_file()


def test_checks_find_no_error(db):
    call_command("check", stderr=StringIO())
