"""The steps of the demonstration. Each one shows the commands of a user, and their effect."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from deploy.demo.display import Display, Rows
from deploy.demo.errors import DemoError
from deploy.demo.observe import Pod, Shop, Snapshot, first_pod
from deploy.demo.world import RULE_MANIFEST, SHOP_MANIFEST, SHOP_NAMESPACE, WRONG_MANIFEST, Site, World

_ROLLOUT = 150.0
"""The timeout of all rollouts in seconds; on an idle machine they take about ten."""
_SHOP_PORT = 8000
_YES = {True: "yes", False: "no"}
_PODS_ADVICE = "see: kubectl get pods,events -n {namespace}"


@dataclass(slots=True)
class Facts:
    """The figures that the steps measure, for the summary."""

    deployments: int = 0
    probes: int = 0
    enforced_after: float = 0.0
    rolled_back_after: float = 0.0
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
        self._audit(site, shop)
        self._enforce(site, shop)
        self._health(site)
        self._mistake(site, shop)
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
        show.say("What the linter says of these manifests, as in CI:")
        lint = ("lint", SHOP_MANIFEST, "-n", site.namespace, "--ignore", "liveness-missing")
        show.command(f"apphealth {' '.join(lint)}", site.kubectl.apphealth(*lint, files=True))
        before = shop.snapshots()
        self._facts.deployments = len(before)
        return before

    def _audit(self, site: Site, shop: Shop) -> None:
        show = self._display
        show.step("Look first: one ClusterAppHealth in mode Audit")
        show.yaml(site.rule_text())
        output = site.kubectl.run("apply", "-f", "-", text=site.rule_text())
        changed = "" if site.namespace == SHOP_NAMESPACE else f"     (with the namespace {site.namespace})"
        show.command(f"kubectl apply -f {RULE_MANIFEST}{changed}", output)
        show.wait("The operator finds out what the pods serve, and checks it", shop.audited, 120, self._operator_advice)
        self._list(site)
        show.say("Nothing has changed yet. What would Enforce do?")
        self._apphealth(site, "plan", "-n", site.namespace, "-v")
        show.say("And why these probes?")
        self._apphealth(site, "explain", "deployment/orders", "-n", site.namespace)

    def _enforce(self, site: Site, shop: Shop) -> None:
        show = self._display
        show.step("Enforce it, in waves")
        show.say("A canary of each kind of application goes first; the next ones when its new pods are well.")
        patch = '{"spec": {"mode": "Enforce"}}'
        start = time.monotonic()
        output = site.kubectl.run("patch", "clusterapphealth", site.rule, "--type=merge", "-p", patch)
        show.command(f"kubectl patch clusterapphealth {site.rule} --type=merge -p '{patch}'", output)

        def over(rows: Rows) -> bool:
            return all(row[1] == "Applied" and row[2] == "done" for row in rows)

        if not show.watch(("DEPLOYMENT", "HEALTHPLAN", "ROLLOUT"), shop.rollouts, over, 240):
            raise DemoError("the probes were not all written within 240 s", self._operator_advice)
        self._facts.enforced_after = time.monotonic() - start
        self._facts.probes = shop.count_probes()
        show.wait("The old pods go", shop.settled, _ROLLOUT, self._pods_advice(site))
        self._apphealth(site, "rollout", "status", "--watch")
        self._show_probes(shop)
        self._list(site)
        self._apphealth(site, "lint", "--cluster", "-n", site.namespace)

    def _health(self, site: Site) -> None:
        show = self._display
        show.step("What the apps know of their dependencies now")
        show.say("Nobody configured these: they were derived from the environment, and came as a mounted file.")
        for app in ("frontend", "orders"):
            path = f"/api/v1/namespaces/{site.namespace}/services/{app}:http/proxy/z/health"
            show.command(f"kubectl get --raw {path}")
            show.output(json.dumps(json.loads(site.kubectl.run("get", "--raw", path)), indent=2))

    def _mistake(self, site: Site, shop: Shop) -> None:
        show = self._display
        show.step("Somebody writes a wrong probe")
        show.say("AppHealth asks a running pod first, and doesn't write what fails. Skip switches that off.")
        show.yaml(site.wrong_text())
        serving = shop.in_rotation()
        start = time.monotonic()
        output = site.kubectl.run("apply", "-n", site.namespace, "-f", "-", text=site.wrong_text())
        show.command(f"kubectl apply -n {site.namespace} -f {WRONG_MANIFEST}", output)
        held: dict[str, str] = {}

        def look() -> Rows:
            rotation = shop.in_rotation()
            return [[pod.name, pod.readiness, _YES[pod.ready], _YES[pod.name in rotation]] for pod in _of_users(shop)]

        def over(_: Rows) -> bool:
            held.update(shop.withheld("users-api"))
            return bool(held) and shop.settled()

        if not show.watch(("POD", "READINESS PROBE", "READY", "IN ROTATION"), look, over, 120):
            raise DemoError("the wrong probe was not taken back within 120 s", self._operator_advice)
        self._facts.rolled_back_after = time.monotonic() - start
        for evidence in held.values():
            show.done(f"Rolled back: {evidence}")
        if lost := serving - shop.in_rotation():
            raise DemoError(f"{', '.join(sorted(lost))} got no requests meanwhile", self._pods_advice(site))
        show.done("The pods of users-api served all the time, and still do; the rule says what is wrong with it:")
        self._list(site)
        output = site.kubectl.run("delete", "-n", site.namespace, "-f", "-", text=site.wrong_text())
        show.command(f"kubectl delete -n {site.namespace} -f {WRONG_MANIFEST}", output)
        show.wait(
            "All is as the ClusterAppHealth wants it",
            lambda: shop.applied() and shop.settled(),
            60,
            self._operator_advice,
        )

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
        show.wait("The probes go", shop.unprobed, 180, self._operator_advice)
        show.wait("The pods are replaced once more", shop.settled, _ROLLOUT, self._pods_advice(site))
        show.wait("The operator's own objects go", lambda: not shop.leftovers(), 60, self._operator_advice)
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
        show.done("In Audit: what would change, proven on the running pods, before anything did.")
        counts = f"{facts.probes} probes in {facts.deployments} Deployments"
        show.done(f"{counts}, in waves, {facts.enforced_after:.0f} s after one change of the mode.")
        show.done(f"A wrong probe was taken back, and its rollout undone, after {facts.rolled_back_after:.0f} s.")
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

    def _apphealth(self, site: Site, *arguments: str) -> None:
        self._display.command(f"apphealth {' '.join(arguments)}", site.kubectl.apphealth(*arguments))

    @property
    def _operator_advice(self) -> str:
        return self._world.operator_advice

    @staticmethod
    def _pods_advice(site: Site) -> str:
        return _PODS_ADVICE.format(namespace=site.namespace)


def _only(output: str, kind: str) -> str:
    return "\n".join(line for line in output.splitlines() if line.startswith(kind))


def _pod_rows(shop: Shop, names: tuple[str, ...]) -> Rows:
    rotation = shop.in_rotation()
    return [
        [pod.name, _YES[pod.ready], _YES[pod.name in rotation], str(pod.restarts)]
        for pod in shop.pods()
        if pod.name in names
    ]


def _of_users(shop: Shop) -> list[Pod]:
    return [pod for pod in shop.pods() if pod.app == "users-api"]
