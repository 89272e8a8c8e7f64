"""The validator as people and programs use it: arguments, exit codes, output, and its promises."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.cli.main import cli
from headgate.errors import UsageError
from headgate.pipelines.validation import mage_lists, validate
from headgate.pipelines.validation.main import main
from headgate.pipelines.validation.schemas import schemas
from headgate.pipelines.validation.secret_rules import kind_of
from tests.support import ROOT
from tests.unit import validation_project

LAND = "pipelines/land_orders/metadata.yaml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A valid Mage project, to break."""
    return validation_project.write(tmp_path)


def test_own_pipelines_have_no_findings() -> None:
    """The pipelines that ship with Headgate are clean, warnings included."""
    assert [str(finding) for finding in validate(ROOT / "mage_pipelines").findings] == []


def test_exit_code_says_whether_there_are_errors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 on a clean project; 1 on a broken one, with file, line, code, severity, block and how to mend it."""
    assert main([str(project)]) == 0

    _replace(
        project / LAND, "upstream_blocks:\n  - orders/files_there", "upstream_blocks:\n  - orders/file_there"
    )

    assert main([str(project)]) == 1
    out = capsys.readouterr().out
    line = _line(project / LAND, "- orders/file_there")
    assert (
        f"{LAND}:{line}: HG006 error [orders/load_orders] upstream block orders/file_there; expected " in out
    )
    assert "\n    mend: did you mean orders/files_there?" in out
    assert out.endswith("3 pipelines, 2 errors, 0 warnings (Mage 0.9.80)\n")


def test_warnings_fail_only_when_strict(project: Path) -> None:
    """A warning alone ends with 0, and with 1 under --strict."""
    (project / "custom/unused.py").write_text("@custom\ndef unused(**kwargs):\n    return 1\n")

    assert main([str(project)]) == 0
    assert main([str(project), "--strict"]) == 1


def test_json_is_a_list_of_findings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints every part of every finding."""
    _replace(project / LAND, "color: teal", "color: teel")

    assert main([str(project), "--json"]) == 1

    assert json.loads(capsys.readouterr().out) == [
        {
            "code": "HG010",
            "severity": "error",
            "title": "A block's type, language, executor, status or colour is not one that Mage has",
            "file": str(project / LAND),
            "line": _line(project / LAND, "color: teel"),
            "block": "orders/load_orders",
            "found": "color teel",
            "expected": "one of blue, grey, pink, purple, teal, yellow",
            "mend": "change it to teal",
        }
    ]


@pytest.mark.parametrize("path", ["nowhere", "pipelines/land_orders/gone.yaml", "sensors"])
def test_path_without_mage_is_wrong_usage(
    project: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no Mage project ends with 2 and says what is expected."""
    assert main([str(project / path)]) == 2

    assert "expected a Mage project" in capsys.readouterr().err


def test_one_pipeline_can_be_validated_alone(project: Path) -> None:
    """A pipeline's folder, or a file in it, as PATH leaves other pipelines and unused files alone."""
    _replace(project / LAND, "color: teal", "color: teel")
    (project / "custom/unused.py").write_text("@custom\ndef unused(**kwargs):\n    return 1\n")

    assert validate(project / "pipelines/build_orders").findings == []
    assert [finding.code for finding in validate(project / LAND).findings] == ["HG010"]


def test_folder_above_one_project_stands_for_it(project: Path) -> None:
    """The folder around a Mage project is as good as the project."""
    assert validate(project.parent).pipelines == 3


def test_headgate_command_does_the_same(project: Path) -> None:
    """`headgate pipelines validate` ends and prints as the module does."""
    _replace(project / LAND, "color: teal", "color: teel")

    result = CliRunner().invoke(cli, ["pipelines", "validate", str(project), "--json"])

    assert result.exit_code == 1
    assert [finding["code"] for finding in json.loads(result.output)] == ["HG010"]


def test_script_runs_anywhere_without_mage_and_without_running_code(project: Path, tmp_path: Path) -> None:
    """The script needs no installed Headgate, imports no Mage, and never executes what it reads."""
    trap = f"open({str(tmp_path / 'executed')!r}, 'w').close()\n"
    for path in project.rglob("*.py"):
        path.write_text(trap + path.read_text())
    check = "import sys; sys.modules['mage_ai'] = None; sys.argv[0] = {0!r}; exec(open({0!r}).read())"
    script = ROOT / "scripts/validate_pipeline.py"
    program = check.format(str(script)).replace("exec(", f"__file__ = {str(script)!r}; exec(")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    done = subprocess.run(
        [sys.executable, "-c", program, str(project)], capture_output=True, text=True, env=environment
    )

    assert "HG018" in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "executed").exists()


def test_project_without_settings_has_only_mages_rules(project: Path) -> None:
    """Gates, short blocks and names of dbt blocks are demanded only where a project says so."""
    _replace(project / "transformers/orders/check_orders.py", "@test", "#" + "\n" * 40)
    _replace(project / "dbts/orders.yaml", "orders", "'orders'")
    assert {finding.code for finding in validate(project).findings} == {"HG070", "HG071"}

    (project / ".headgate-validate.yaml").unlink()

    assert validate(project).findings == []


def test_findings_can_be_ignored_by_file_and_by_line(project: Path) -> None:
    """`ignore` in the settings, or a comment at the line, says that a finding is known."""
    settings = project / ".headgate-validate.yaml"
    settings.write_text("ignore:\n  HG010: [pipelines/land_*/*]\n")
    _replace(project / LAND, "color: teal", "color: teel")
    _replace(project / LAND, "tags: [orders]", "zzz: 1  # headgate: ignore HG009")

    assert validate(project).findings == []


