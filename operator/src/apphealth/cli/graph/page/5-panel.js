// The details of the chosen node: its dependencies with their evidence, its dependants, and the impact of its failure.

const SHOWN = 200; // the number of entries of one list that are shown

function nodePanel(node, graph, act) {
  const parts = [
    element("h2", {}, node.name),
    element("p", { class: "kind" }, `${node.kind} in ${node.namespace}`),
    element("p", { class: "actions" },
      ...(node.services.length ? [element("button", { type: "button", id: "what-if", "aria-pressed": String(act.asking()), onclick: act.ask }, "What if it fails?")] : []),
      element("button", { type: "button", id: "focus", "aria-pressed": String(act.focused(node)), onclick: () => act.focus(node) }, act.focused(node) ? "Show all" : "Only its neighbourhood"),
      element("button", { type: "button", id: "close", onclick: act.close }, "Close")),
  ];
  if (node.uncovered) parts.push(element("p", { class: "mark uncovered" }, "No readiness probe: its Service sends requests to pods that can't serve yet."));
  for (const one of node.workloads) parts.push(element("p", { class: "facts" }, `${one.kind} ${one.name}: ${one.probes.join(", ") || "no probes"}`));
  if (node.shared) parts.push(element("p", { class: "mark shared" }, `\u2605 Shared: ${node.shared} workloads require it.`));
  if (node.circular) parts.push(element("p", { class: "mark circular" }, "\u21bb In a cycle of required dependencies: none of them counts as required."));
  if (node.services.length) parts.push(...impactPart(node, graph, act));
  parts.push(...section(`Needs (${node.out.length})`, "needs", node.out.map((link) => linkItem(link, link.head, act, nameOf(link.service)))));
  parts.push(...section(`Needed by (${node.in.length})`, "needed-by", node.in.map((link) => linkItem(link, link.tail, act, nameOf(link.source)))));
  const members = [...node.workloads, ...node.services].map((one) => element("li", {}, nameOf(one)));
  if (members.length > 1) parts.push(...section("Consists of", "members", members));
  return parts;
}

function impactPart(node, graph, act) {
  const { unready, degraded } = impactOf(graph, node.services);
  const entry = ([workload, how], words) => element("li", {},
    jump(graph.nodeOf(workload), nameOf(workload), act), element("span", { class: "why" }, words(how)));
  const byTime = [...unready].sort((a, b) => a[1].seconds - b[1].seconds);
  const nothing = !unready.size && !degraded.size;
  return [
    element("h3", {}, "If it fails"),
    ...(nothing ? [element("p", {}, "No workload is known to need it.")] : []),
    ...section(`Unready (${unready.size})`, "unready", byTime.map((one) => entry(one, (how) => ` within ${how.seconds} s, requires ${how.through.name}`)), "h4"),
    ...section(`Degraded, stay in rotation (${degraded.size})`, "degraded", [...degraded].map((one) => entry(one, (how) => ` by ${how.through.name}`)), "h4"),
  ];
}

function linePanel(line, act) {
  return [
    element("h2", {}, `${line.tail.name} \u2192 ${line.head.name}`),
    element("p", { class: "actions" }, element("button", { type: "button", id: "close", onclick: act.close }, "Close")),
    ...section("Why", "why", line.links.map((link) => linkItem(link, link.head, act, `${nameOf(link.source)} ${verb(link)} ${nameOf(link.service)}`))),
  ];
}

function section(title, id, items, level = "h3") {
  if (!items.length) return [];
  const more = items.length > SHOWN ? [element("li", {}, `and ${items.length - SHOWN} more: see the table`)] : [];
  return [element(level, {}, title), element("ul", { id: `list-${id}` }, ...items.slice(0, SHOWN), ...more)];
}

function linkItem(link, node, act, label) {
  const facts = [link.port ? `port ${link.port}` : "", `confidence ${link.confidence}`,
    link.required ? "required" : "", link.inCycle ? "in a cycle" : ""].filter(Boolean).join(" \u00b7 ");
  return element("li", { class: link.required ? "required" : "" }, jump(node, label, act), element("span", { class: "facts" }, facts),
    element("ul", { class: "evidence" }, ...link.evidence.map((one) => element("li", {}, one.text))));
}

function jump(node, label, act) {
  return element("button", { type: "button", class: "jump", onclick: () => act.choose(node, true) }, label);
}
