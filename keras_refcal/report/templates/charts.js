// One function for each kind of diagram; each returns a Frame with its legend.

const SHARE = { range: [0, 1], unit: "share" };
const tone = (place) => `tone-${place % 8}`;
const high = (values, least) => Math.max(least, ...values.filter(known));

function band(frame, x0, x1) {
  return () => node("rect", {
    x: frame.x(x0), width: frame.x(x1) - frame.x(x0), y: frame.top,
    height: frame.bottom - frame.top, class: "band",
  });
}

function ring(x, y, radius = 6) {
  return () => node("circle", { cx: x, cy: y, r: radius, class: "highlight" });
}

// Writes each name beside its point, where it hides neither a name nor a point.
function nameAll(frame, places) {
  const taken = places.map(({ x, y }) => [x - 9, y - 9, x + 9, y + 9]);
  for (const { x, y, name } of places) {
    const wide = name.length * 6.6;
    const rows = [0, 15, 30, 45, 60].flatMap((away) => [y - 17 - away, y + 4 + away]);
    const boxes = rows.flatMap((top) =>
      [x + 13, x - 13 - wide, x - wide / 2].map((left) => [left, top, left + wide, top + 14]));
    const inside = ([left, top, right, bottom]) =>
      left >= frame.left && right <= frame.right && top >= 0 && bottom <= frame.bottom;
    const free = ([left, top, right, bottom]) =>
      taken.every((other) => right < other[0] || left > other[2] || bottom < other[1] || top > other[3]);
    const box = boxes.find((one) => inside(one) && free(one)) ?? boxes.find(inside) ?? boxes[0];
    taken.push(box);
    frame.text(box[0], box[1] + 11, name, "start", "name");
  }
}

