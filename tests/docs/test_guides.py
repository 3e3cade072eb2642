"""The Python of each guide runs: it is pasted into the project of the tutorial, imported, checked and tried there."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.docs import pages

pytestmark = pytest.mark.sqlite  # the project has a database of its own

HERE = pages.ROOT / "tests" / "docs" / "guides"
TUTORIAL = pages.blocks(pages.ROOT / "docs" / "tutorial.md")
FIRST_RECEIVER = next(block for block in TUTORIAL if "webhooks.signals" in block.code)
# pages whose code another test runs
ELSEWHERE = {
    "README": "test_first_hour.py",
    "tutorial": "test_first_hour.py",
    "install": "test_blocks.py",  # the README's code, and a PostgreSQL that is not here
    "recipes": "../recipes",
    "oscar": "../shops/oscar",
}
# what pytest finds by itself where the package is installed
PLUGIN = "from stockhub_webhooks.pytest_plugin import pytest_itemcollected, stockhub\n"


def python(page):
    """Return the blocks of a page that make files; one that stands instead of another shows a variant."""
    return [block for block in pages.blocks(page) if block.language == "python" and "instead of" not in block.code]


GUIDES = [page for page in pages.PAGES if python(page) and page.stem not in ELSEWHERE]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """Make the project of the tutorial, before its first receiver, and what the guides take for granted."""
    folder = tmp_path_factory.mktemp("guides") / "project"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "django", "startproject", "shop", "."], cwd=folder, check=True)
    (folder / "orders").mkdir()
    for block in TUTORIAL[: TUTORIAL.index(FIRST_RECEIVER)]:
        if block.language == "python":
            paste(folder, block)
    with (folder / "orders" / "models.py").open("a", encoding="utf-8") as end:
        end.write("\n\nfrom orders.given import Article, Line\n")
    shutil.copy(HERE / "given.py", folder / "orders")
    shutil.copy(HERE / "mails.py", folder / "orders")
    with (folder / "shop" / "settings.py").open("a", encoding="utf-8") as end:
        end.write('REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}\n')
    (folder / "django_rq.py").write_text("def enqueue(task): ...\n")
    (folder / "conftest.py").write_text(PLUGIN)
    return folder


def paste(folder, block):
    file = folder / block.file
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as end:
        end.write(block.code)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_code_of_the_guide_runs(page, empty, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(empty, folder)
    blocks = [*python(page), *(block for block in pages.blocks(page) if block.language == "django")]
    if page.stem in {"test", "runners"}:  # their shop is that of the tutorial
        blocks.insert(0, FIRST_RECEIVER)
    for block in blocks:
        paste(folder, block)
    shutil.copy(HERE / "test_each_page.py", folder / "orders")
    own = HERE / f"test_{page.stem.replace('-', '_')}.py"
    if own.exists():
        shutil.copy(own, folder / "orders" / "test_the_page.py")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment |= {"PYTHONPATH": str(pages.ROOT), "GUIDE_FILES": ",".join({block.file for block in blocks})}
    keys = re.findall(r'os\.environ\["(\w+)"\]', "".join(block.code for block in blocks))
    environment |= {name: f"a-value-of-its-own-for-{name}" for name in ("STOCKHUB_API_KEY", *keys)}
    command = [sys.executable, "-m", "pytest", "--ds=shop.settings", "--rootdir=.", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "python_files=test*.py", "orders"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_file_of_tests_belongs_to_a_guide():
    named = {f"test_{page.stem.replace('-', '_')}" for page in GUIDES}
    assert {path.stem for path in HERE.glob("test_*.py")} - {"test_each_page"} <= named
