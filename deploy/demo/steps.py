"""The steps of the demonstration. Each one shows the commands of a user, and their effect."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from deploy.demo.display import Display, Rows
from deploy.demo.errors import DemoError
from deploy.demo.observe import Shop, Snapshot, first_pod
from deploy.demo.world import RULE_MANIFEST, SHOP_MANIFEST, SHOP_NAMESPACE, Site, World

_ROLLOUT = 150.0
"""The timeout of all rollouts in seconds; on an idle machine they take about ten."""
_SHOP_PORT = 8000
_PODS_ADVICE = "see: kubectl get pods,events -n {namespace}"


@dataclass(slots=True)
class Facts:
    """The figures that the steps measure, for the summary."""

    deployments: int = 0
    probes: int = 0
    patched_after: float = 0.0
    restarted_after: float = 0.0
    out_after: float = 0.0


class Story:
    """Runs the demonstration in one cluster.

    Parameters
    ----------
    world
        The cluster.
    display
        The output.
    """

    def __init__(self, world: World, display: Display) -> None:
        self._world = world
        self._display = display
        self._facts = Facts()

    def run(self) -> None:
        """Run all steps.

        Raises
        ------
        DemoError
            A command fails, or a step doesn't reach its goal in time.
        """
        self._display.step("A real Kubernetes")
        self._world.prepare(self._display)
        site = self._world.site
        shop = Shop(site.kubectl, site.namespace)
        self._display.step("Install AppHealth: its resources, its rights, its admission policies, the operator")
        self._world.install(self._display)
        before = self._deploy(site, shop)
        self._apply(site, shop)
        self._health(site)
        self._trouble(site, shop)
        self._restore(site, shop, before)
        self._summary()

    def _deploy(self, site: Site, shop: Shop) -> dict[str, Snapshot]:
        show = self._display
        show.step("Deploy a shop without a single probe")
        show.say("frontend → users-api;  orders → users-api, store.  Who needs whom is only in their environment.")
        site.kubectl.run("create", "namespace", site.namespace)
        show.command(f"kubectl create namespace {site.namespace}")
        output = site.kubectl.run("apply", "-n", site.namespace, "-f", "-", text=site.shop_text())
        show.command(f"kubectl apply -n {site.namespace} -f {SHOP_MANIFEST}", _only(output, "deployment"))
        show.wait("The shop's pods start", shop.settled, _ROLLOUT, self._pods_advice(site))
        self._show_probes(shop)
        self._list(site)
        before = shop.snapshots()
        self._facts.deployments = len(before)
        return before

    def _apply(self, site: Site, shop: Shop) -> None:
        show = self._display
        show.step("Apply one ClusterAppHealth")
        show.yaml(site.rule_text())
        start = time.monotonic()
        output = site.kubectl.run("apply", "-f", "-", text=site.rule_text())
        changed = "" if site.namespace == SHOP_NAMESPACE else f"     (with the namespace {site.namespace})"
        show.command(f"kubectl apply -f {RULE_MANIFEST}{changed}", output)
        show.say("In waves: a canary of the Flask apps first, and the next ones when its new pod is well.")
        show.wait("Every Deployment gets its probes", shop.probed, 180, self._world.operator_advice)
        self._facts.patched_after = time.monotonic() - start
        self._facts.probes = shop.count_probes()
        show.wait("The pods are replaced, one rollout each", shop.settled, _ROLLOUT, self._pods_advice(site))
        self._show_probes(shop)
        self._list(site)

    def _health(self, site: Site) -> None:
        show = self._display
        show.step("What the apps know of their dependencies now")
        show.say("Nobody configured these: they were derived from the environment, and came as a mounted file.")
        for app in ("frontend", "orders"):
            path = f"/api/v1/namespaces/{site.namespace}/services/{app}:http/proxy/z/health"
            show.command(f"kubectl get --raw {path}")
            show.output(json.dumps(json.loads(site.kubectl.run("get", "--raw", path)), indent=2))

    def _trouble(self, site: Site, shop: Shop) -> None:
        show = self._display
        show.step("Two pods get into trouble at the same time")
        pods = shop.pods()
        broken, unready = first_pod(pods, "frontend"), first_pod(pods, "users-api")
        show.say(f"{broken} can't work any more: [bold]liveness[/bold] goes DOWN.")
        self._post(site, broken, "break")
        show.say(f"{unready} wants no requests for now: [bold]readiness[/bold] goes DOWN.")
        self._post(site, unready, "unready")
        start = time.monotonic()
        facts = self._facts

        def over(rows: Rows) -> bool:
            state = {row[0]: row[1:] for row in rows}
            if not facts.out_after and state[unready][1] == "no":
                facts.out_after = time.monotonic() - start
            if not facts.restarted_after and state[broken][2] != "0":
                facts.restarted_after = time.monotonic() - start
            return state[broken] == ["yes", "yes", "1"] and state[unready] == ["no", "no", "0"]

        headings = ("POD", "READY", "IN ROTATION", "RESTARTS")
        if not show.watch(headings, lambda: _pod_rows(shop, (broken, unready)), over, 120):
            raise DemoError("the probes did not act within 120 s", self._pods_advice(site))
        show.done(f"{broken} was restarted by its liveness probe, and serves again.")
        show.done(f"{unready} gets no requests, and was not restarted; the other pod of users-api serves.")
        show.listing(f"kubectl get pods -n {site.namespace}", site.kubectl.run("get", "pods", "-n", site.namespace))
        self._show_rotation(site, "users-api")
        self._post(site, unready, "ready")
        show.wait("It comes back into rotation", lambda: unready in shop.in_rotation(), 60, self._pods_advice(site))

    def _restore(self, site: Site, shop: Shop, before: dict[str, Snapshot]) -> None:
        show = self._display
        show.step("Delete the ClusterAppHealth: everything is put back")
        output = site.kubectl.run("delete", "clusterapphealth", site.rule)
        show.command(f"kubectl delete clusterapphealth {site.rule}", output)
        show.wait("The probes go", shop.unprobed, 180, self._world.operator_advice)
        show.wait("The pods are replaced once more", shop.settled, _ROLLOUT, self._pods_advice(site))
        show.wait("The operator's own objects go", lambda: not shop.leftovers(), 60, self._world.operator_advice)
        after = shop.snapshots()
        if different := [name for name in before if before[name] != after.get(name)]:
            raise DemoError(
                f"not as before: {', '.join(different)}",
                f"compare: kubectl get deployments -n {site.namespace} -o yaml",
            )
        show.table(
            ("DEPLOYMENT", "SPEC", "FIELD MANAGERS"), [(name, "as before", str(after[name])) for name in sorted(after)]
        )
        self._list(site)

    def _summary(self) -> None:
        facts, show = self._facts, self._display
        show.step("Summary")
        counts = f"{facts.probes} probes in {facts.deployments} Deployments"
        show.done(f"{counts}, {facts.patched_after:.1f} s after one apply.")
        show.done(f"A broken pod was restarted by its new liveness probe after {facts.restarted_after:.0f} s.")
        show.done(f"One that wanted no requests left rotation by its readiness probe after {facts.out_after:.0f} s.")
        show.done("After the delete: every Deployment as before, nothing of AppHealth's in their managedFields.")
        show.say(f"[dim]{show.seconds:.0f} s in all.[/dim]")

    def _show_probes(self, shop: Shop) -> None:
        command = f"kubectl describe deployments -n {shop.namespace} | grep -E '^Name:|Liveness:|Readiness:|Startup:'"
        self._display.command(command, shop.described_probes())

    def _list(self, site: Site) -> None:
        line = f"get ah,cah,hp -n {site.namespace}"
        output = site.kubectl.run(*line.split())
        self._display.listing(f"kubectl {line}", output or "No resources found")

    def _show_rotation(self, site: Site, service: str) -> None:
        columns = "POD:.endpoints[*].targetRef.name,READY:.endpoints[*].conditions.ready"
        selector = f"kubernetes.io/service-name={service}"
        words = ("get", "endpointslices", "-n", site.namespace, "-l", selector, "-o", f"custom-columns={columns}")
        self._display.listing(f"kubectl {' '.join(words)}", site.kubectl.run(*words))

    def _post(self, site: Site, pod: str, what: str) -> None:
        path = f"/api/v1/namespaces/{site.namespace}/pods/{pod}:{_SHOP_PORT}/proxy/{what}"
        output = site.kubectl.run("create", "--raw", path, "-f", "/dev/null")
        self._display.command(f"kubectl create --raw {path} -f /dev/null", output)

    @staticmethod
    def _pods_advice(site: Site) -> str:
        return _PODS_ADVICE.format(namespace=site.namespace)


def _only(output: str, kind: str) -> str:
    return "\n".join(line for line in output.splitlines() if line.startswith(kind))


def _pod_rows(shop: Shop, names: tuple[str, ...]) -> Rows:
    rotation = shop.in_rotation()
    words = {True: "yes", False: "no"}
    return [
        [pod.name, words[pod.ready], words[pod.name in rotation], str(pod.restarts)]
        for pod in shop.pods()
        if pod.name in names
    ]