const charts = {
  reliability(box, data) {
    const strip = 46;
    const height = Math.min(Math.max(box.clientWidth, 260), 520) + strip;
    const frame = new Frame(box, {
      height, bottom: 38 + strip,
      x: { ...SHARE, title: "" },
      y: { ...SHARE, title: data.outcome },
    });
    const most = high(data.weight, 1);
    const total = data.weight.reduce((sum, value) => sum + value, 0);
    const floor = height - 22;
    data.weight.forEach((weight, bin) => {
      if (!weight) return;
      const [low, up] = [data.edges[bin], data.edges[bin + 1]];
      const [accuracy, confidence] = [data.accuracy[bin], data.confidence[bin]];
      frame.bar(low, up, 0, accuracy, "bar-right", 1);
      frame.bar(low, up, accuracy, confidence, "bar-gap", 1);
      const tall = Math.max(((strip - 14) * weight) / most, 1);
      frame.add("rect", {
        x: frame.x(low) + 1, width: Math.max(frame.x(up) - frame.x(low) - 2, 0.5),
        y: floor - tall, height: tall, class: "bar-count",
      });
    });
    frame.path([0, 1], [0, 1], "guide");
    data.weight.forEach((weight, bin) => {
      if (!weight) return;
      const [x, y] = [frame.x(data.confidence[bin]), frame.y(data.accuracy[bin])];
      const [low, up] = [frame.y(data.low[bin]), frame.y(data.high[bin])];
      frame.add("path", { d: `M${x} ${low}V${up}M${x - 3} ${low}h6M${x - 3} ${up}h6`, class: "whisker" });
      frame.dot(data.confidence[bin], data.accuracy[bin], 3.5, "dot-right");
      frame.mark(
        (frame.x(data.edges[bin]) + frame.x(data.edges[bin + 1])) / 2, y,
        `Confidence ${show.share(data.edges[bin])} to ${show.share(data.edges[bin + 1])}`,
        [
          ["samples", `${show.count(weight)} (${show.share(weight / total)})`],
          [data.outcome, show.share(data.accuracy[bin])],
          ["interval", `${show.share(data.low[bin])} to ${show.share(data.high[bin])}`],
          ["mean confidence", show.share(data.confidence[bin])],
          ["gap", show.points(data.confidence[bin] - data.accuracy[bin])],
        ],
        band(frame, data.edges[bin], data.edges[bin + 1]),
      );
    });
    frame.text((frame.left + frame.right) / 2, height - 5, "confidence", "middle", "title");
    frame.text(frame.left + 10, frame.top + 18, `mean gap ${show.number(data.error)}`, "start", "name");
    frame.legend = [[data.outcome, "dot-right"], ["gap to confidence", "bar-gap"], ["samples", "bar-count"]];
    return frame;
  },

  reliabilities(box, data) {
    const height = Math.min(Math.max(box.clientWidth, 260), 520) + 8;
    const frame = new Frame(box, {
      height, x: { ...SHARE, title: "confidence" }, y: { ...SHARE, title: "accuracy" },
    });
    frame.path([0, 1], [0, 1], "guide");
    data.series.forEach((one, place) => {
      frame.path(one.x, one.y, `line ${tone(place)}`);
      one.x.forEach((x, bin) => {
        frame.dot(x, one.y[bin], 3.5, `dot ${tone(place)}`);
        frame.mark(frame.x(x), frame.y(one.y[bin]), one.name, [
          ["samples", show.count(one.weight[bin])],
          ["accuracy", show.share(one.y[bin])],
          ["mean confidence", show.share(x)],
          ["gap", show.points(x - one.y[bin])],
        ], ring(frame.x(x), frame.y(one.y[bin])));
      });
    });
    frame.nearest = "both";
    frame.legend = data.series.map((one, place) => [`${one.name}, ECE ${show.number(one.error)}`, `dot ${tone(place)}`]);
    return frame;
  },

  histogram(box, data) {
    const [up, down] = [high(data.right, 0), high(data.wrong, 0)];
    const room = Math.max(up, down) * 0.02 || 1;
    const frame = new Frame(box, {
      height: 215,
      x: { ...SHARE, title: "confidence" },
      y: { range: [-down - room, up + room], unit: data.unit },
    });
    data.right.forEach((right, bin) => {
      const wrong = data.wrong[bin];
      const [low, top] = [data.edges[bin], data.edges[bin + 1]];
      if (right) frame.bar(low, top, 0, right, "bar-right", 1);
      if (wrong) frame.bar(low, top, 0, -wrong, "bar-wrong", 1);
      if (!right && !wrong) return;
      const text = show[data.unit];
      const pairs = [["right", text(right)], ["wrong", text(wrong)]];
      if (data.unit === "count") pairs.push(["of them right", show.share(right / (right + wrong))]);
      frame.mark((frame.x(low) + frame.x(top)) / 2, frame.y(right),
        `Confidence ${show.share(low)} to ${show.share(top)}`, pairs, band(frame, low, top));
    });
    frame.line(frame.left, frame.y(0), frame.right, frame.y(0), "axis");
    frame.legend = [["right", "bar-right"], ["wrong", "bar-wrong"]];
    return frame;
  },

  risk(box, data) {
    const top = high([...data.series.flatMap((one) => one.y), data.error], 0.01);
    const frame = new Frame(box, {
      height: data.series.length > 1 ? Math.min(Math.max(box.clientWidth, 260), 520) + 8 : 215,
      x: { ...SHARE, title: "share of answers kept" },
      y: { range: [0, Math.min(1, top * 1.08)], unit: "share", title: "of them wrong" },
    });
    if (known(data.error)) {
      const error = data.error;
      frame.path([0, 1], [error, error], "guide");
      const xs = Array.from({ length: 61 }, (_, place) => 1 - error + (error * place) / 60);
      frame.path([0, ...xs], [0, ...xs.map((x) => (x ? (x - 1 + error) / x : 0))], "dotted");
    }
    data.series.forEach((one, place) => {
      frame.path(one.x, one.y, `line ${tone(place)}`, true);
      one.x.forEach((x, point) => {
        frame.mark(frame.x(x), frame.y(one.y[point]),
          data.series.length > 1 ? one.name : `${show.share(x)} of the answers`, [
            ...(data.series.length > 1 ? [["kept", show.share(x)]] : []),
            ["of them wrong", show.share(one.y[point])],
            ["least confidence", show.number(one.threshold[point])],
          ], ring(frame.x(x), frame.y(one.y[point]), 5));
      });
    });
    if (data.chosen) {
      const { target, coverage, risk, threshold } = data.chosen;
      if (target <= top * 1.08) frame.path([0, 1], [target, target], "line tone-2");
      if (known(risk)) {
        frame.dot(coverage, risk, 6, "dot tone-2");
        frame.mark(frame.x(coverage), frame.y(risk), "The chosen threshold", [
          ["answered", show.share(coverage)], ["of them wrong", show.share(risk)],
          ["wrong at most", show.share(target)], ["least confidence", show.number(threshold)],
        ], ring(frame.x(coverage), frame.y(risk), 8));
      }
      frame.legend = [[`at most ${show.share(target)} wrong, threshold chosen on validation data`, "dot tone-2"]];
    }
    frame.nearest = data.series.length > 1 ? "both" : "x";
    frame.cursor = true;
    if (data.series.length > 1) frame.legend = data.series.map((one, place) => [one.name, `dot ${tone(place)}`]);
    return frame;
  },

  by_group(box, data) {
    const row = 30;
    const top = 14;
    const values = data.series.flatMap((one) => one.x).filter(known);
    const range = data.target === null
      ? [0, high(values, data.unit === "share" ? 0.01 : 1) * 1.05]
      : [Math.max(0, Math.min(data.target, ...values) - 0.05), 1];
    const frame = new Frame(box, {
      height: top + row * data.groups.length + 40, top, left: 70,
      x: { range, unit: data.unit, title: data.title },
      y: { range: [data.groups.length, 0], ticks: [], title: "" },
    });
    if (data.target !== null) frame.path([data.target, data.target], [0, data.groups.length], "guide");
    data.groups.forEach((name, place) => {
      const middle = place + 0.5;
      frame.text(frame.left - 10, frame.y(middle) + 4, name, "end", "name");
      frame.line(frame.left, frame.y(middle), frame.right, frame.y(middle), "grid");
      data.series.forEach((one, number) => {
        if (!known(one.x[place])) return;
        const at = middle + ((number + 0.5) / data.series.length - 0.5) * 0.72;
        frame.dot(one.x[place], at, 4.5, `dot ${tone(number)}`);
        frame.mark(frame.x(one.x[place]), frame.y(at), `${one.name}, ${name.toLowerCase()}`,
          [[data.title, show[data.unit](one.x[place])]],
          ring(frame.x(one.x[place]), frame.y(at)));
      });
    });
    frame.nearest = "both";
    frame.legend = data.series.map((one, number) => [one.name, `dot ${tone(number)}`]);
    return frame;
  },

  sizes(box, data) {
    const frame = new Frame(box, {
      height: 230,
      x: { range: [-0.5, data.names.length - 0.5], ticks: [], title: "classes in the set" },
      y: { range: [0, high(data.series.flatMap((one) => one.y), 0.01) * 1.05], unit: "share" },
    });
    const wide = 0.8 / data.series.length;
    data.names.forEach((name, size) => {
      frame.text(frame.x(size), frame.bottom + 16, name, "middle");
      data.series.forEach((one, number) => {
        const from = size - 0.4 + number * wide;
        if (one.y[size]) frame.bar(from, from + wide, 0, one.y[size], `bar-series ${tone(number)}`, 0.5);
      });
      frame.mark(frame.x(size), frame.top, `${name} ${name === "1" ? "class" : "classes"}`,
        data.series.map((one) => [one.name, show.share(one.y[size])]), band(frame, size - 0.5, size + 0.5));
    });
    frame.legend = data.series.map((one, number) => [one.name, `bar-series ${tone(number)}`]);
    return frame;
  },

  classes(box, data) {
    const count = data.names.length;
    const strip = 50;
    const height = 330;
    const frame = new Frame(box, {
      height, bottom: 26 + strip,
      x: { range: [-0.5, count - 0.5], ticks: [], title: "" },
      y: { ...SHARE },
    });
    const wide = frame.x(1) - frame.x(0);
    const most = high(data.size, 1);
    const radius = Math.max(1.6, Math.min(5, wide * 0.36));
    data.names.forEach((name, rank) => {
      const [accuracy, confidence] = [data.accuracy[rank], data.confidence[rank]];
      const x = frame.x(rank);
      const tall = Math.max(((strip - 8) * data.size[rank]) / most, data.size[rank] ? 1 : 0);
      frame.add("rect", {
        x: x - wide * 0.4, width: wide * 0.8, y: frame.bottom + 6, height: tall, class: "bar-count",
      });
      if (known(accuracy)) {
        frame.add("line", { x1: x, x2: x, y1: frame.y(accuracy), y2: frame.y(confidence), class: "dumbbell" });
        frame.dot(rank, confidence, radius, "dot-wrong");
        frame.dot(rank, accuracy, radius, "dot-right");
      }
      frame.mark(x, frame.y(accuracy ?? 0), name, [
        [data.sizeName, show.count(data.size[rank])],
        ...(data.sizeName === "test samples" ? [] : [["test samples", show.count(data.samples[rank])]]),
        ["accuracy", show.share(accuracy)],
        ["mean confidence", show.share(confidence)],
        ["gap", known(accuracy) ? show.points(confidence - accuracy) : "–"],
      ], band(frame, rank - 0.5, rank + 0.5));
    });
    if (wide > 62)
      data.names.forEach((name, rank) => frame.text(frame.x(rank), height - 6, name.length > wide / 7 ? `${name.slice(0, Math.floor(wide / 7) - 1)}…` : name, "middle"));
    else
      frame.text((frame.left + frame.right) / 2, height - 6, `classes, most ${data.sizeName} first`, "middle", "title");
    frame.legend = [["accuracy", "dot-right"], ["mean confidence", "dot-wrong"], [data.sizeName, "bar-count"]];
    return frame;
  },

  training(box, data) {
    const values = data.series.flatMap((one) => one.y).filter(known);
    const epochs = data.series[0].y.length;
    const low = Math.min(0, ...values);
    const frame = new Frame(box, {
      height: 290, top: 26,
      x: { range: [1, Math.max(epochs, 2)], title: "epoch", ticks: ticks(1, Math.max(epochs, 2), 8).filter(Number.isInteger) },
      y: { range: data.unit === "share" ? [0, 1] : [low, high(values, 0.01) * 1.05], unit: data.unit },
    });
    data.stages.forEach((stage, place) => {
      if (!stage.name) return;
      const at = frame.x(stage.start + (place ? 0.5 : 1));
      if (place) frame.line(at, 4, at, frame.bottom, "stage");
      frame.text(place ? at + 6 : frame.left, 13, stage.name, "start", "name");
    });
    data.series.forEach((one, place) => {
      for (const stage of data.stages) {
        const part = one.y.slice(stage.start, stage.start + stage.length);
        const xs = part.map((_, epoch) => stage.start + epoch + 1);
        frame.path(xs, part, `line ${tone(place)}${one.name === "loss" ? " total" : ""}`);
      }
      one.y.forEach((value, epoch) => {
        const alone = known(value) && !known(one.y[epoch - 1] ?? null) && !known(one.y[epoch + 1] ?? null);
        if (alone) frame.dot(epoch + 1, value, 3, `dot ${tone(place)}`);
      });
    });
    for (let epoch = 0; epoch < epochs; epoch++) {
      const pairs = data.series.filter((one) => known(one.y[epoch])).map((one) => [one.name, show.number(one.y[epoch])]);
      if (pairs.length) frame.mark(frame.x(epoch + 1), frame.top, `Epoch ${epoch + 1}`, pairs);
    }
    frame.cursor = true;
    frame.legend = data.series.map((one, place) => [one.name, `${one.name === "loss" ? "total" : "dot"} ${tone(place)}`]);
    return frame;
  },

  methods(box, data) {
    const points = data.points.filter((one) => known(one.ece) && known(one.accuracy));
    const padded = (name) => {
      const lows = points.map((one) => one[name] - (one[`${name}_spread`] ?? 0));
      const highs = points.map((one) => one[name] + (one[`${name}_spread`] ?? 0));
      const [low, top] = [Math.min(...lows), Math.max(...highs)];
      const room = (top - low) * 0.18 || 0.01;
      return [Math.max(0, low - room), top + room];
    };
    const frame = new Frame(box, {
      height: 340, left: 56,
      x: { range: padded("ece"), title: "expected calibration error" },
      y: { range: padded("accuracy"), unit: "share", title: "accuracy" },
    });
    const refinements = points.map((one) => one.refinement).filter(known);
    const [low, top] = [Math.min(...refinements), Math.max(...refinements)];
    for (const one of points) {
      const [x, y] = [frame.x(one.ece), frame.y(one.accuracy)];
      for (const sign of [-1, 1]) {
        if (known(one.ece_spread)) frame.line(x, y, frame.x(one.ece + sign * one.ece_spread), y, "whisker-series");
        if (known(one.accuracy_spread)) frame.line(x, y, x, frame.y(one.accuracy + sign * one.accuracy_spread), "whisker-series");
      }
      const share = known(one.refinement) ? (one.refinement - low) / (top - low || 1) : 0;
      frame.dot(one.ece, one.accuracy, 8, "bubble").style.setProperty("--share", share.toFixed(3));
      const spread = (name, text) => (known(one[`${name}_spread`]) ? `${text(one[name])} ± ${text(one[`${name}_spread`])}` : text(one[name]));
      frame.mark(x, y, one.name, [
        ["accuracy", spread("accuracy", show.share)],
        ["ECE", spread("ece", show.number)],
        ["refinement", spread("refinement", show.number)],
      ], ring(x, y, 12));
    }
    nameAll(frame, frame.marks.map(({ x, y, title }) => ({ x, y, name: title })));
    frame.nearest = "both";
    return frame;
  },
};
