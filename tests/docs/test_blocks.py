"""Each block of code of the documentation names its file, and is what it says: it runs, or can be parsed."""

import ast
import builtins
import configparser
import os
import re
import shlex

import pytest
import yaml
from django.core.checks import run_checks
from django.core.management import get_commands, load_command_class
from django.template import engines

from stockhub_webhooks.conf import conf
from tests.docs import pages

NAMELESS = {"sh", "text", "mermaid", ""}  # commands, what they print, and drawings


def of(*languages):
    return [block for block in pages.ALL if block.language in languages]


def parameters(found):
    return pytest.mark.parametrize("block", found, ids=str)


@parameters([block for block in pages.ALL if block.language not in NAMELESS])
def test_a_block_names_its_file(block):
    assert "/" in block.file or block.file in {"crontab", "prometheus.yml", "gunicorn.conf.py", "compose.yaml"}, (
        block.code
    )


def test_languages_are_those_that_are_checked():
    checked = {"python", "ini", "yaml", "cron", "nginx", "django", "html+django"}
    assert {block.language for block in pages.ALL} - NAMELESS == checked


@parameters([block for block in of("python") if "instead of" not in block.code])
def test_python_compiles(block):
    ast.parse(block.code)


# what `startproject` writes, and the installation
GIVEN = {
    "settings.py": {"INSTALLED_APPS", "STOCKHUB_WEBHOOKS", "BASE_DIR", "DATABASES", "os"},
    "urls.py": {"urlpatterns", "path", "include"},
}


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.stem)
def test_python_names_what_it_imports(page):
    known = {}
    for block in pages.blocks(page):
        if block.language == "python" and "instead of" not in block.code:
            used, bound = names(block.code)
            before = known.get(block.file, GIVEN.get(block.file.rpartition("/")[2], set()))
            known[block.file] = before | bound
            assert used <= known[block.file] | set(dir(builtins)), block


def names(code):
    """Return the names that the code reads, and those that it makes."""
    used, bound = set(), set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name():
                (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
            case ast.FunctionDef() | ast.ClassDef():
                bound.add(node.name)
            case ast.arg():
                bound.add(node.arg)
            case ast.alias():
                bound.add((node.asname or node.name).partition(".")[0])
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
    return used, bound


@parameters([block for block in of("python") if block.file.endswith("settings.py")])
def test_settings_are_known_and_have_no_errors(block, settings, monkeypatch, tmp_path):
    for name in re.findall(r'os\.environ\["(\w+)"\]', block.code):
        monkeypatch.setenv(name, f"a-value-of-its-own-for-{name}")
    named = {
        "os": os,
        "BASE_DIR": tmp_path,
        "INSTALLED_APPS": [],
        "DATABASES": {"default": {}},
        "STOCKHUB_WEBHOOKS": {"API_KEYS": "the-key-of-the-documentation-0123456789"},
    }
    exec(block.code, named)
    shown = named["STOCKHUB_WEBHOOKS"]
    assert "API_KEYS" in shown, "who appends it to the settings loses those of before: write STOCKHUB_WEBHOOKS |="
    assert shown.keys() <= set(conf.names())
    kept = {name: value for name, value in shown.items() if not of_the_shop(value)}
    settings.STOCKHUB_WEBHOOKS = (
        {"API_KEYS": "the-key-of-the-documentation-0123456789"}
        | kept
        | ({"SPOOL_DIR": tmp_path} if "SPOOL_DIR" in kept else {})
    )
    assert [error for error in run_checks() if error.id.startswith("stockhub_webhooks.E")] == []


@parameters([block for block in of("python") if block.file.endswith("urls.py")])
def test_urls_keep_those_of_before(block):
    assert "urlpatterns += [" in block.code


def of_the_shop(value):
    """Return True for the dotted path of a function of the shop, which is not here."""
    return isinstance(value, str) and value.split(".")[0] in {"shop", "orders", "fulfilment"}


@parameters(of("ini"))
def test_units_can_be_read(block):
    text = block.code if "\n[" in block.code else f"[Service]\n{block.code}"
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read_string(text)
    assert all(parser.items(section) for section in parser.sections())
    for line in re.findall(r"manage\.py [^'\n]+", block.code):
        for call in commands(line):
            assert_command(*call)


@parameters(of("yaml"))
def test_yaml_can_be_read(block):
    assert isinstance(yaml.safe_load(block.code), dict)


@parameters(of("cron"))
def test_lines_of_cron_are_five_fields_and_a_command_that_exists(block):
    (line,) = [line for line in block.code.splitlines() if not line.startswith("#")]
    *fields, command = line.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields)
    assert [assert_command(*call) for call in commands(command)]
    assert "set -a && . " in command, "cron has none of the server's environment"


@parameters(of("nginx"))
def test_nginx_blocks_are_closed_and_lines_ended(block):
    depth = 0
    for line in (re.sub(r"\s*#.*", "", line).strip() for line in block.code.splitlines()):
        assert not line or line[-1] in "{};", line
        depth += line.count("{") - line.count("}")
    assert depth == 0


@parameters(of("django", "html+django"))
def test_templates_compile(block):
    code = re.sub(r"\{% extends .*? %\}", "", block.code)  # a template of the shop
    assert engines["django"].from_string(code)


def commands(text):
    """Yield the calls of manage.py in lines of the shell: the name of the command and its arguments."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        call = []
        for token in [*lexer, ";"]:
            if set(token) <= set("();<>|&"):
                if "manage.py" in call:
                    yield call[call.index("manage.py") + 1 :]
                call = []
            else:
                call.append(token)


@parameters([block for block in of("sh") if "manage.py " in block.code])
def test_commands_of_the_shell_are_understood(block):
    for call in commands(block.code):
        assert_command(*call)


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.stem)
def test_commands_in_sentences_are_understood(page):
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    for line in re.findall(r"`(?:python )?(manage\.py [^`]+)`", text):
        for call in commands(line.replace("\n", " ")):
            assert_command(*call)


def assert_command(name, *arguments):
    """Assert that manage.py knows the command, and that a command of ours knows its arguments."""
    if name in OF_OTHERS:
        return
    app = get_commands()[name]
    if app == "stockhub_webhooks":
        load_command_class(app, name).create_parser("manage.py", name).parse_args(arguments)


# of packages that are not installed here, or that the tests' host does without
OF_OTHERS = {"db_worker", "prune_db_task_results", "createsuperuser", "startapp", "tenant_command"}