@pytest.mark.parametrize(
    "text", ["gate: []", "gates: all", "longest_block: 0", "ignore: {HG999: ['*']}", "- gates", "gates: ["]
)
def test_settings_that_are_none_are_wrong_usage(project: Path, text: str) -> None:
    """A setting that does not exist or cannot be used is an error of usage, not a finding."""
    (project / ".headgate-validate.yaml").write_text(text)

    with pytest.raises(UsageError):
        validate(project)


def test_snapshot_says_what_the_installed_mage_says() -> None:
    """The committed lists equal those of the installed Mage."""
    if importlib.util.find_spec("mage_ai") is None:
        pytest.skip("Mage is not installed")

    assert mage_lists.snapshot() == mage_lists.installed()


def test_schemas_know_every_key_that_mage_reads() -> None:
    """Every key that Mage's loader takes from a pipeline's or a project's metadata is known."""
    spec = importlib.util.find_spec("mage_ai")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("Mage is not installed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data_preparation"
    loader = (folder / "models/pipeline.py").read_text().split("def load_config(")[1].split("def __init")[0]
    repository = (folder / "repo_manager.py").read_text().split("def from_dict")[0]

    blocks = schemas().pipeline.keys["blocks"].inner
    assert blocks is not None
    assert set(_read(loader, "config")) <= set(schemas().pipeline.keys)
    assert set(_read(loader, "c")) <= set(blocks.keys)
    assert set(_read(repository, "repo_config")) <= set(schemas().project.keys)


def test_cycle_is_printed_as_a_path(project: Path) -> None:
    """A cycle of several blocks is told once, as the path that it is."""
    _replace(project / LAND, "upstream_blocks: []\n", "upstream_blocks: [orders/export_orders]\n")

    (cycle,) = [finding for finding in validate(project).findings if finding.code == "HG008"]

    path = "orders/files_there -> orders/load_orders -> orders/check_orders -> orders/export_orders"
    assert cycle.message == f"cycle {path} -> orders/files_there"


def test_secret_is_never_repeated(project: Path) -> None:
    """A finding about a secret does not hold it."""
    _replace(project / "io_config.yaml", "{{ env_var('PGPASSWORD') }}", "hunter2-and-more")

    (finding,) = validate(project).findings

    assert "hunter2" not in str(finding) + json.dumps(finding.as_dict())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "{{ env_var('PASSWORD') }}"),
        ("password", "your_password"),
        ("api_key", "api_key_for_search"),
        ("token", "<token>"),
        ("token", "${TOKEN}"),
        ("AWS_ACCESS_KEY_ID", "access-key"),
        ("partition_key", "customer-number-7"),
        ("url", "postgresql://user:password@host/db"),
        ("private_key_path", "certificates/private.pem"),
        ("secret", ""),
    ],
)
def test_what_stands_for_a_secret_is_none(name: str, value: str) -> None:
    """Templates, placeholders and names that only sound like secrets are left alone."""
    assert kind_of(name, value) is None


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _line(path: Path, text: str) -> int:
    return path.read_text().split(text)[0].count("\n") + 1


def _read(source: str, variable: str) -> list[str]:
    return re.findall(rf"(?<![\w.]){variable}\.get\(\s*'(\w+)'", source)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("next_page_token", "nextPageToken"),
            ("token", "bearer"),
            ("token", "Bearer"),
            ("pwd", "/home/src"),
        ],
        *[("pwd", "./data"), ("pwd", r"C:\Users\x"), ("token", "oauth2_token"), ("token", "utf8_token")],
        *[("api_key", "x-api-key"), ("api_key", "apikey_header"), ("secret", "kubernetes")],
        *[("secret", "projects/1/secrets/db/versions/latest"), ("token", "csrfmiddlewaretoken")],
        *[("private_key", "keys/service.pem"), ("credential", "~/.aws/credentials")],
        *[("password", "customer_password"), ("password", "passwordField"), ("password", "userPassword")],
        *[("token", "https://auth.example.org/token"), ("page_token", "next_cursor_v2")],
        ("client_secret", "arn:aws:secretsmanager:eu:123456789012:secret:x-AbCdEf"),
        *[
            ("password", "replace-me"),
            ("password", "to_be_set"),
            ("api_key", "<redacted>"),
            ("token", "TODO"),
        ],
        ("password", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/db)"),
        ("anything", "AKIAIOSFODNN7EXAMPLE"),
    ],
)
def test_names_of_things_are_no_secrets(name: str, value: str) -> None:
    """A field's name, a kind of token, a path, an address, a reference into a vault."""
    assert kind_of(name, value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("password", "hunter2-and-more"), ("password", "correcthorse"), ("db_password", "mypassword")],
        *[("password", "Passw0rd!"), ("pwd", "s3cr3t99"), ("passphrase", "open-sesame-now")],
        *[("token", "2e7c9d4b0f91"), ("client_secret", "aB3dE6gH9jK2"), ("api_key", "sk1a2b3c4d5e6f")],
        *[("private_key", "a1b2c3d4e5"), ("api_token", "tok_4eC39HqLyjWDarjtT1zdp7dc")],
        *[("token", "abcdefghijklmnopqrstuvwxyz"), ("access_key", "wJalrXUtnFEMIK7MDENGbPxRfiCY")],
    ],
)
def test_secrets_are_found_whatever_they_are_made_of(name: str, value: str) -> None:
    """Passwords of words, and what machines draw."""
    assert kind_of(name, value) == "a literal"
