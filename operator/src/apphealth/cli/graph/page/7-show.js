// The state of the page, the part of the graph that is drawn, and its colours.

const MOST_DRAWN = 1500; // nodes; more would make the page slow and unreadable
const MOST_FOUND = 12;
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const graph = model(data);
const hues = new Map([...new Set(graph.nodes.map((node) => node.namespace))].sort().map((name, index) => [name, index]));
const view = viewer($("canvas"), $("scene"));
const state = { chosen: null, line: null, focus: null, at: null, order: 1, drawn: [], lines: [], asking: false };
const act = { choose, close: () => choose(null), focus, ask, asking: () => state.asking, focused: (node) => state.focus === node, sort: (order) => { state.order = order; showTable(); } };

function words() {
  return $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
}

function filtered() {
  const kinds = new Set([...document.querySelectorAll("#kinds input:checked")].map((box) => box.value));
  const space = $("namespace").value;
  return graph.links.filter((link) => link.evidence.some((one) => kinds.has(one.kind))
    && (!$("required").checked || link.required || link.inCycle)
    && (!space || link.source.namespace === space || link.service.namespace === space));
}

function visible() {
  const links = filtered();
  const nodes = new Set(links.flatMap((link) => [link.tail, link.head]));
  const space = $("namespace").value;
  if ($("alone").checked) {
    graph.nodes.filter((node) => !node.in.length && !node.out.length && (!space || node.namespace === space)).forEach((node) => nodes.add(node));
  }
  if (!state.focus) return { links, nodes: [...nodes] };
  const near = new Set([...reach(state.focus, "out"), ...reach(state.focus, "in")]);
  return { links: links.filter((link) => near.has(link.tail) && near.has(link.head)), nodes: graph.nodes.filter((node) => near.has(node) && (nodes.has(node) || node === state.focus)) };
}

function redraw() {
  const { links, nodes } = visible();
  const many = nodes.length > MOST_DRAWN;
  $("notice").hidden = !many && nodes.length > 0;
  $("notice").textContent = many
    ? `${nodes.length} nodes are too many to draw at once: choose a namespace, or search and focus on one. The table has them all.`
    : "No dependencies to show.";
  const inside = new Set(many ? [] : nodes);
  state.drawn = [...inside].sort((a, b) => a.id - b.id);
  state.lines = bundles(many ? [] : links, graph.ways.filter((way) => inside.has(way.tail) && inside.has(way.head)));
  const pairs = state.lines.map((line) => [line.tail, line.head]);
  const laid = layout(state.drawn, pairs);
  draw($("scene"), laid, state.lines, pairs, hues);
  view.extent(laid.width, laid.height);
  view.fit();
  if (state.drawn.length) stand(state.drawn.includes(state.at) ? state.at : state.drawn[0]);
  paint();
  showTable();
}

// Mark the chosen node and what it needs, or in the mode "What if it fails?" its impact, and dim the rest.
function paint() {
  const { chosen, line } = state;
  const asking = state.asking && chosen && chosen.services.length > 0;
  const found = words().length ? named() : null;
  const effect = asking ? impactOf(graph, chosen.services) : { unready: new Map(), degraded: new Map() };
  const set = (workloads) => new Set([...workloads.keys()].map(graph.nodeOf));
  const [unready, degraded] = [set(effect.unready), set(effect.degraded)];
  const below = chosen ? reach(chosen, "out") : new Set();
  const above = chosen ? reach(chosen, "in", 1) : new Set();
  for (const node of state.drawn) {
    const kind = node === chosen ? (asking ? "failed" : "chosen") : unready.has(node) ? "unready" : degraded.has(node) ? "degraded" : below.has(node) ? "below" : "";
    const involved = kind || above.has(node) || (line && (node === line.tail || node === line.head));
    const dim = chosen || line ? !involved : found && !found.has(node);
    for (const name of ["failed", "chosen", "unready", "degraded", "below"]) node.element.classList.toggle(name, name === kind);
    node.element.classList.toggle("dim", Boolean(dim));
    node.element.classList.toggle("hit", Boolean(found && found.has(node) && !dim));
    const seconds = node.workloads.map((one) => effect.unready.get(one)).filter(Boolean).map((one) => one.seconds);
    node.element.querySelector(".effect").textContent = { unready: `\u2717 ${Math.min(...seconds)} s`, degraded: "~", below: "\u21b3", failed: "!" }[kind] || (asking ? "" : coverage(node));
    node.element.setAttribute("aria-pressed", String(node === chosen));
  }
  const lit = (node) => node === chosen || unready.has(node) || degraded.has(node);
  for (const one of state.lines) {
    const on = one === line || (chosen && ((lit(one.tail) && lit(one.head)) || (below.has(one.tail) && below.has(one.head))));
    one.element.classList.toggle("on", Boolean(on));
    const off = chosen || line ? !on : found && !found.has(one.tail) && !found.has(one.head);
    one.element.classList.toggle("dim", Boolean(off));
  }
}

