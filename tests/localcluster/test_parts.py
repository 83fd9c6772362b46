"""Parts that need no cluster: addresses, certificates, archives, pins."""

import ipaddress
import json
import ssl
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import BuildError, Level, LocalClusterError, images, network
from localcluster.images.wheels import content_hash
from localcluster.kubeconfig import write_kubeconfig
from localcluster.oci import write_image
from localcluster.pki import write_pki
from localcluster.progress import SilentProgress
from localcluster.spec import ClusterSpec, Files


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterSpec]:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path can be too long
        monkeypatch.setenv("APPHEALTH_STATE_DIR", folder)
        addresses = network.allocate(Level.CONTROL_PLANE, [])
        extra = {"etcd": ("--a", "--b")}
        made = ClusterSpec("some", Level.CONTROL_PLANE, Path("/bin"), addresses, extra_arguments=extra)
        made.files.root.mkdir(parents=True)
        yield made


def test_ports_are_free_distinct_and_below_the_ephemeral_ones():
    others = [network.allocate(Level.CONTROL_PLANE, []) for _ in range(20)]
    found = network.allocate(Level.CONTROL_PLANE, others)
    ports = {found.server_port, found.etcd_port, found.etcd_peer_port}
    assert len(ports) == 3
    assert ports.isdisjoint({port for other in others for port in (other.server_port, other.etcd_port)})
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(ports) < first_ephemeral


def test_clusters_with_nodes_get_ranges_that_never_overlap():
    taken = []
    problem = None
    while problem is None:
        try:
            taken.append(network.allocate(Level.NODE, taken))
        except LocalClusterError as refusal:
            problem = refusal
    assert "all 16 address ranges" in str(problem)
    ranges = [ipaddress.ip_network(text) for each in taken for text in (each.pods, each.services, each.link)]
    assert len(taken) >= 8  # other clusters of this machine may have some
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


def test_spec_comes_back_as_it_was_saved(spec: ClusterSpec):
    spec.save()
    assert ClusterSpec.load(spec.files) == spec


def test_certificates_hold_for_pythons_strict_verification(spec: ClusterSpec):
    write_pki(spec)
    context = ssl.create_default_context(cafile=str(spec.files.pki("ca.crt")))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    certificate = spec.files.pki("apiserver.crt")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, spec.files.pki("apiserver.key"))
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(inward, outward, server_hostname="127.0.0.1")
    answering = server.wrap_bio(outward, inward, server_side=True)
    for side in (client, answering, client, answering):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert ("commonName", "kube-apiserver") in [pair for name in client.getpeercert()["subject"] for pair in name]


def test_kubeconfig_names_server_user_and_namespace(spec: ClusterSpec, tmp_path: Path):
    import yaml

    write_pki(spec)
    write_kubeconfig(tmp_path / "config", spec, token="secret", user="reader", namespace="shop")
    found = yaml.safe_load((tmp_path / "config").read_text())
    assert found["current-context"] == "localcluster-some"
    assert found["contexts"][0]["context"] == {"cluster": "localcluster-some", "user": "reader", "namespace": "shop"}
    assert found["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{spec.addresses.server_port}"


def test_state_folder_that_is_too_long_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPHEALTH_STATE_DIR", "/" + "long/" * 20)
    with pytest.raises(LocalClusterError, match="set APPHEALTH_STATE_DIR to a shorter one"):
        Files.of("some")


def test_image_archive_depends_on_its_content_alone(tmp_path: Path):
    for name in ("one", "two"):
        write_image(tmp_path / name, "localhost/x:1", {"b": b"2", "a": b"1"}, ["/a"])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as archive:
        index = json.load(archive.extractfile("index.json"))
        manifest = json.load(archive.extractfile(f"blobs/{index['manifests'][0]['digest'].replace(':', '/')}"))
        config = json.load(archive.extractfile(f"blobs/{manifest['config']['digest'].replace(':', '/')}"))
    assert index["manifests"][0]["annotations"] == {"io.containerd.image.name": "localhost/x:1"}
    assert config["config"]["Entrypoint"] == ["/a"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(lambda folder: (folder / "a").touch(), True, id="time"),
        pytest.param(lambda folder: (folder / "__pycache__" / "x.pyc").write_text("other"), True, id="cache"),
        pytest.param(lambda folder: (folder / "a").write_text("other"), False, id="content"),
        pytest.param(lambda folder: (folder / "a").chmod(0o755), False, id="mode"),
        pytest.param(lambda folder: (folder / "a").rename(folder / "b"), False, id="name"),
    ],
)
def test_content_hash_sees_what_an_image_would(tmp_path: Path, change, same: bool):
    (tmp_path / "a").write_text("text")
    (tmp_path / "__pycache__").mkdir()
    before = content_hash(tmp_path)
    change(tmp_path)
    assert (content_hash(tmp_path) == before) is same


def test_wheel_that_the_lock_file_does_not_pin_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPHEALTH_CACHE_DIR", str(tmp_path / "cache"))
    lock = tmp_path / "some.lock"
    lock.write_text("flask==3.1.3 --hash=sha256:00\n")
    with pytest.raises(BuildError, match=r"not in some\.lock: itsdangerous\. Add it to the dev group"):
        images.wheels(requirements=["itsdangerous"], lock=lock, progress=SilentProgress())


def test_wheel_is_the_one_pinned_for_the_python_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APPHEALTH_CACHE_DIR", str(tmp_path / "cache"))
    lock = tmp_path / "some.lock"
    lock.write_text(
        "itsdangerous==2.1.2 ; python_full_version < '3.12' \\\n"
        "    --hash=sha256:2c2349112351b88699d8d4b6b075022c0808887cb7ad10069318a8b0bc88db44\n"
        "itsdangerous==2.2.0 ; python_full_version >= '3.12' \\\n"
        "    --hash=sha256:c6242fc49e35958c8b15141343aa660db5fc54d4f13a1db01a3f5891b98700ef\n"
    )
    folder = images.wheels(requirements=["itsdangerous"], lock=lock, progress=SilentProgress())
    assert [path.name for path in folder.iterdir()] == ["itsdangerous-2.1.2-py3-none-any.whl"]
