// The model of the picture: a node is a workload with its Services, or a Service without a known workload.

const MOST_BEHIND = 3; // a Service with more backends than this is a node of its own

function model(data) {
  const { workloads, services, edges } = data;
  const parent = new Map();
  const find = (item) => {
    let root = item;
    while (parent.get(root) !== root) root = parent.get(root);
    parent.set(item, root);
    return root;
  };
  workloads.forEach((one, index) => {
    one.index = index;
    parent.set(one, one);
  });
  services.forEach((one) => parent.set(one, one));
  for (const service of services) {
    if (service.workloads.length <= MOST_BEHIND) {
      for (const behind of service.workloads) parent.set(find(workloads[behind]), find(service));
    }
  }
  const nodes = new Map();
  const nodeOf = (item) => {
    const root = find(item);
    if (!nodes.has(root)) nodes.set(root, { workloads: [], services: [], out: [], in: [] });
    return nodes.get(root);
  };
  workloads.forEach((one) => nodeOf(one).workloads.push(one));
  services.forEach((one) => nodeOf(one).services.push(one));
  const links = edges.map((edge) => ({ ...edge, source: workloads[edge.from], service: services[edge.to] }));
  for (const link of links) {
    link.tail = nodeOf(link.source);
    link.head = nodeOf(link.service);
    link.tail.out.push(link);
    link.head.in.push(link);
  }
  const ways = []; // from a Service that is a node of its own to its backends
  for (const service of services) {
    if (service.workloads.length > MOST_BEHIND) {
      for (const behind of service.workloads) ways.push({ tail: nodeOf(service), head: nodeOf(workloads[behind]) });
    }
  }
  const all = [...nodes.values()];
  const circular = new Set(data.cycles.flat());
  all.forEach((node) => describe(node, circular));
  all.sort((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name));
  all.forEach((node, index) => { node.id = index; });
  return { nodes: all, links, ways, workloads, services, nodeOf };
}

function describe(node, circular) {
  const first = node.workloads[0] || node.services[0];
  node.namespace = first.namespace;
  node.name = node.workloads.length > 1 && node.services.length === 1 ? node.services[0].name : first.name;
  const kinds = [...new Set(node.workloads.map((one) => one.kind))];
  node.kind = kinds.length ? kinds.join(", ") : "Service";
  if (node.workloads.length > 1) node.kind += ` (${node.workloads.length})`;
  node.circular = node.workloads.some((one) => circular.has(one.index));
  node.shared = Math.max(0, ...node.services.map((one) => one.shared));
  const carried = ["liveness", "readiness", "startup"].filter((kind) => node.workloads.length && node.workloads.every((one) => one.probes.includes(kind)));
  node.probes = carried.map((kind) => kind[0].toUpperCase()).join("");
  node.uncovered = Boolean(node.workloads.length && node.services.length && !carried.includes("readiness"));
  node.text = [...node.workloads, ...node.services].map((one) => `${one.name} ${one.namespace} ${one.kind || "Service"}`)
    .join(" ").toLowerCase();
}

// The same as `apphealth graph --impact`: a failed required dependency makes its workload unready when its probes fail.
function impactOf(graph, failed) {
  const failing = new Map(failed.map((service) => [service, 0]));
  const unready = new Map();
  for (let changed = true; changed;) {
    changed = false;
    for (const link of graph.links) {
      const patience = link.source.seconds;
      if (!link.required || patience === null || !failing.has(link.service)) continue;
      const seconds = failing.get(link.service) + patience;
      if (!unready.has(link.source) || seconds < unready.get(link.source).seconds) {
        unready.set(link.source, { seconds, through: link.service });
        changed = true;
      }
    }
    for (const service of graph.services) {
      const behind = service.workloads.map((index) => graph.workloads[index]);
      if (failed.includes(service) || !behind.length || !behind.every((one) => unready.has(one))) continue;
      const seconds = Math.max(...behind.map((one) => unready.get(one).seconds));
      if (failing.get(service) !== seconds) {
        failing.set(service, seconds);
        changed = true;
      }
    }
  }
  const degraded = new Map();
  for (const link of graph.links) {
    if (failing.has(link.service) && !unready.has(link.source) && !degraded.has(link.source)) {
      degraded.set(link.source, { through: link.service });
    }
  }
  return { unready, degraded };
}

// All nodes that a node needs, directly or not; with `in`, all nodes that need it.
function reach(node, direction, depth = Infinity) {
  const found = new Set([node]);
  let edge = [node];
  for (let step = 0; step < depth && edge.length; step += 1) {
    const next = new Set();
    for (const one of edge) {
      for (const link of one[direction]) {
        const other = direction === "out" ? link.head : link.tail;
        if (!found.has(other)) next.add(other);
      }
    }
    next.forEach((one) => found.add(one));
    edge = [...next];
  }
  return found;
}
