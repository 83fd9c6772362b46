// All edges as a table, for screen readers, find-in-page and spreadsheets.

const ROWS = 2000;
const COLUMNS = [
  ["From", (link) => nameOf(link.source)],
  ["To", (link) => nameOf(link.service)],
  ["Port", (link) => link.port || 0],
  ["Required", (link) => (link.required ? "yes" : link.inCycle ? "in a cycle" : "no")],
  ["Confidence", (link) => link.confidence],
  ["Evidence", (link) => link.evidence.map((one) => one.text).join("\n")],
];

function table(links, order, act) {
  const [at, down] = [Math.abs(order) - 1, order < 0 ? -1 : 1];
  const value = COLUMNS[at][1];
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
  const sorted = [...links].sort((a, b) => down * compare(value(a), value(b)));
  const heads = COLUMNS.map(([name], index) => element("th", {
    scope: "col", "aria-sort": index === at ? (down > 0 ? "ascending" : "descending") : "none",
  }, element("button", { type: "button", onclick: () => act.sort(index === at ? -order : index + 1) }, name)));
  const rows = sorted.slice(0, ROWS).map((link) => element("tr", { class: link.required ? "required" : "" },
    ...COLUMNS.map(([, text], index) => cell(link, text(link), index, act))));
  const told = links.length > ROWS ? `the first ${ROWS} of ${links.length} dependencies: search to see others` : `${links.length} dependencies`;
  return [element("table", {}, element("caption", {}, told),
    element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows))];
}

function cell(link, text, index, act) {
  if (index > 1) return element("td", {}, index === 2 && !text ? "" : String(text));
  return element("td", {}, jump(index ? link.head : link.tail, text, act));
}
