// Elements, scales and axes: what every diagram is made of.

const NAMESPACE = "http://www.w3.org/2000/svg";

function node(name, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const known = (value) => value !== null && Number.isFinite(value);

const show = {
  share: (value) => (known(value) ? `${(100 * value).toFixed(1)}\u00a0%` : "–"),
  number: (value) => (known(value) ? value.toFixed(4).replace("-", "−") : "–"),
  count: (value) => (known(value) ? Math.round(value).toLocaleString("en") : "–"),
  points: (value) =>
    known(value) ? `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)} points` : "–",
};

function scale([from, to], [start, end]) {
  const factor = (end - start) / (to - from || 1);
  return (value) => start + (value - from) * factor;
}

function ticks(low, high, about) {
  const rough = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++)
    found.push(at * step);
  return found;
}

function tickText(unit, values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  const digits = (size) => Math.max(0, Math.min(6, -Math.floor(Math.log10(size) + 1e-9)));
  if (unit === "share") return (value) => `${(100 * value).toFixed(digits(100 * step))}\u00a0%`;
  if (unit === "count") return (value) => Math.abs(value).toLocaleString("en");
  return (value) => value.toFixed(digits(step)).replace("-", "−");
}

// A drawing of a given size with an x and a y scale, its axes drawn at once.
class Frame {
  constructor(box, { x, y, height, left = 54, bottom = 38, top = 8, right = 10 }) {
    this.width = Math.max(box.clientWidth, 220);
    this.height = height;
    this.left = left;
    this.right = this.width - right;
    this.top = top;
    this.bottom = height - bottom;
    this.x = scale(x.range, [this.left, this.right]);
    this.y = scale(y.range, [this.bottom, this.top]);
    this.marks = [];
    this.svg = node("svg", { viewBox: `0 0 ${this.width} ${height}`, height });
    this.axes(x, y);
  }

  add(name, attributes, ...children) {
    const element = node(name, attributes, ...children);
    this.svg.append(element);
    return element;
  }

  axes(x, y) {
    const across = x.ticks ?? ticks(...x.range, this.width < 420 ? 4 : 6);
    const up = y.ticks ?? ticks(...y.range, this.height < 260 ? 4 : 5);
    const upText = tickText(y.unit, up);
    for (const value of up) {
      const at = this.y(value);
      this.line(this.left, at, this.right, at, "grid");
      this.text(this.left - 8, at + 4, upText(value), "end");
    }
    const acrossText = tickText(x.unit, across);
    for (const value of across) {
      const edge = this.x(value) > this.right - 14 && x.range[1] === value;
      this.text(edge ? this.right : this.x(value), this.bottom + 16, acrossText(value), edge ? "end" : "middle");
    }
    this.line(this.left, this.bottom, this.right, this.bottom, "axis");
    this.text((this.left + this.right) / 2, this.height - 4, x.title, "middle", "title");
    if (y.title) {
      const middle = (this.top + this.bottom) / 2;
      this.text(11, middle, y.title, "middle", "title").setAttribute("transform", `rotate(-90 11 ${middle})`);
    }
  }

  line(x1, y1, x2, y2, name) {
    return this.add("line", { x1, y1, x2, y2, class: name });
  }

  text(x, y, content, anchor = "start", name = "") {
    const element = this.add("text", { x, y, "text-anchor": anchor, class: name });
    element.textContent = content;
    return element;
  }

  // A rectangle between two points of the scales.
  bar(x0, x1, y0, y1, name, inset = 0) {
    const [left, right] = [this.x(x0) + inset, this.x(x1) - inset];
    const [top, bottom] = [Math.min(this.y(y0), this.y(y1)), Math.max(this.y(y0), this.y(y1))];
    return this.add("rect", {
      x: left, y: top, width: Math.max(right - left, 0.5), height: bottom - top, class: name,
    });
  }

  dot(x, y, radius, name) {
    return this.add("circle", { cx: this.x(x), cy: this.y(y), r: radius, class: name });
  }

  // A path through the points that are known; `step` holds a value until the next.
  path(xs, ys, name, step = false) {
    let commands = "";
    let drawing = false;
    xs.forEach((x, place) => {
      if (!known(x) || !known(ys[place])) { drawing = false; return; }
      const [across, up] = [this.x(x).toFixed(2), this.y(ys[place]).toFixed(2)];
      if (!drawing) commands += `M${across} ${up}`;
      else commands += step ? `H${across}V${up}` : `L${across} ${up}`;
      drawing = true;
    });
    return this.add("path", { d: commands, class: name });
  }

  // A place that can be pointed at: [x, y] on the drawing, a title, pairs of text.
  mark(x, y, title, pairs, highlight) {
    this.marks.push({ x, y, title, pairs, highlight });
  }
}
