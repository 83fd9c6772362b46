// The positions: layers from left (dependants) to right (dependencies), computed in about linear time.

const WIDTH = 188, HEIGHT = 42, GAP_X = 84, GAP_Y = 14, TITLE = 58, MARGIN = 26;
const SHAPE = 1.7; // the desired ratio of width to height
const AT_ONCE = 70; // with more nodes than this, each namespace gets a block of its own

function layout(nodes, pairs) {
  if (!nodes.length) return { blocks: [], routes: new Map(), places: new Map(), width: 1, height: 1 };
  const spaces = new Map();
  for (const node of nodes) {
    if (!spaces.has(node.namespace)) spaces.set(node.namespace, []);
    spaces.get(node.namespace).push(node);
  }
  if (nodes.length <= AT_ONCE || spaces.size === 1) {
    const one = block(nodes, pairs, nodes.length <= AT_ONCE);
    return { blocks: [], routes: one.routes, places: one.places, width: one.width, height: one.height };
  }
  const level = layers(nodes, pairs);
  const mean = (members) => members.reduce((sum, node) => sum + level.get(node), 0) / members.length;
  const order = [...spaces].sort((a, b) => mean(a[1]) - mean(b[1]) || a[0].localeCompare(b[0]));
  const blocks = order.map(([name, members]) => {
    const inside = new Set(members);
    return { name, ...block(members, pairs.filter(([tail, head]) => inside.has(tail) && inside.has(head)), false) };
  });
  return pack(blocks);
}

// Arrange blocks in columns of about the same height, with the height that gives the best ratio.
function pack(blocks) {
  const area = blocks.reduce((sum, one) => sum + (one.width + 2 * MARGIN) * (one.height + TITLE + 2 * MARGIN), 0);
  const tried = Array.from({ length: 12 }, (_, index) => stack(blocks, Math.sqrt(area / SHAPE) * (0.7 + index / 8)));
  const off = (one) => Math.abs(Math.log(one.width / one.height / SHAPE));
  const best = tried.reduce((least, one) => (off(one) < off(least) ? one : least));
  return stack(blocks, best.tall);
}

function stack(blocks, tall) {
  const places = new Map();
  let x = 0, y = 0, wide = 0, height = 0;
  for (const one of blocks) {
    if (y && y + one.height + TITLE > tall) [x, y, wide] = [x + wide + 3 * MARGIN, 0, 0];
    Object.assign(one, { x, y, boxWidth: one.width + 2 * MARGIN, boxHeight: one.height + TITLE + MARGIN });
    for (const [node, at] of one.places) places.set(node, { x: at.x + x + MARGIN, y: at.y + y + TITLE });
    wide = Math.max(wide, one.boxWidth);
    y += one.boxHeight + 2 * MARGIN;
    height = Math.max(height, y - 2 * MARGIN);
  }
  return { blocks, places, routes: new Map(), width: x + wide, height, tall };
}

// The layer of a node is one more than the highest layer of its dependants; edges that close a cycle are ignored.
function layers(nodes, pairs) {
  const heads = new Map(nodes.map((node) => [node, []]));
  const needed = new Map(nodes.map((node) => [node, 0]));
  const state = new Map();
  for (const [tail, head] of pairs) heads.get(tail).push(head);
  const order = [];
  for (const root of [...nodes].sort((a, b) => a.in.length - b.in.length || a.id - b.id)) {
    const stack = state.has(root) ? [] : [[root, 0]];
    state.set(root, state.get(root) || "open");
    while (stack.length) {
      const top = stack[stack.length - 1];
      const next = heads.get(top[0])[top[1]++];
      if (next === undefined) {
        state.set(top[0], "done");
        order.push(stack.pop()[0]);
      } else if (!state.has(next)) {
        state.set(next, "open");
        stack.push([next, 0]);
      } else if (state.get(next) === "open") {
        heads.get(top[0]).splice(--top[1], 1);
      }
    }
  }
  for (const node of order.reverse()) {
    for (const head of heads.get(node)) needed.set(head, Math.max(needed.get(head), needed.get(node) + 1));
  }
  return needed;
}

