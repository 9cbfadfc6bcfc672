"use strict";
// Draws the page from the JSON in the element "data". Text is only ever set as text, never as markup.
(() => {
  const svgSpace = "http://www.w3.org/2000/svg";
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat(3)) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child instanceof Node ? child : String(child));
    }
    return element;
  };
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => fill(document.createElementNS(svgSpace, tag), attributes, children);

  // Numbers

  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  const grouped = (value, digits = 0) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const short = (value) => {
    if (!isNumber(value)) return "–";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 1000) return grouped(value);
    if (size >= 100) return String(+value.toFixed(1));
    return size >= 1e-3 ? String(+value.toPrecision(3)) : value.toExponential(1).replace("e-", "e−");
  };
  const fixed = (digits) => (value) => (isNumber(value) ? value.toFixed(digits) : "–");
  const percent = (value, digits = 2) => (isNumber(value) ? (100 * value).toFixed(digits) + "%" : "–");
  const clock = (seconds) => {
    if (!isNumber(seconds)) return "–";
    if (seconds < 60) return short(seconds) + " s";
    const whole = Math.round(seconds), two = (value) => String(value).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)} h` : `${minutes}:${two(whole % 60)} min`;
  };
  const bytes = (value) => {
    if (!isNumber(value)) return "–";
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    while (value >= 1000 && unit < 4) { value /= 1000; unit += 1; }
    return (unit === 0 ? value : +value.toPrecision(3)) + " " + units[unit];
  };
  const counted = (value, noun) => `${grouped(value)} ${noun}${value === 1 ? "" : "s"}`;

  /** Round numbers from low to high, about `wanted` of them. */
  const ticks = (low, high, wanted, isWhole) => {
    const raw = (high - low) / Math.max(1, wanted);
    if (!(raw > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(raw));
    let step = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
    if (isWhole) step = Math.max(1, Math.round(step));
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(+(k * step).toPrecision(12));
    return found;
  };
  const logTicks = (low, high) => {
    const found = [];
    const decades = Math.log10(high / low);
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
      for (const factor of decades > 4 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 3, 5, 7]) {
        const value = +(factor * 10 ** power).toPrecision(3);
        if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
      }
    return found;
  };
  const quantile = (values, share) => {
    const sorted = values.filter(isNumber).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : NaN;
  };

  // Parts

  const table = (titles, rows, textColumns = [0]) =>
    h("table", {},
      h("thead", {}, h("tr", {}, titles.map((title, k) => h("th", { scope: "col", class: textColumns.includes(k) ? "text" : null }, title)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, k) =>
        k === 0 ? h("th", { scope: "row", class: "text" }, cell) : h("td", { class: textColumns.includes(k) ? "text" : null }, cell))))));
  const folded = (title, content, isOpen = false) =>
    h("details", { open: isOpen }, h("summary", {}, title), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, content));
  const card = (title, ...content) => h("section", { class: "card" }, title ? h("h3", {}, title) : null, content);
  const tall = (title, ...content) => { const made = card(title, ...content); made.classList.add("tall"); return made; };
  const imageSource = (text) => (typeof text === "string" && /^[A-Za-z0-9+/=]+$/.test(text) ? "data:image/png;base64," + text : "data:,");
  const swatch = (series) =>
    s("svg", { width: 22, height: 10, "aria-hidden": "true" },
      s("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke: series.color, "stroke-width": 2.5, "stroke-dasharray": series.dash }),
      series.dots ? s("circle", { cx: 11, cy: 5, r: 3, fill: series.color }) : null);

  // Charts

  const pen = document.createElement("canvas").getContext("2d");
  /** Pixels that a text takes beside an axis. */
  const textWidth = (text) => {
    pen.font = "12px " + getComputedStyle(document.body).fontFamily;
    return Math.ceil(pen.measureText(text).width);
  };

  /** Charts that are on the page, to draw them again when the width or the switch changes. */
  let charts = [];
  const observer = typeof ResizeObserver === "function"
    ? new ResizeObserver((entries) => { for (const entry of entries) entry.target.redraw?.(); }) : null;

  /** A figure with curves; series are { name, color, dash, dots, faint, x: [], y: [] }. */
  const chart = (options) => {
    const { title, series, format, xTitle, isWholeX } = options;
    const named = series.filter((one) => !one.faint);
    const main = named.length ? named : series;
    const plot = s("svg", { class: "plot", role: "img", tabindex: "0" });
    const readout = h("output", { class: "readout", "aria-live": "polite" });
    const holder = h("div", {}, plot);
    const all = series.flatMap((one) => one.x).filter(isNumber);
    let [left, right] = options.xDomain || [Math.min(0, ...all), Math.max(...all)];
    if (!(right > left)) [left, right] = [left - 0.5, left + 0.5];
    const firm = main.flatMap((one) => one.y).filter(isNumber), faint = series.filter((one) => one.faint).flatMap((one) => one.y);
    const loose = faint.filter(isNumber);
    const isLog = options.isLog && [...firm, ...loose].some((value) => value > 0);
    const positive = (values) => (isLog ? values.filter((value) => value > 0) : values);
    let low = Math.min(...positive(firm), ...(loose.length ? [quantile(positive(loose), 0.01)] : []));
    let high = Math.max(...positive(firm), ...(loose.length ? [quantile(positive(loose), 0.99)] : []));
    if (options.fromZero && !isLog) low = Math.min(0, low);
    if (options.highest !== undefined) high = Math.min(high, options.highest);
    if (!(high > low)) [low, high] = isLog ? [low / 2, high * 2] : [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1];
    if (!isLog && !options.fromZero) low = Math.max(low - (high - low) * 0.04, options.lowest ?? -Infinity);
    if (!isLog && options.highest === undefined) high += (high - low) * 0.04;

    let cursor = -1;
    const longest = main.reduce((best, one) => (one.x.length > best.x.length ? one : best), main[0]);
    const nearest = (one, x) => {
      let best = -1;
      for (let k = 0; k < one.x.length; k += 1)
        if (isNumber(one.y[k]) && (best < 0 || Math.abs(one.x[k] - x) < Math.abs(one.x[best] - x))) best = k;
      return best;
    };
    const draw = () => {
      const width = Math.max(240, holder.clientWidth || 480), height = options.height || (width < 420 ? 190 : 230);
      const yTicks = isLog ? logTicks(low, high) : ticks(low, high, height < 200 ? 4 : 5);
      const tickText = options.tickFormat || short;
      const labels = yTicks.map(tickText);
      const [x0, x1, y0, y1] = [11 + Math.max(16, ...labels.map(textWidth)), width - 10, height - 36, 8];
      const px = (x) => x0 + ((x - left) / (right - left)) * (x1 - x0);
      const place = (y) => (isLog ? Math.log(y / low) / Math.log(high / low) : (y - low) / (high - low));
      const py = (y) => y0 + place(y) * (y1 - y0);
      const clip = "clip" + (chart.number = (chart.number || 0) + 1);
      const xTicks = ticks(left, right, Math.max(2, Math.floor((x1 - x0) / 78)), isWholeX);
      const parts = [
        s("defs", {}, s("clipPath", { id: clip }, s("rect", { x: x0 - 4, y: y1 - 5, width: x1 - x0 + 8, height: y0 - y1 + 10 }))),
        yTicks.map((y, k) => [
          s("line", { class: "gridline", x1: x0, x2: x1, y1: py(y), y2: py(y) }),
          s("text", { x: x0 - 7, y: py(y) + 4, "text-anchor": "end" }, labels[k])]),
        s("line", { class: "axis", x1: x0, x2: x1, y1: y0, y2: y0 }),
        xTicks.map((x) => s("text", { x: px(x), y: y0 + 16, "text-anchor": px(x) > x1 - 14 ? "end" : px(x) < x0 + 6 ? "start" : "middle" }, short(x))),
        s("text", { x: (x0 + x1) / 2, y: y0 + 31, "text-anchor": "middle" }, xTitle),
      ];
      const curves = s("g", { "clip-path": `url(#${clip})` });
      for (const one of series) {
        let path = "", isOpen = false;
        one.x.forEach((x, k) => {
          const y = one.y[k];
          if (!isNumber(y) || (isLog && y <= 0)) { isOpen = false; return; }
          path += `${isOpen ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
          isOpen = true;
        });
        curves.append(s("path", {
          d: path, fill: "none", stroke: one.color, "stroke-width": one.faint ? 1 : 2, "stroke-opacity": one.faint ? 0.35 : 1,
          "stroke-dasharray": one.dash, "stroke-linejoin": "round", "stroke-linecap": "round" }));
        if ((one.dots && one.x.length <= 40) || one.x.length === 1)
          one.x.forEach((x, k) => { if (isNumber(one.y[k]) && !(isLog && one.y[k] <= 0)) curves.append(s("circle", { cx: px(x), cy: py(one.y[k]), r: 2.6, fill: one.color })); });
      }
      const mark = s("line", { class: "cursor", y1, y2: y0, visibility: "hidden" });
      const show = (x) => {
        mark.setAttribute("visibility", "visible");
        mark.setAttribute("x1", px(x)); mark.setAttribute("x2", px(x));
        readout.textContent = `${xTitle} ${short(x)}: ` + main.map((one) => {
          const k = nearest(one, x);
          return k < 0 ? null : `${one.name} ${format(one.y[k])}`;
        }).filter(Boolean).join(" · ");
      };
      plot.replaceChildren(...[parts, curves, mark].flat(3));
      plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
      plot.setAttribute("height", height);
      plot.onpointermove = (event) => {
        const box = plot.getBoundingClientRect();
        const x = left + (((event.clientX - box.left) / box.width) * width - x0) / (x1 - x0) * (right - left);
        cursor = nearest(longest, x);
        if (cursor >= 0) show(longest.x[cursor]);
      };
      plot.onpointerleave = () => { mark.setAttribute("visibility", "hidden"); readout.textContent = ""; };
      plot.onkeydown = (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[event.key];
        if (!move) return;
        event.preventDefault();
        cursor = Math.max(0, Math.min(longest.x.length - 1, cursor + move));
        show(longest.x[cursor]);
      };
    };
    const ends = main.map((one) => {
      const values = one.y.filter(isNumber);
      return values.length ? `${one.name} from ${format(values[0])} to ${format(values[values.length - 1])}` : null;
    }).filter(Boolean);
    plot.setAttribute("aria-label", `${title} over ${xTitle}s: ${ends.join("; ")}. Arrow keys read single values; the table below has them all.`);
    const stride = Math.max(1, Math.ceil(longest.x.length / 60));
    const rows = longest.x.map((x, k) => [k, x]).filter(([k]) => k % stride === 0 || k === longest.x.length - 1).map(([, x]) =>
      [short(x), ...main.map((one) => { const k = nearest(one, x); return k < 0 ? "–" : format(one.y[k]); })]);
    holder.redraw = draw;
    charts.push(draw);
    observer?.observe(holder);
    return h("figure", { class: "card" },
      h("div", { class: "figure-head" }, h("h3", {}, title),
        main.length > 1 || options.alwaysLegend ? h("ul", { class: "legend" }, main.map((one) => h("li", {}, swatch(one), one.name))) : null),
      readout, holder,
      folded("As a table", table([xTitle, ...main.map((one) => one.name)], rows, [])));
  };

  // Runs

  const view = { x: "step", isLog: false };
  const isSeveral = (data) => data.runs.length > 1;
  const color = (k) => `var(--c${k % 8})`;
  const axes = { step: "step", epoch: "epoch", minute: "minute" };
  const coordinates = (run, one) => one.step.map((step, k) =>
    view.x === "step" ? step : view.x === "epoch" ? step / (run.curves.steps_per_epoch || 1) : one.seconds[k] / 60);
  const series = (run, key, more) => {
    const one = run.curves.series[key];
    return one && one.value.some(isNumber) ? { ...more, x: coordinates(run, one), y: one.value } : null;
  };
  const averages = (run) => Boolean(run.config?.training?.ema);

  const lossOrAccuracy = (data, what) => data.runs.flatMap((run, k) => {
    const of = isSeveral(data) ? run.name + ", " : "";
    const [first, second] = isSeveral(data) ? [color(k), color(k)] : [color(0), color(1)];
    const means = series(run, "epoch_" + what, { name: of + "training", color: first, dash: isSeveral(data) ? "5 4" : null });
    const steps = series(run, what, { name: of + "training", color: first, faint: Boolean(means && means.x.length > 1) });
    const shownMeans = means && means.x.length > 1 ? means : null;
    return [
      isSeveral(data) && shownMeans ? null : steps, steps && !shownMeans ? null : means,
      series(run, "val_" + what, { name: of + (averages(run) ? "validation (weights’ average)" : "validation"), color: second, dots: true }),
      what === "accuracy" && !isSeveral(data) ? series(run, "val_top5_accuracy", { name: "validation, top 5", color: color(2), dots: true }) : null,
    ];
  }).filter(Boolean);
  const simple = (data, key, name) =>
    data.runs.map((run, k) => series(run, key, { name: isSeveral(data) ? run.name : name, color: color(k) })).filter(Boolean);

  const curveSection = (data) => {
    const x = { xTitle: axes[view.x], isWholeX: view.x === "step" };
    const pick = (list, options) => (list.length ? chart({ ...x, ...options, series: list }) : null);
    const rest = isSeveral(data);
    return h("div", { class: "grid" },
      pick(lossOrAccuracy(data, "loss"), { title: "Loss", format: fixed(4), isLog: view.isLog, fromZero: true, alwaysLegend: true }),
      pick(lossOrAccuracy(data, "accuracy"), { title: "Accuracy", format: percent, tickFormat: (y) => short(100 * y) + "%", lowest: 0, highest: 1, alwaysLegend: true }),
      pick(simple(data, "lr", "learning rate"), { title: "Learning rate", format: short, fromZero: true, height: 170, alwaysLegend: rest }),
      pick(simple(data, "images_per_second", "images/s"), { title: "Images per second", format: (y) => (isNumber(y) ? grouped(y) : "–"), fromZero: true, height: 170, alwaysLegend: rest }));
  };
  const switches = (data, redraw) => {
    const hasEpochs = data.runs.some((run) => run.curves.steps_per_epoch > 0);
    return [
      h("fieldset", {}, h("legend", {}, "over"), h("span", { class: "switch" }, Object.keys(axes).map((key) =>
        h("label", {}, h("input", { type: "radio", name: "x", value: key, checked: view.x === key, disabled: key === "epoch" && !hasEpochs,
          onchange: () => { view.x = key; redraw(); } }), key + "s")))),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: view.isLog, onchange: (event) => { view.isLog = event.target.checked; redraw(); } }), "logarithmic loss"),
    ];
  };

  const tiles = (run) => {
    const summary = run.summary || {}, findings = run.findings || {};
    const last = (key) => {
      const values = (run.curves.series[key]?.value || []).filter(isNumber);
      return values.length ? values[values.length - 1] : null;
    };
    const entries = [
      ["validation accuracy", summary.val_accuracy ?? last("val_accuracy"), (value) => percent(value)],
      ["validation loss", summary.val_loss ?? last("val_loss"), fixed(4)],
      ["training loss", summary.loss ?? last("epoch_loss") ?? last("loss"), fixed(4)],
      ["images per second", summary.images_per_second ?? last("images_per_second"), (value) => grouped(value)],
      ["time", summary.elapsed_s ?? run.curves.elapsed_s, clock],
      ["steps", summary.steps ?? run.curves.steps, (value) => grouped(value)],
      ["workers", summary.workers, (value) => grouped(value)],
      ["parameters", findings.parameters, (value) => grouped(value)],
    ].filter(([, value]) => isNumber(value));
    return h("dl", { class: "tiles" }, entries.map(([name, value, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text(value)))));
  };
  const comparison = (data) => {
    const rows = data.runs.map((run) => {
      const summary = run.summary || {};
      return [run.name, percent(summary.val_accuracy), fixed(4)(summary.val_loss), fixed(4)(summary.loss),
        isNumber(summary.images_per_second) ? grouped(summary.images_per_second) : "–", clock(summary.elapsed_s),
        isNumber(summary.steps) ? grouped(summary.steps) : "–", isNumber(summary.workers) ? grouped(summary.workers) : "–"];
    });
    return h("div", { class: "card" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Results" },
      table(["run", "validation accuracy", "validation loss", "training loss", "images/s", "time", "steps", "workers"], rows)));
  };

  const parts = [
    ["compute", "computing", "--compute"], ["meetings", "waiting for sums over the batch", "--meetings"],
    ["barrier", "waiting for other workers", "--barrier"], ["exchange", "waiting for other ranks", "--exchange"],
    ["reduce", "adding gradients", "--reduce"], ["update", "updating and preparing weights", "--update"],
  ];
  const timeCard = (run, title) => {
    const workers = run.findings?.times?.workers;
    if (!workers?.length) return null;
    const total = (worker) => parts.reduce((sum, [key]) => sum + (worker.milliseconds[key] || 0), 0);
    const longest = Math.max(...workers.map(total));
    if (!(longest > 0)) return null;
    const used = parts.filter(([key]) => workers.some((worker) => worker.milliseconds[key] > 0));
    return card(title,
      h("ul", { class: "legend", style: { "margin-top": "6px" } }, used.map(([, name, variable]) => h("li", {}, h("i", { style: { background: `var(${variable})` } }), name))),
      h("div", { class: workers.length > 24 ? "times dense" : "times", "aria-hidden": "true" }, workers.map((worker) => [
        h("span", {}, "worker " + worker.worker),
        h("div", { class: "stack" }, used.map(([key, name, variable]) => h("i", { title: `${name}: ${short(worker.milliseconds[key])} ms`,
          style: { width: (100 * (worker.milliseconds[key] || 0)) / longest + "%", background: `var(${variable})` } }))),
        h("span", {}, short(total(worker)) + " ms")])),
      h("p", { class: "note" }, `Mean of a step, over ${counted(run.findings.times.steps, "step")}.`),
      folded("As a table", table(["worker", ...used.map(([, name]) => name + ", ms"), "step, ms"],
        workers.map((worker) => [String(worker.worker), ...used.map(([key]) => short(worker.milliseconds[key])), short(total(worker))]), [])));
  };

  const placementCard = (run, title) => {
    const placement = run.summary?.placement, machine = run.findings?.machine;
    if (!placement?.workers) return null;
    const onCPU = new Map();
    for (const worker of placement.workers)
      for (const cpu of worker.cpu === null || worker.cpu === undefined ? worker.ran_on || [] : [worker.cpu]) onCPU.set(cpu, [...(onCPU.get(cpu) || []), worker]);
    const allowed = new Set(machine?.usable || []);
    const core = (cpus) => {
      const workers = cpus.flatMap((cpu) => onCPU.get(cpu) || []);
      const isMoved = workers.some((worker) => worker.cpu !== null && ((worker.ran_on || []).length !== 1 || worker.ran_on[0] !== worker.cpu));
      const isDenied = !cpus.some((cpu) => allowed.has(cpu));
      const who = workers.length ? "worker " + workers.map((worker) => worker.worker).join(", ") : isDenied ? "not for this process" : "free";
      const what = `CPU ${cpus.join(", ")}: ${who}${isMoved ? ", moved by the kernel" : ""}`;
      return h("span", { class: "core" + (workers.length ? " used" : isDenied ? " denied" : "") + (isMoved ? " moved" : ""), title: what },
        workers.length ? workers.map((worker) => worker.worker).join(" ") : "·");
    };
    const nodes = machine?.nodes || [];
    const memory = (placement.memory || []).filter((one) => one.bytes > 0);
    return card(title,
      machine?.processor ? h("p", { class: "note" }, machine.processor) : null,
      h("div", { class: "nodes", "aria-hidden": "true" }, nodes.map((node) => h("div", { class: "node" },
        h("p", {}, `node ${node.node} · ${bytes(node.memory_bytes)}`), h("div", { class: "cores" }, node.cores.map(core))))),
      h("div", { class: "pages", "aria-hidden": "true" }, memory.map((one) => [
        h("span", {}, one.class),
        h("div", { class: "stack", title: "share of the pages on the planned node" }, h("i", { style: { width: 100 * (one.on_node_share || 0) + "%", background: "var(--update)" } })),
        h("span", {}, `${bytes(one.bytes)}, ${isNumber(one.on_node_share) ? percent(one.on_node_share, 0) + " on its node" : "no node planned"}`)])),
      h("p", { class: "note" }, "A square is a core with the number of its worker; a bar is the share of the pages that are on the node they were planned for."),
      (placement.notes || []).map((note) => h("p", { class: "note warning" }, note)),
      folded("As a table", [
        table(["worker", "node", "planned CPU", "ran on CPUs", "moved"], placement.workers.map((worker) =>
          [String(worker.worker), String(worker.node), worker.cpu === null ? "any" : String(worker.cpu), (worker.ran_on || []).join(", "), String(worker.migrations)]), []),
        table(["memory", "bytes", "pages", "on its node", "in huge pages"], memory.map((one) =>
          [one.class, bytes(one.bytes), grouped(one.pages), percent(one.on_node_share), percent(one.huge_share)]))]));
  };

  const className = (run, k) => run.findings?.class_names?.[k] ?? String(k);
  const confusionCard = (run, title) => {
    const found = run.findings?.evaluation;
    if (!found?.classes?.length) return null;
    const n = found.classes.length, matrix = found.confusion;
    const content = [];
    if (matrix && n <= 24) {
      content.push(h("p", { class: "note" }, "A row for each class; its columns say what its images were taken for."), h("div", { class: "scroll confusion", tabindex: "0", role: "region", "aria-label": "Confusion matrix" }, h("table", {},
        h("thead", {}, h("tr", {}, h("td", { class: "corner" }), matrix.map((_, k) => h("th", { scope: "col", title: className(run, k) }, className(run, k))))),
        h("tbody", {}, matrix.map((row, k) => {
          const sum = row.reduce((a, b) => a + b, 0) || 1;
          return h("tr", {}, h("th", { scope: "row", title: className(run, k) }, className(run, k)), row.map((count, j) => h("td", {
            class: count === 0 ? "zero" : null, title: `${className(run, k)} taken for ${className(run, j)}: ${count}`,
            style: count === 0 ? {} : { background: `rgb(var(${j === k ? "--right" : "--wrong"}) / ${j === k ? 0.12 + 0.5 * count / sum : Math.min(0.85, 0.2 + 2.5 * count / sum)})` } }, count)));
        })))));
    } else if (matrix) {
      const size = 460, cell = size / n;
      const cells = [];
      matrix.forEach((row, k) => {
        const sum = row.reduce((a, b) => a + b, 0) || 1;
        row.forEach((count, j) => { if (count > 0) cells.push(s("rect", { x: j * cell, y: k * cell, width: cell, height: cell,
          fill: `rgb(var(${j === k ? "--right" : "--wrong"}) / ${Math.min(1, 0.15 + (j === k ? 0.85 : 3) * count / sum)})` })); });
      });
      content.push(s("svg", { class: "plot", viewBox: `0 0 ${size} ${size}`, role: "img", style: { "max-width": size + "px", "margin-top": "10px" },
        "aria-label": "Confusion matrix; the tables below name what is confused most." }, s("rect", { width: size, height: size, fill: "var(--weak)" }), cells),
        h("p", { class: "note" }, "A row for each class, from top to bottom; a column for each predicted class."));
    }
    const mistakes = found.mistakes || [];
    if (n > 10 && mistakes.length) content.push(folded("What is confused most", table(["class", "predicted", "times"],
      mistakes.map(([actual, predicted, times]) => [className(run, actual), className(run, predicted), grouped(times)]), [0, 1]), n > 24));
    content.push(folded("By class", table(["class", "examples", "precision", "recall", "F1"], found.classes.map((one) =>
      [className(run, one.class), grouped(one.examples), percent(one.precision, 1), percent(one.recall, 1), percent(one.f1, 1)]))));
    return card(title, h("p", { class: "note" }, `${percent(found.accuracy)} of ${counted(found.examples, "test image")} are right`
      + (isNumber(found.expected_calibration_error) ? `; confidence is off by ${percent(found.expected_calibration_error, 1)} on average.` : ".")), content);
  };
  const picture = (run, one, isRight) => h("figure", {},
    h("img", { src: imageSource(one.png), class: one.width < 64 ? "pixels" : null, alt: `Test image ${one.index}` }),
    h("figcaption", {}, isRight ? className(run, one.class) : [className(run, one.class), " → ", h("span", { class: "miss" }, className(run, one.predicted))],
      h("br"), h("span", { class: "sure" }, `${percent(one.confidence, 1)} sure`)));
  const imageCards = (run, of) => {
    const found = run.findings?.images;
    if (!found) return [];
    return [
      found.wrong?.length ? tall(`Most surely mistaken${of}`, h("p", { class: "note" }, "The image’s class, what it was taken for, and how sure the net was."),
        h("div", { class: "pictures" }, found.wrong.map((one) => picture(run, one, false)))) : null,
      found.right?.length ? card(`Some that are right${of}`, h("div", { class: "pictures" }, found.right.map((one) => picture(run, one, true)))) : null,
    ].filter(Boolean);
  };
  const insideCards = (run, of) => [
    run.filters ? h("section", { class: "card filters" }, h("h3", {}, `Filters of the first layer${of}`),
      h("img", { class: "pixels", src: imageSource(run.filters.png), alt: `The ${run.filters.count} filters of layer ${run.filters.layer}` }),
      h("p", { class: "note" }, `${run.filters.layer}: ${run.filters.count} filters of ${run.filters.height} × ${run.filters.width}, each from its least value (black) to its greatest (white).`)) : null,
    run.findings?.samples?.length ? card(`Training images as the net sees them${of}`,
      h("p", { class: "note" }, "In the first epoch, after what data.augment does to them."),
      h("div", { class: "pictures" }, run.findings.samples.map((one) => h("figure", {},
        h("img", { src: imageSource(one.png), class: one.width < 64 ? "pixels" : null, alt: `Training image ${one.index}` }),
        h("figcaption", {}, className(run, one.class)))))) : null,
  ].filter(Boolean);
  const layerCard = (run, title) => run.findings?.layers?.length ? card(title, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Layers" },
    table(["layer", "what", "output", "parameters"], run.findings.layers.map((one) => [one.name, one.summary, one.shape, grouped(one.parameters)]), [0, 1, 2]))) : null;

  // Configurations

  const flat = (value, path, found) => {
    if (value !== null && typeof value === "object" && Object.keys(value).length && !(Array.isArray(value) && value.every((one) => one === null || typeof one !== "object")))
      for (const [key, inner] of Object.entries(value)) flat(inner, Array.isArray(value) ? `${path}[${key}]` : path ? `${path}.${key}` : key, found);
    else found.set(path, typeof value === "string" ? value : JSON.stringify(value));
    return found;
  };
  const configurationSection = (data) => {
    const maps = data.runs.map((run) => flat(run.config || {}, "", new Map()));
    const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))];
    const differs = (key) => maps.some((map) => map.get(key) !== maps[0].get(key));
    const grid = (chosen) => h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "text" }, "key"), data.runs.map((run) => h("th", { scope: "col", class: "text" }, isSeveral(data) ? run.name : "value")))),
      h("tbody", {}, chosen.map((key) => h("tr", {}, h("th", { scope: "row", class: "text" }, h("code", {}, key)),
        maps.map((map) => h("td", { class: "text long" + (isSeveral(data) && differs(key) ? " differs" : "") }, map.has(key) ? map.get(key) : "–"))))));
    if (!keys.length) return null;
    const different = keys.filter(differs), same = keys.filter((key) => !differs(key));
    return card(null, isSeveral(data) ? [h("h3", {}, different.length ? "What differs" : "The runs have the same configuration"),
      different.length ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What differs" }, grid(different)) : null] : null,
      same.length ? folded(isSeveral(data) ? `The other ${counted(same.length, "key")}` : `All ${counted(same.length, "key")}`, grid(same)) : null);
  };
  const proofCard = (run, title) => {
    const rows = [
      ["weights", run.summary?.weights_digest], ["program", run.findings?.program ?? null], ["kernels", run.findings?.kernels ?? null],
      ["folder", run.folder],
    ].filter(([, text]) => text);
    const receipt = run.receipt ? [...flat(run.receipt, "", new Map())] : [];
    return card(title, h("table", {}, h("tbody", {}, rows.map(([name, text]) => h("tr", {}, h("th", { scope: "row", class: "text" }, name), h("td", { class: "text long" }, h("code", {}, text)))))),
      receipt.length ? folded("Receipt", h("table", {}, h("tbody", {}, receipt.map(([name, text]) => h("tr", {}, h("th", { scope: "row", class: "text" }, name), h("td", { class: "text long" }, h("code", {}, text)))))), true) : null,
      h("p", { class: "note" }, "The same configuration, data and seed give these weights on any number of workers; compare digests to check it."));
  };

  // The page

  const states = { finished: "finished", interrupted: "interrupted", unfinished: "unfinished", running: "running" };
  const about = (run) => {
    const findings = run.findings || {}, summary = run.summary || {};
    return [
      isNumber(summary.epochs) ? counted(summary.epochs, "epoch") : null,
      isNumber(findings.training_examples) ? counted(findings.training_examples, "training image") : null,
      isNumber(findings.batch_size) ? `batches of ${findings.batch_size}` : null,
      isNumber(summary.workers) ? counted(summary.workers, "worker") : null, findings.kernels ? findings.kernels + " kernels" : null,
    ].filter(Boolean).join(" · ");
  };
  const runsPage = (data, main) => {
    const several = isSeveral(data);
    const curves = h("div");
    const redraw = () => { charts = []; curves.replaceChildren(curveSection(data)); charts.forEach((draw) => draw()); };
    const perRun = (title, make) => {
      const cards = data.runs.flatMap((run) => {
        try {
          return make(run, several ? `: ${run.name}` : "");
        } catch (error) {
          return card(run.name, h("p", { class: "note warning" }, `This part of the run’s files cannot be shown: ${error.message}`));
        }
      }).filter(Boolean);
      const kind = cards.length === 1 ? "grid one" : several ? "grid" : "grid single";
      return cards.length ? [h("h2", {}, title), h("div", { class: kind }, cards)] : [];
    };
    document.getElementById("head").replaceChildren(
      h("p", { class: "brand" }, several ? `Lockstep · ${counted(data.runs.length, "run")}` : "Lockstep · training run"),
      h("h1", {}, several ? data.runs.map((run) => run.name).join(", ") : data.runs[0].name,
        several ? null : h("span", { class: "badge", id: "state" }, states[data.runs[0].state] || "")),
      h("p", { class: "about" }, several ? "side by side" : about(data.runs[0])),
      several ? comparison(data) : tiles(data.runs[0]));
    main.replaceChildren(...[
      h("div", { class: "bar" }, h("h2", {}, "Curves"), switches(data, redraw)), curves,
      perRun("Time and place", (run, of) => [timeCard(run, "Where a step’s time goes" + of), placementCard(run, "Where workers and memory are" + of)]),
      perRun("What it gets right and wrong", (run, of) => [confusionCard(run, "Confusion matrix" + of), ...imageCards(run, of)]),
      perRun("What it sees", (run, of) => [...insideCards(run, of)]),
      perRun("Network", (run, of) => [layerCard(run, several ? run.name : null)]),
      h("h2", {}, "Configuration"), configurationSection(data),
      perRun("Digest", (run, of) => [proofCard(run, several ? run.name : null)]),
    ].flat(3).filter(Boolean));
    redraw();
  };

  // Benchmarks: titles, numbers, charts and tables as they come.
  const benchmarkPage = (data, main) => {
    document.getElementById("head").replaceChildren(
      h("p", { class: "brand" }, "Lockstep · " + data.command), h("h1", {}, data.title), h("p", { class: "about" }, data.about || ""),
      h("dl", { class: "tiles" }, (data.numbers || []).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))));
    main.replaceChildren(...[
      (data.charts || []).length ? h("div", { class: (data.charts.length === 1 ? "grid one" : "grid"), style: { "margin-top": "24px" } }, data.charts.map((one) => chart({
        title: one.title, xTitle: one.x, isWholeX: true, format: short, fromZero: true, alwaysLegend: true, height: data.charts.length === 1 ? 300 : null,
        series: one.series.map((line, k) => ({ name: line.name, color: color(k), dash: k % 2 ? "6 4" : null, dots: true, x: line.x, y: line.y })) }))) : null,
      (data.bars || []).map((one) => [h("h2", {}, one.title), card(null, h("div", { class: "times", "aria-hidden": "true" }, one.rows.map(([name, share, text]) => [
        h("span", {}, name), h("div", { class: "stack" }, h("i", { style: { width: Math.min(100, 100 * share) + "%", background: "var(--compute)" } })), h("span", {}, text)])),
        folded("As a table", table(["", "share", ""], one.rows.map(([name, share, text]) => [name, percent(share, 1), text]))))]),
      (data.tables || []).map((one) => [h("h2", {}, one.title), h("div", { class: "card" }, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": one.title }, table(one.columns, one.rows)))]),
      (data.notes || []).map((note) => h("p", { class: "note" }, note)),
    ].flat(3).filter(Boolean));
    charts.forEach((draw) => draw());
  };

  const main = document.getElementById("main");
  const render = (data) => {
    charts = [];
    observer?.disconnect();
    (data.runs ? runsPage : benchmarkPage)(data, main);
  };
  render(JSON.parse(document.getElementById("data").textContent));
  window.addEventListener("beforeprint", () => charts.forEach((draw) => draw()));
  if (document.body.dataset.live !== undefined) {
    const source = new EventSource("events");
    source.onmessage = (event) => {
      const open = [...document.querySelectorAll("details")].map((one) => one.open);
      const focused = document.activeElement?.name === "x";
      render(JSON.parse(event.data));
      document.querySelectorAll("details").forEach((one, k) => { if (open[k] !== undefined) one.open = open[k]; });
      if (focused) document.querySelector("input[name=x]:checked")?.focus();
    };
    source.addEventListener("end", () => source.close());
    source.onerror = () => { const state = document.getElementById("state"); if (state && source.readyState === 2) state.textContent = "ended"; };
  }
})();
