"""Reading what a plan needs and no watch delivers: the text of the ConfigMaps that a workload refers to."""

from __future__ import annotations

from apphealth.kube.client import Client
from apphealth.kube.configmaps import read_config_map
from apphealth.kube.errors import NotFoundError
from apphealth.store.config_maps import ConfigMapKey
from apphealth.store.store import Store


async def read_config_maps(client: Client, store: Store, keys: frozenset[ConfigMapKey]) -> bool:
    """Read the ConfigMaps whose text the store doesn't have.

    Parameters
    ----------
    client, store
        Reads the ConfigMaps; gets their text.
    keys
        The ConfigMaps that a plan needs.

    Returns
    -------
    bool
        Whether any text was missing.

    Raises
    ------
    KubeError
        A ConfigMap could not be read, see `Client.request`.
    """
    missing = sorted(key for key in keys if key not in store.world.config_maps)
    for key in missing:
        if key not in store.config_maps:
            store.records.keep_text(key, "", {})
            continue
        token = store.records.await_text(key)
        try:
            meta, text = await read_config_map(client, *key)
            version = meta.resource_version
        except NotFoundError:
            version, text = "", {}
        if store.records.awaits(key, token):  # else it has changed since: the next look at what is missing reads it
            store.records.keep_text(key, version, text)
    return bool(missing)
