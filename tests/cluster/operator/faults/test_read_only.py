"""`apphealth run --read-only`, to try the operator out."""

import time


def test_nothing_is_written_and_each_change_is_said_once(shop, proxy, proxied, run_operator):
    shop.deployment()
    shop.deployment("other", app="other")
    shop.rule()
    operator = run_operator("--read-only", kubeconfig=proxied)
    where = f"would patch Deployment/{shop.namespace}"
    would = [f"{where}/{name}: adds liveness of main, readiness of main" for name in ("web", "other")]
    shop.until(lambda: all(line in operator.tail() for line in would), "it says what it would write")
    shop.label("web", team="a")
    shop.change_rule(probes={"liveness": {"path": "/elsewhere"}})
    time.sleep(3)
    assert [operator.tail().count(line) for line in would] == [1, 1]
    assert proxy.writes() == []
    assert shop.generation() == 1
