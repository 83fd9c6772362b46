"""Writing OCI archives whose bytes depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def write_image(target: Path, name: str, files: Mapping[str, bytes], command: Sequence[str]) -> None:
    """Write an image of one layer.

    Parameters
    ----------
    target
        The archive.
    name
        Full name of the image, with its tag.
    files
        Contents of its files, all executable, by path without a leading slash.
    command
        What it runs.
    """
    layer = _tar(files, mode=0o755)
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
    )
    described = _descriptor(_MANIFEST, manifest) | {"annotations": {"io.containerd.image.name": name}}
    members = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    members["index.json"] = _json({"schemaVersion": 2, "manifests": [described]})
    members |= {_blob_path(blob): blob for blob in (layer, config, manifest)}
    target.write_bytes(_tar(members, mode=0o644))


def pack(layout: Path, target: Path) -> None:
    """Write an OCI layout, a folder, as an archive: sorted, without times and owners."""
    with tarfile.open(target, mode="w") as archive:
        for path in sorted(path for path in layout.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(str(path.relative_to(layout)))
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)


def _tar(files: Mapping[str, bytes], *, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _blob_path(blob: bytes) -> str:
    return f"blobs/{_digest(blob).replace(':', '/')}"


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}
