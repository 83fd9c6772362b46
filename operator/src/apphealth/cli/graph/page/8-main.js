// Keys, clicks and filters, and the start of the page.

// The node that Tab focuses, and from which arrow keys move.
function stand(node) {
  if (state.at && state.at.element) state.at.element.setAttribute("tabindex", -1);
  state.at = node;
  if (node.element) node.element.setAttribute("tabindex", 0);
}

function walk(key) {
  const from = state.at && state.drawn.includes(state.at) ? state.at : state.drawn[0];
  if (!from) return;
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = from, least = Infinity;
  for (const node of state.drawn) {
    const [x, y] = [node.at.x - from.at.x, node.at.y - from.at.y];
    const ahead = x * dx + y * dy;
    const cost = ahead + 3 * Math.abs(x * dy) + 3 * Math.abs(y * dx) * (dx ? 0.6 : 1);
    if (node !== from && ahead > 0 && cost < least) [best, least] = [node, cost];
  }
  stand(best);
  view.reveal(best);
  best.element.focus({ preventScroll: true });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  const node = event.target.closest && event.target.closest(".node");
  if (event.key === "Escape") back();
  else if (typing) return;
  else if (event.key === "/") $("search").focus();
  else if (event.key === "f" && (state.chosen || state.focus)) focus(state.chosen || state.focus);
  else if (event.key === "+" || event.key === "=") view.zoom(1.25);
  else if (event.key === "-") view.zoom(0.8);
  else if (event.key === "0") view.fit();
  else if (event.key.startsWith("Arrow") && !$("graph").hidden && !event.target.closest("#panel, nav, #table")) walk(event.key);
  else if (node && (event.key === "Enter" || event.key === " ")) choose(node.node, true);
  else return;
  event.preventDefault();
}

function back() {
  if (state.chosen || state.line) choose(null);
  else if (state.focus) {
    state.focus = null;
    redraw();
    remember();
  } else if ($("search").value) {
    $("search").value = "";
    showResults();
  }
}

function theme() {
  const root = document.documentElement;
  const next = { "": "light", light: "dark", dark: "" }[root.dataset.theme || ""];
  root.dataset.theme = next;
  $("theme").textContent = `Theme: ${next || "system"}`;
}

function markedList(title, items) {
  return items.length ? [element("h2", {}, title), element("ul", {}, ...items.map((item) => element("li", {}, ...item)))] : [];
}

function begin() {
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  $("counts").textContent = [count(data.workloads.length, "workload"), count(data.services.length, "Service"), `${data.edges.length.toLocaleString("en")} dependenc${data.edges.length === 1 ? "y" : "ies"}`].join(" \u00b7 ");
  for (const name of hues.keys()) $("namespace").append(element("option", { value: name }, name));
  const behind = graph.nodes.filter((node) => node.workloads.length && node.services.length);
  const ready = behind.filter((node) => !node.uncovered).length;
  if (behind.length) $("counts").textContent += ` \u00b7 ${ready} of ${behind.length} with a Service have readiness`;
  const kinds = [...new Set(data.edges.flatMap((edge) => edge.evidence.map((one) => one.kind)))].sort();
  for (const kind of kinds) {
    $("kinds").append(element("label", { class: "tick" }, element("input", { type: "checkbox", value: kind, checked: true }), ` ${kind}`));
  }
  const alone = graph.nodes.filter((node) => !node.in.length && !node.out.length).length;
  $("alone-label").textContent = `Without dependencies (${alone})`;
  const shared = graph.nodes.filter((node) => node.shared).sort((a, b) => b.shared - a.shared);
  $("marked").append(
    ...markedList("Shared", shared.map((node) => [jump(node, `\u2605 ${node.name}`, act), ` ${node.shared} require it`])),
    ...markedList("Cycles", data.cycles.map((cycle) => [jump(graph.nodeOf(graph.workloads[cycle[0]]), `\u21bb ${cycle.map((index) => graph.workloads[index].name).join(", ")}`, act)])));
  listen();
  recall();
}

function listen() {
  $("search").addEventListener("input", showResults);
  $("search").addEventListener("keydown", (event) => {
    const first = $("results").querySelector("button");
    if (event.key === "Enter" && first) first.click();
  });
  for (const id of ["namespace", "required", "alone", "kinds"]) $(id).addEventListener("change", () => {
    redraw();
    remember();
  });
  $("scene").addEventListener("click", (event) => {
    const hit = event.target.closest(".node, g.edge");
    if (hit && !view.moved()) hit.node ? choose(hit.node) : chooseLine(hit.line);
  });
  $("scene").addEventListener("dblclick", (event) => {
    const hit = event.target.closest(".node");
    if (hit) focus(hit.node);
  });
  $("canvas").addEventListener("click", (event) => {
    if (event.target === $("canvas") && !view.moved()) choose(null);
  });
  document.addEventListener("keydown", onKey);
  $("zoom-in").addEventListener("click", () => view.zoom(1.25));
  $("zoom-out").addEventListener("click", () => view.zoom(0.8));
  $("zoom-fit").addEventListener("click", view.fit);
  $("as-graph").addEventListener("click", () => showView("graph"));
  $("as-table").addEventListener("click", () => showView("table"));
  $("theme").addEventListener("click", theme);
}

begin();
