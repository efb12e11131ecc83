"""House rules about single modules that a machine can check."""

import ast
import os
import subprocess
import sys

from tests.floorplan.source import SOURCE, calls, dotted, imports, modules

LONGEST = 600
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base"}
# Names somebody else prescribes; the module says so.
PRESCRIBED = {"frisket/plumbing/sqlite/base.py"}

# R2: nothing that came from outside is ever run.
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load",
    "subprocess.getoutput", "subprocess.getstatusoutput",
}  # fmt: skip
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "yaml"}
# The names a room has are constants of the program: nothing from outside chooses what is imported.
IMPORTS_BY_NAME = {
    "frisket/programs/framework.py": "the framework is given its rooms without importing them first",
}

# R7: all cryptography is in plumbing.keys.
CRYPTOGRAPHY = {"hashlib", "hmac", "secrets", "ssl", "cryptography", "OpenSSL", "nacl", "argon2", "bcrypt"}
CRYPTOGRAPHY_ELSEWHERE = {
    ("frisket/plumbing/httpd.py", "ssl"): "names the type of the context plumbing.keys made",
    (
        "frisket/intake/sources/remote.py",
        "ssl",
    ): "names types and errors of a handshake; the context is from plumbing.keys",
    ("frisket/plumbing/https.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/plumbing/streams.py", "ssl"): "names types; the context plumbing.keys made",
    ("frisket/programs/stream_doors.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/ftp/door.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/ftp/lobby.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/mail/smtp_door.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/mail/stores.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/mail/oauth.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/intake/mail/boxes.py", "ssl"): "names the type of the context plumbing.keys made",
    ("frisket/delivery/stream.py", "ssl"): "names the errors of a handshake; the context is from plumbing.keys",
}
# Of the modules above nothing that makes a context or a cipher may be called, exception or not.
MAKES_CONTEXTS = {"ssl.create_default_context", "ssl.SSLContext", "ssl._create_unverified_context", "ssl.wrap_socket"}


def test_no_module_is_long_without_a_reason_at_its_head():
    long = [module for module in modules() if module.text.count("\n") > LONGEST]
    assert [module.name for module in long if "Long because" not in (ast.get_docstring(module.tree) or "")] == []


def test_every_module_is_named_by_its_subject():
    nameless = [module.name for module in modules() if NO_NAMES & set(module.parts)]
    assert sorted(nameless) == sorted(PRESCRIBED & set(nameless))
    for module in modules():
        if module.name in PRESCRIBED:
            assert "looks for that name" in (ast.get_docstring(module.tree) or "")


def test_nothing_is_imported_inside_a_function():
    hidden = []
    for module in modules():
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                hidden += [
                    f"{module.name}:{node.lineno}"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert hidden == []


def test_no_code_comes_from_data():
    found = []
    for module in modules():
        found += [str(each) for each in imports(module) if each.source.split(".")[0] in FORBIDDEN_MODULES]
        for call, name in calls(module.tree):
            shell = [word for word in call.keywords if word.arg == "shell"]
            if name in FORBIDDEN_CALLS or shell:
                found.append(f"{module.name}:{call.lineno}: {name}")
            if name.startswith("importlib.import_module") and module.name not in IMPORTS_BY_NAME:
                found.append(f"{module.name}:{call.lineno}: {name}")
    assert found == []


def test_cryptography_is_in_one_place():
    found = [
        str(each)
        for module in modules()
        if module.parts[:2] != ("plumbing", "keys")
        for each in imports(module)
        if (root := _root(each.source)) in CRYPTOGRAPHY and (module.name, root) not in CRYPTOGRAPHY_ELSEWHERE
    ]
    assert found == []


def test_no_tls_context_is_made_outside_the_one_place():
    made = [
        f"{module.name}:{call.lineno}: {name}"
        for module in modules()
        if module.parts[:2] != ("plumbing", "keys")
        for call, name in calls(module.tree)
        if name in MAKES_CONTEXTS
    ]
    assert made == []


def test_every_listed_exception_is_still_needed():
    used = {(module.name, _root(each.source)) for module in modules() for each in imports(module)}
    assert set(CRYPTOGRAPHY_ELSEWHERE) - used == set()
    assert {(name, "importlib") for name in IMPORTS_BY_NAME} - used == set()
    assert PRESCRIBED - {module.name for module in modules()} == set()


def test_a_template_escapes_everything():
    """R18: no text from outside is ever taken for markup."""
    unsafe = [
        f"{file.relative_to(SOURCE)}"
        for file in SOURCE.rglob("templates/**/*.html")
        if "|safe" in (text := file.read_text().replace(" ", "")) or "autoescapeoff" in text
    ]
    assert unsafe == []


def test_markup_is_made_only_where_a_reason_is_given():
    """``mark_safe`` needs "Safe because" in a comment on its line or the one above."""
    unexplained = []
    for module in modules():
        lines = module.text.splitlines()
        for call, name in calls(module.tree):
            if name.split(".")[-1] in {"mark_safe", "SafeString", "SafeText"}:
                near = " ".join(lines[max(0, call.lineno - 2) : call.lineno])
                if "Safe because" not in near:
                    unexplained.append(f"{module.name}:{call.lineno}")
    assert unexplained == []


def test_a_page_carries_no_inline_script_or_style():
    wrong = []
    for file in SOURCE.rglob("templates/**/*.html"):
        text = file.read_text().lower()
        if " style=" in text or "<style" in text or " onclick=" in text or " onload=" in text:
            wrong.append(file.name)
        wrong += [file.name for piece in text.split("<script")[1:] if " src=" not in piece.split(">")[0]]
    assert wrong == []


def test_no_service_process_can_reach_a_document_library():
    """R15: documents are parsed in the sandbox's child only, which is started as a program of its own."""
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, frisket.programs.cli\n"
            "print([name for name in ('pikepdf', 'lxml', 'PIL', 'reportlab') if name in sys.modules])",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == "[]"


def test_a_document_library_is_imported_only_inside_the_sandbox():
    outside = [
        str(each)
        for module in modules()
        if "inside" not in module.parts
        for each in imports(module)
        if _root(each.source) in {"pikepdf", "lxml", "PIL"}
    ]
    assert outside == []


def test_what_runs_inside_the_sandbox_is_imported_by_nobody():
    entered = [
        str(each)
        for module in modules()
        if "inside" not in module.parts
        for each in imports(module)
        if "inside" in each.source.split(".") or each.name == "inside"
    ]
    assert entered == []


def test_the_call_finder_sees_a_dotted_name():
    tree = ast.parse("os.system('x')\nf(1)\n(lambda: 0)()")
    assert [name for _, name in calls(tree)] == ["os.system", "f", ""]
    assert dotted(ast.parse("a.b.c").body[0].value) == "a.b.c"  # type: ignore[attr-defined]


def _root(source: str) -> str:
    return source.split(".")[0]
