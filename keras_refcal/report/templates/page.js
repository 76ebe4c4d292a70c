// What the page does: draws, points, switches, sorts.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const tip = byId("tip");

// Light and dark.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try { chosen = localStorage.getItem("keras-refcal-theme"); } catch { chosen = null; }

function applyTheme() {
  const theme = chosen ?? (dark.matches ? "dark" : "light");
  root.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
}

byId("theme").addEventListener("click", () => {
  chosen = root.dataset.theme === "dark" ? "light" : "dark";
  // A page opened from a file may not be allowed to remember.
  try { localStorage.setItem("keras-refcal-theme", chosen); } catch { /* stays for this visit */ }
  applyTheme();
});
dark.addEventListener("change", applyTheme);
applyTheme();

// Diagrams.

function legend(entries) {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const [text, name] of entries) {
    const item = document.createElement("li");
    const sign = name.startsWith("bar")
      ? node("rect", { x: 2, y: 0, width: 14, height: 10, rx: 2, class: name })
      : name.startsWith("total")
      ? node("path", { d: "M3 5H15", class: `line ${name}` })
      : node("circle", { cx: 9, cy: 5, r: 4.5, class: name });
    item.append(node("svg", { "aria-hidden": "true", viewBox: "0 0 18 10" }, sign), text);
    list.append(item);
  }
  return list;
}

function hideTip(frame) {
  tip.classList.remove("on");
  frame?.spot?.remove();
}

function showTip(frame, mark, aloud) {
  frame.spot?.remove();
  frame.spot = node("g");
  if (frame.cursor) frame.spot.append(node("line", { x1: mark.x, x2: mark.x, y1: frame.top, y2: frame.bottom, class: "cursor" }));
  if (mark.highlight) frame.spot.append(mark.highlight());
  frame.svg.append(frame.spot);
  const title = document.createElement("b");
  title.textContent = mark.title;
  const lines = mark.pairs.map((pair) => {
    const line = document.createElement("div");
    line.append(...pair.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    return line;
  });
  tip.replaceChildren(title, ...lines);
  const box = frame.svg.getBoundingClientRect();
  const [x, y] = [box.left + (mark.x * box.width) / frame.width, box.top + (mark.y * box.height) / frame.height];
  const beside = x + 16 + tip.offsetWidth > innerWidth - 8 ? x - 16 - tip.offsetWidth : x + 16;
  const left = Math.max(8, Math.min(beside, innerWidth - 8 - tip.offsetWidth));
  const top = Math.max(8, Math.min(y - tip.offsetHeight / 2, innerHeight - 8 - tip.offsetHeight));
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  tip.classList.add("on");
  if (aloud) byId("said").textContent = `${mark.title}: ${mark.pairs.map((pair) => pair.join(" ")).join(", ")}`;
}

function interactive(frame, summary) {
  const { svg, marks } = frame;
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-roledescription", "diagram");
  svg.setAttribute("aria-label", `${summary} Arrow keys read its values.`);
  svg.setAttribute("tabindex", "0");
  let place = -1;
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.left) * frame.width) / box.width, ((event.clientY - box.top) * frame.height) / box.height];
    const distance = (mark) => (frame.nearest === "both" ? Math.hypot(mark.x - x, mark.y - y) : Math.abs(mark.x - x));
    let best = null;
    marks.forEach((mark, number) => {
      if (best === null || distance(mark) < distance(marks[best])) best = number;
    });
    if (best === null || (frame.nearest === "both" && distance(marks[best]) > 60)) return hideTip(frame);
    place = best;
    showTip(frame, marks[best], false);
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", () => hideTip(frame));
  svg.addEventListener("blur", () => hideTip(frame));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") hideTip(frame);
    if (step === undefined || !marks.length) return;
    event.preventDefault();
    place = Math.max(0, Math.min(marks.length - 1, place + step));
    showTip(frame, marks[place], true);
  });
}

