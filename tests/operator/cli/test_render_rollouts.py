"""Argo Rollouts in files: their owner's own, so they are rendered; kustomize alone can't patch them."""

from __future__ import annotations

import pytest

ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main   # the application
          image: example/web:1
          ports: [{name: http, containerPort: 8080}]
---
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec:
  targetRef: {kind: Rollout, name: web}
  probes: {readiness: {path: /ready}}
"""


@pytest.fixture(autouse=True)
def _rollout(write):
    write("web.yaml", ROLLOUT)


def test_a_rollout_is_rendered(run, tmp_path):
    assert run("render", "-f", "web.yaml", "--in-place").code == 0
    text = (tmp_path / "web.yaml").read_text()
    assert "# the application" in text
    assert "path: /ready" in text
    assert run("render", "-f", "web.yaml", "--check").code == 0
    assert "apphealth render would write this" not in run("explain", "rollout/web", "-f", "web.yaml").text


def test_before_that_explain_shows_what_would_be_rendered(run):
    assert "    +      path: /ready\n" in run("explain", "rollout/web", "-f", "web.yaml").text


def test_kustomize_is_given_no_patch_for_it(run, tmp_path):
    outcome = run("render", "-f", "web.yaml", "--patches", "out")
    assert outcome.code == 0
    assert "web.yaml:1:1: Rollout web can't be patched by kustomize" in outcome.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kustomization.yaml"]
