"""Each distribution builds a wheel that installs and imports by itself, in a clean environment."""

import email.parser
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"(^|/)(tests?/|test_|conftest\.py$|[^/]*_test\.py$)", re.IGNORECASE)
UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str, **env: str) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/", env=os.environ | {"UV_NO_PROGRESS": "1"} | env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for member in ("library", "operator", "deploy/local"):
        run(
            UV,
            "build",
            "--wheel",
            "--no-build-isolation",
            "--python",
            sys.executable,
            "-o",
            str(folder),
            str(ROOT / member),
        )
    return folder


def wheel(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"{name}-*.whl")
    return found


def metadata(path: Path) -> dict[str, list[str]]:
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        parsed = email.parser.Parser().parsestr(archive.read(name).decode())
    return {
        key: parsed.get_all(key) or [] for key in ("Requires-Dist", "License-Expression", "Description-Content-Type")
    }


@pytest.mark.parametrize(
    ("distribution", "imports"),
    [
        pytest.param("flask_management_endpoints", "flask_management_endpoints", id="library"),
        pytest.param("apphealth", "apphealth.cli", id="operator"),
        pytest.param("localcluster", "localcluster", id="localcluster"),
    ],
)
def test_a_wheel_installs_and_imports_alone(distribution: str, imports: str, wheels: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run(UV, "venv", "-q", "--python", sys.executable, str(venv))
    python = str(venv / "bin" / "python")
    run(UV, "pip", "install", "-q", "--python", python, str(wheel(wheels, distribution)))
    where = run(python, "-I", "-W", "error", "-c", f"import {imports} as m; print(m.__file__)")
    assert str(venv) in where


def test_the_library_pulls_in_flask_and_requests_only(wheels: Path) -> None:
    required = metadata(wheel(wheels, "flask_management_endpoints"))["Requires-Dist"]
    plain = sorted(line.split(">")[0].split("=")[0].strip() for line in required if "extra ==" not in line)
    assert plain == ["flask", "requests"]


@pytest.mark.parametrize("distribution", ["flask_management_endpoints", "apphealth"])
def test_a_published_wheel_is_typed_licensed_and_ships_no_tests(distribution: str, wheels: Path) -> None:
    path = wheel(wheels, distribution)
    names = zipfile.ZipFile(path).namelist()
    assert f"{distribution}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert metadata(path)["License-Expression"] == ["BSD-3-Clause"]
    assert not [name for name in names if TEST.search(name)]