function choose(node, reveal = false) {
  Object.assign(state, { chosen: node, line: null });
  $("panel").hidden = !node;
  if (node && !state.drawn.includes(node)) bringIn(node);
  if (node) stand(node);
  $("panel").replaceChildren(...(node ? nodePanel(node, graph, act) : []));
  $("panel").scrollTop = 0;
  paint();
  if (node && reveal && !$("graph").hidden) {
    node.element.focus({ preventScroll: true });
  }
  if (node && !$("graph").hidden) view.reveal(node); // the panel may have come over it
  remember();
}

function ask() {
  state.asking = !state.asking;
  $("what-if").setAttribute("aria-pressed", String(state.asking));
  paint();
  remember();
}

// Reset the filters that hide a chosen node.
function bringIn(node) {
  state.focus = state.focus || graph.nodes.length > MOST_DRAWN ? node : null;
  $("namespace").value = "";
  $("required").checked = false;
  document.querySelectorAll("#kinds input").forEach((box) => { box.checked = true; });
  if (!node.in.length && !node.out.length) $("alone").checked = true;
  redraw();
}

function chooseLine(line) {
  if (!line.links.length) return;
  Object.assign(state, { chosen: null, line });
  $("panel").hidden = false;
  $("panel").replaceChildren(...linePanel(line, act));
  paint();
}

function focus(node) {
  state.focus = state.focus === node ? null : node;
  redraw();
  if (node) choose(node, true);
}

function search() {
  const wanted = words();
  const has = (text) => wanted.every((word) => text.includes(word));
  const byEvidence = new Set(graph.links.filter((link) => has(linkText(link))).map((link) => link.tail));
  return graph.nodes.filter((node) => has(node.text) || byEvidence.has(node));
}

// The nodes that a search marks: those with such a name, and only if there is none, those with such evidence.
function named() {
  const found = search();
  const wanted = words();
  const names = found.filter((node) => wanted.every((word) => node.text.includes(word)));
  return new Set(names.length ? names : found);
}

function linkText(link) {
  link.text = link.text || `${nameOf(link.source)} ${nameOf(link.service)} ${link.evidence.map((one) => `${one.kind} ${one.text}`).join(" ")}`.toLowerCase();
  return link.text;
}

function showResults() {
  const found = words().length ? search() : [];
  const wanted = words();
  // Names before evidence, whole names first.
  const rank = (node) => (wanted.includes(node.name.toLowerCase()) ? 0 : wanted.every((word) => node.text.includes(word)) ? 1 : 2);
  found.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  $("results").replaceChildren(...found.slice(0, MOST_FOUND).map((node) => element("li", {},
    element("button", { type: "button", class: "jump", onclick: () => choose(node, true) }, node.name, element("span", { class: "kind" }, ` ${node.namespace}`)))));
  $("status").textContent = !wanted.length ? "" : found.length > MOST_FOUND ? `${found.length} found, the first ${MOST_FOUND} above` : `${found.length} found`;
  paint();
  showTable();
  remember();
}

function showTable() {
  if ($("table").hidden) return;
  const wanted = words();
  const links = filtered().filter((link) => wanted.every((word) => linkText(link).includes(word)));
  $("table").replaceChildren(...table(links, state.order, act));
}

function showView(name) {
  $("graph").hidden = name !== "graph";
  $("table").hidden = name !== "table";
  $("as-graph").setAttribute("aria-pressed", String(name === "graph"));
  $("as-table").setAttribute("aria-pressed", String(name === "table"));
  showTable();
  if (name === "graph") view.fit();
  remember();
}

// What is shown stands in the address, so that it can be shared and kept.
function remember() {
  if (!state.ready) return;
  const now = new URLSearchParams();
  if ($("search").value) now.set("search", $("search").value);
  if ($("namespace").value) now.set("namespace", $("namespace").value);
  if (state.chosen) now.set("node", `${state.chosen.namespace}/${state.chosen.name}`);
  if (state.chosen && state.asking) now.set("fails", "1");
  if (state.focus) now.set("only", "1");
  if ($("graph").hidden) now.set("view", "table");
  history.replaceState(null, "", `#${now}`);
}

function recall() {
  const then = new URLSearchParams(location.hash.slice(1));
  $("search").value = then.get("search") || "";
  if (hues.has(then.get("namespace"))) $("namespace").value = then.get("namespace");
  const node = graph.nodes.find((one) => `${one.namespace}/${one.name}` === then.get("node"));
  state.asking = then.has("fails");
  if (node && then.has("only")) state.focus = node;
  redraw();
  if (node) choose(node);
  if ($("search").value) showResults();
  if (then.get("view") === "table") showView("table");
  state.ready = true;
}
