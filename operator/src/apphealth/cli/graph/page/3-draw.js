// The SVG of a layout. Names are untrusted: they become text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const HUES = 12;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function shape(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
}

// Lines between the same two nodes are drawn as one.
function bundles(links, ways) {
  const found = new Map();
  const add = (tail, head) => {
    const key = tail.id * 1e6 + head.id;
    if (!found.has(key)) found.set(key, { tail, head, links: [] });
    return found.get(key);
  };
  for (const link of links) if (link.tail !== link.head) add(link.tail, link.head).links.push(link);
  for (const way of ways) add(way.tail, way.head);
  return [...found.values()];
}

// Draw a layout into the scene, and remember the element of each node and line.
function draw(scene, laid, lines, pairs, hues) {
  const boxes = laid.blocks.map((one) => shape("g", { class: "space", transform: `translate(${one.x} ${one.y})` },
    shape("rect", { width: one.boxWidth, height: one.boxHeight, rx: 10 }),
    shape("text", { x: 14, y: TITLE - 14 }, shortened(one.name, Math.max(8, Math.floor(one.boxWidth / 28))))));
  const edges = lines.map((line, index) => drawLine(line, laid, pairs[index]));
  const nodes = [...laid.places].filter(([item]) => !item.bend).map(([node, at]) => drawNode(node, at, hues));
  scene.replaceChildren(...boxes, ...edges, ...nodes);
}

function drawLine(line, laid, pair) {
  const [from, to] = [laid.places.get(line.tail), laid.places.get(line.head)];
  const points = [[from.x + WIDTH, from.y + HEIGHT / 2]];
  for (const bend of laid.routes.get(pair) || []) {
    points.push([bend.x, bend.y + GAP_Y / 2], [bend.x + WIDTH, bend.y + GAP_Y / 2]);
  }
  points.push([to.x - 5, to.y + HEIGHT / 2]);
  const d = curve(points);
  const classes = ["edge"];
  if (line.links.some((link) => link.required)) classes.push("required");
  if (line.links.some((link) => link.inCycle)) classes.push("cyclic");
  if (!line.links.length) classes.push("way");
  if (laid.blocks.length && line.tail.namespace !== line.head.namespace) classes.push("across");
  line.element = shape("g", { class: classes.join(" ") }, shape("path", { class: "touch", d }), shape("path", { class: "line", d }));
  line.element.append(shape("title", {}, lineTitle(line)));
  line.element.line = line;
  return line.element;
}

function lineTitle(line) {
  if (!line.links.length) return `${line.tail.name} leads to ${line.head.name}`;
  return line.links.map((link) => `${nameOf(link.source)} ${verb(link)} ${nameOf(link.service)}\n${
    link.evidence.map((one) => `  ${one.text}`).join("\n")}`).join("\n");
}

function verb(link) {
  return link.required ? "requires" : link.inCycle ? "needs (in a cycle)" : "needs";
}

function nameOf(one) {
  return `${one.kind || "Service"} ${one.namespace}/${one.name}`;
}

function curve(points) {
  const parts = [`M${points[0][0]} ${points[0][1]}`];
  for (let at = 1; at < points.length; at += 1) {
    const [[x, y], [to, down]] = [points[at - 1], points[at]];
    if (y === down && to > x) {
      parts.push(`H${to}`);
    } else if (to > x) {
      const half = Math.max(30, (to - x) / 2);
      parts.push(`C${x + half} ${y} ${to - half} ${down} ${to} ${down}`);
    } else { // back to the left, in a cycle or to an earlier block: below the nodes between
      const out = 50 + Math.min(120, (x - to) / 6);
      const under = Math.abs(down - y) < 3 * HEIGHT ? 2 * HEIGHT : 0;
      parts.push(`C${x + out} ${y + under} ${to - out} ${down + under} ${to} ${down}`);
    }
  }
  return parts.join("");
}

function drawNode(node, at, hues) {
  const classes = ["node", `hue-${hues.get(node.namespace) % HUES}`];
  if (!node.workloads.length) classes.push("bare");
  if (node.circular) classes.push("circular");
  if (node.shared) classes.push("shared");
  if (node.uncovered) classes.push("uncovered");
  const marks = [node.shared ? `\u2605${node.shared}` : "", node.circular ? "\u21bb" : ""].join(" ").trim();
  node.element = shape("g", { class: classes.join(" "), transform: `translate(${at.x} ${at.y})`, role: "button", tabindex: -1,
    "aria-label": spoken(node) },
  shape("rect", { class: "body", width: WIDTH, height: HEIGHT, rx: node.workloads.length ? 7 : 21 }),
  shape("rect", { class: "stripe", x: 0, y: 7, width: 4, height: HEIGHT - 14, rx: 2 }),
  shape("text", { class: "name", x: 13, y: 18 }, shortened(node.name, marks ? 19 : 24)),
  shape("text", { class: "kind", x: 13, y: 33 }, shortened(`${node.kind} \u00b7 ${node.namespace}`, 24)),
  shape("text", { class: "marks", x: WIDTH - 9, y: 18, "text-anchor": "end" }, marks),
  shape("text", { class: "effect", x: WIDTH - 9, y: 34, "text-anchor": "end" }, coverage(node)),
  shape("title", {}, spoken(node)));
  node.element.node = node;
  node.at = at;
  return node.element;
}

// What stands on a node while nothing is asked of it: its probes, or that readiness is missing.
function coverage(node) {
  return node.uncovered ? "no R" : node.probes;
}

function spoken(node) {
  const parts = [`${node.kind} ${node.name} in ${node.namespace}`, `needs ${node.out.length}`, `needed by ${node.in.length}`];
  if (node.shared) parts.push(`shared: ${node.shared} require it`);
  if (node.circular) parts.push("in a cycle");
  if (node.workloads.length) parts.push(node.uncovered ? "no readiness probe" : `probes: ${node.probes || "none"}`);
  return parts.join(", ");
}