// Lay out one block. With `fine`, lines that span several layers are routed around the nodes between.
function block(nodes, pairs, fine) {
  const level = layers(nodes, pairs);
  const count = Math.max(0, ...level.values()) + 1;
  const columns = Array.from({ length: count }, () => []);
  for (const node of nodes) columns[level.get(node)].push(node);
  const near = new Map(nodes.map((node) => [node, []]));
  const bends = new Map();
  const shared = new Map(); // lines to the same node share a route
  for (const pair of pairs) {
    const [low, high] = [level.get(pair[0]), level.get(pair[1])];
    const way = [pair[0]];
    for (let step = low + 1; fine && step < high; step += 1) {
      const key = pair[1].id * count + step;
      if (!shared.has(key)) {
        shared.set(key, { bend: true });
        near.set(shared.get(key), []);
        columns[step].push(shared.get(key));
      }
      way.push(shared.get(key));
    }
    way.push(pair[1]);
    bends.set(pair, way.slice(1, -1));
    for (let at = 1; at < way.length; at += 1) {
      near.get(way[at - 1]).push(way[at]);
      near.get(way[at]).push(way[at - 1]);
    }
  }
  untangle(columns, near);
  const placed = place(fine ? columns : wrap(columns));
  if (fine) settle(columns, near, placed);
  const routes = new Map(pairs.map((pair) => [pair, bends.get(pair).map((bend) => placed.places.get(bend))]));
  return { ...placed, routes };
}

// Order each column by the positions of its neighbours, forward and backward.
function untangle(columns, near) {
  const at = new Map();
  const note = (column) => column.forEach((item, index) => at.set(item, (index + 0.5) / column.length));
  columns.forEach(note);
  for (let round = 0; round < 12; round += 1) {
    const sweep = round % 2 ? [...columns].reverse() : columns;
    for (const column of sweep) {
      const wanted = new Map(column.map((item) => {
        const around = near.get(item);
        return [item, around.length ? around.reduce((sum, one) => sum + at.get(one), 0) / around.length : at.get(item)];
      }));
      column.sort((a, b) => wanted.get(a) - wanted.get(b));
      note(column);
    }
  }
}

// Split columns that are too long for the desired ratio.
function wrap(columns) {
  const longest = Math.max(...columns.map((column) => column.length));
  let best = null;
  for (let rows = Math.min(4, longest); rows <= longest; rows += 1) {
    const wide = columns.reduce((sum, column) => sum + Math.ceil(column.length / rows), 0) * (WIDTH + GAP_X);
    const off = Math.abs(Math.log(wide / (rows * (HEIGHT + GAP_Y)) / SHAPE));
    if (!best || off < best.off) best = { rows, off };
  }
  return columns.flatMap((column) => {
    const parts = Math.ceil(column.length / best.rows) || 1;
    const rows = Math.ceil(column.length / parts);
    return Array.from({ length: parts }, (_, part) => column.slice(part * rows, (part + 1) * rows));
  });
}

const tallness = (item) => (item.bend ? GAP_Y : HEIGHT);

function place(columns) {
  const places = new Map();
  const high = columns.map((column) => column.reduce((sum, item) => sum + tallness(item) + GAP_Y, -GAP_Y));
  const height = Math.max(...high, HEIGHT);
  columns.forEach((column, index) => {
    let y = (height - high[index]) / 2;
    for (const item of column) {
      places.set(item, { x: index * (WIDTH + GAP_X), y });
      y += tallness(item) + GAP_Y;
    }
  });
  return { places, width: columns.length * (WIDTH + GAP_X) - GAP_X, height };
}

// Move each item towards its neighbours, as far as the other items of its column allow.
function settle(columns, near, placed) {
  const middle = (item) => placed.places.get(item).y + tallness(item) / 2;
  for (let round = 0; round < 16; round += 1) {
    for (const column of round % 2 ? [...columns].reverse() : columns) {
      column.forEach((item, index) => {
        const around = near.get(item);
        if (!around.length) return;
        const wish = around.reduce((sum, one) => sum + middle(one), 0) / around.length - tallness(item) / 2;
        const above = column[index - 1], under = column[index + 1];
        const least = above ? placed.places.get(above).y + tallness(above) + GAP_Y : -Infinity;
        const most = under ? placed.places.get(under).y - tallness(item) - GAP_Y : Infinity;
        placed.places.get(item).y = Math.min(Math.max(wish, least), most);
      });
    }
  }
  const tops = [...placed.places.values()].map((at) => at.y);
  const top = Math.min(...tops);
  placed.places.forEach((at) => { at.y -= top; });
  placed.height = Math.max(...[...placed.places].map(([item, at]) => at.y + tallness(item)));
}