function draw(figure) {
  const plot = figure.querySelector(".plot");
  if (!plot.clientWidth) return;
  const view = Number(figure.dataset.view ?? 0);
  const values = data[figure.dataset.chart][view];
  hideTip();
  const focused = plot.contains(document.activeElement);
  const frame = charts[values.kind](plot, values);
  interactive(frame, plot.getAttribute(`data-summary-${view}`));
  plot.replaceChildren(frame.svg, ...(frame.legend ? [legend(frame.legend)] : []));
  if (focused) frame.svg.focus();
}

const widths = new WeakMap();
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (widths.get(target) === target.clientWidth) continue;
    widths.set(target, target.clientWidth);
    draw(target.closest("figure"));
  }
});

for (const figure of all("[data-chart]")) {
  resized.observe(figure.querySelector(".plot"));
  for (const button of all("[data-view]", figure))
    button.addEventListener("click", () => {
      for (const other of all("[data-view]", figure)) other.setAttribute("aria-pressed", String(other === button));
      figure.dataset.view = button.dataset.view;
      draw(figure);
    });
}

// Tables.

function valueOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function compare(a, b) {
  if (typeof a === "string" || typeof b === "string")
    return String(a).localeCompare(String(b), "en", { numeric: true });
  return a - b;
}

function shorten(table) {
  const search = document.querySelector(`[data-search="${table.id}"]`);
  const term = search ? search.value.trim().toLowerCase() : "";
  const limit = Number(table.dataset.shown ?? Infinity);
  const rows = [...table.tBodies[0].rows];
  const fitting = rows.filter((row) => row.cells[0].textContent.toLowerCase().includes(term));
  const visible = new Set(fitting.slice(0, limit));
  for (const row of rows) row.hidden = !visible.has(row);
  const counter = document.querySelector(`[data-count-of="${table.id}"]`);
  if (counter) counter.textContent = `${visible.size} of ${rows.length} shown`;
  if (table.moreButton) table.moreButton.hidden = fitting.length <= visible.size;
}

function sort(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const up = heading.getAttribute("aria-sort") !== "ascending";
  const missing = (value) => typeof value === "number" && Number.isNaN(value);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row, column), row]);
  // Undefined values stay last, whichever way.
  rows.sort(([a], [b]) => missing(a) - missing(b) || (up ? compare(a, b) : compare(b, a)));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  shorten(table);
}

for (const table of all("table[id]")) {
  all("th button", table.tHead).forEach((button, column) => button.addEventListener("click", () => sort(table, column)));
  if (!table.dataset.shown) continue;
  const rows = table.tBodies[0].rows.length;
  if (rows > Number(table.dataset.shown)) {
    const more = Object.assign(document.createElement("button"), { type: "button", className: "more", textContent: `Show all ${rows}` });
    more.addEventListener("click", () => { delete table.dataset.shown; shorten(table); });
    table.parentElement.after(more);
    table.moreButton = more;
  }
  document.querySelector(`[data-search="${table.id}"]`)?.addEventListener("input", () => shorten(table));
  shorten(table);
}

// A table wider or longer than its box can be scrolled by keys.

const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) {
      target.tabIndex = 0;
      target.setAttribute("role", "region");
      target.setAttribute("aria-label", `${target.dataset.label}, scrolls`);
    } else for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
  }
});
for (const box of all(".scroll")) boxes.observe(box);

// Tabs of several methods, and links into the one that is open.

const tabs = all('[role="tab"]');
let open = 0;

function select(number, focus) {
  open = number;
  tabs.forEach((tab, place) => {
    tab.setAttribute("aria-selected", String(place === number));
    tab.tabIndex = place === number ? 0 : -1;
    byId(`panel-${place}`).hidden = place !== number;
  });
  if (focus) tabs[number].focus();
}

tabs.forEach((tab, place) => {
  tab.addEventListener("click", () => select(place, false));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) select((place + step + tabs.length) % tabs.length, true);
  });
});

for (const link of all("[data-section]"))
  link.addEventListener("click", () => link.setAttribute("href", `#p${open}-${link.dataset.section}`));
