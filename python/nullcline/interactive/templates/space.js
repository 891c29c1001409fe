// The state space: what is drawn of the chosen layer, what is read while hovering, how it is turned.

const plot = document.getElementById("plot");
const tip = document.getElementById("tip");

const view = {
  layer: 0,
  hidden: { kinds: new Set(), conditions: new Set(), labels: new Set(), things: new Set() },
  point: null,
  trajectory: 0,
  step: 0,
};

const layer = () => unpackLayer(page.layers[view.layer]);
const trajectory = () => layer().trajectories[view.trajectory];

function visiblePoints() {
  const { n, at, style, condition } = layer().points;
  const rows = [];
  for (let i = 0; i < n; i += 1) {
    if (view.hidden.kinds.has(style[i]) || Number.isNaN(at.x[i])) continue;
    if (condition && view.hidden.conditions.has(condition[i])) continue;
    rows.push(i);
  }
  return rows;
}

const pick = (at, rows) => ({
  x: rows.map((i) => at.x[i]), y: rows.map((i) => at.y[i]), z: rows.map((i) => at.z[i]),
});

const base = { type: "scatter3d", hoverinfo: "none", showlegend: false };

// What is made of many numbers is made once, so that plotly sees that it has not changed.
function kept(key, make) {
  const of = layer();
  of.kept = of.kept || {};
  if (!(key in of.kept)) of.kept[key] = make();
  return of.kept[key];
}

function stateTraces() {
  const { at, labels, n } = layer().states;
  if (!n || view.hidden.things.has("states")) return [];
  const looks = (name) => ({ size: 2.2, color: colour(name), opacity: 0.4, line: { width: 0 } });
  if (!labels) {
    return [{ ...base, ...at, mode: "markers", marker: looks("state"), meta: { role: "states", rows: null, fixed: true } }];
  }
  return labels.distinct.flatMap((label, k) => {
    if (view.hidden.labels.has(label)) return [];
    const rows = kept(`label ${k}`, () => [...labels.index.keys()].filter((i) => labels.index[i] === k));
    const some = kept(`places ${k}`, () => pick(at, rows));
    return [{ ...base, ...some, mode: "markers", marker: looks(labelColour(k)), meta: { role: "states", name: k, rows, fixed: true } }];
  });
}

const labelColour = (k) => (k < 6 ? `label-${k}` : "state");

// All trajectories in one line, with gaps between them.
function allPaths() {
  const joined = { x: [], y: [], z: [], of: [] };
  layer().trajectories.forEach((path, k) => {
    for (let i = 0; i < path.n; i += 1) {
      joined.x.push(path.at.x[i]); joined.y.push(path.at.y[i]); joined.z.push(path.at.z[i]);
      joined.of.push([k, i]);
    }
    joined.x.push(NaN); joined.y.push(NaN); joined.z.push(NaN); joined.of.push(null);
  });
  return joined;
}

function trajectoryTraces() {
  if (!layer().trajectories.length || view.hidden.things.has("trajectories")) return [];
  const traces = [];
  if (layer().trajectories.length > 1) {
    const { x, y, z, of } = kept("paths", allPaths);
    traces.push({ ...base, x, y, z, mode: "lines", line: { color: colour("path"), width: 1.5 }, opacity: 0.35, meta: { role: "paths", of, fixed: true } });
  }
  const { at } = trajectory();
  const walked = (values) => values.subarray(0, view.step + 1);
  const here = { x: [at.x[view.step]], y: [at.y[view.step]], z: [at.z[view.step]] };
  traces.push(
    { ...base, ...at, mode: "lines+markers", line: { color: colour("path"), width: 3 }, marker: { size: 2.5, color: colour("path") }, meta: { role: "path" } },
    { ...base, x: walked(at.x), y: walked(at.y), z: walked(at.z), mode: "lines", line: { color: colour("path"), width: 7 }, hoverinfo: "skip", meta: { role: "walked" } },
    { ...base, ...here, mode: "markers", marker: { size: 9, color: colour("path"), line: { color: colour("edge"), width: 2 } }, meta: { role: "here" } },
  );
  return traces;
}

function curveTraces() {
  if (view.hidden.things.has("curves")) return [];
  return layer().curves.map((at, k) => ({ ...base, ...at, mode: "lines", line: { color: colour("curve"), width: 6 }, hoverinfo: "skip", meta: { role: "curve", name: k, fixed: true } }));
}

function pointTraces() {
  const { at, style, count } = layer().points;
  const most = count.reduce((a, b) => Math.max(a, b), 1);
  const visible = visiblePoints();
  return Object.entries(STYLES).flatMap(([name, look]) => {
    const rows = visible.filter((i) => style[i] === name);
    if (!rows.length) return [];
    const size = rows.map((i) => 7 + 9 * Math.sqrt(count[i] / most));
    return [{ ...base, ...pick(at, rows), mode: "markers", meta: { role: "points", name, rows }, marker: { size, symbol: look.symbol, color: colour(look.colour), line: { color: colour("edge"), width: 1 } } }];
  });
}

// A ring around the chosen point, and a line along each real direction in which it moves slowest.
function chosenTraces() {
  if (view.point === null || !visiblePoints().includes(view.point)) return [];
  const { at, spectra } = layer().points;
  const here = [at.x[view.point], at.y[view.point], at.z[view.point]];
  const [x, y, z] = here.map((value) => [value]);
  const traces = [{ ...base, x, y, z, mode: "markers", hoverinfo: "skip", marker: { size: 20, symbol: "circle-open", color: colour("focus"), line: { color: colour("focus"), width: 2 } }, meta: { role: "chosen" } }];
  const modes = spectra[view.point] ? spectra[view.point].modes : [];
  modes.forEach((mode, k) => {
    if (!mode.direction || !(k === 0 || mode.grows)) return;
    const ends = mode.direction.map((part, axis) => [here[axis] - part * reach(), here[axis] + part * reach()]);
    traces.push({ ...base, x: ends[0], y: ends[1], z: ends[2], mode: "lines", hoverinfo: "skip", line: { color: colour(mode.grows ? "saddle" : "focus"), width: 4 }, meta: { role: "direction", name: k } });
  });
  return traces;
}

// Ranges of the axes hold all that the layer has, whatever is filtered.
function ranges() {
  return kept("ranges", () => ["x", "y", "z"].map((axis) => {
    let low = Infinity;
    let high = -Infinity;
    for (const at of [layer().states.at, layer().points.at, ...layer().trajectories.map((p) => p.at), ...layer().curves]) {
      for (const value of at[axis]) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (low > high) return [-1, 1];
    const room = 0.05 * (high - low) || 0.5;
    return [low - room, high + room];
  }));
}

// Two corners that nobody sees: there is a space without anything in it, too, and its scale stays.
function cornerTraces() {
  const [x, y, z] = ranges();
  return [{ ...base, x, y, z, mode: "markers", hoverinfo: "skip", marker: { size: 1, opacity: 0 }, meta: { role: "corners" } }];
}

const reach = () => 0.15 * Math.max(...ranges().map(([low, high]) => high - low));

const FIRST_CAMERA = { eye: { x: 0.9, y: -2.05, z: 1 } };

// Where the reader looks from now; plotly itself tells only of some turns.
const camera = () => plot._fullLayout?.scene?._scene?.getCamera() ?? FIRST_CAMERA;

function layout() {
  const spans = ranges().map(([low, high]) => high - low);
  // True proportions, as long as the shortest axis can still be seen.
  const longest = Math.max(...spans);
  const [width, depth, height] = spans.map((span) => 1.4 * Math.max(span / longest, 0.4));
  const axis = (k) => ({
    title: { text: layer().axes[k] }, range: ranges()[k], showspikes: false, color: colour("quiet"),
    gridcolor: colour("line"), zerolinecolor: colour("line"), showbackground: false,
  });
  return {
    scene: { camera: camera(), xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "manual", aspectratio: { x: width, y: depth, z: height } },
    paper_bgcolor: colour("page"), plot_bgcolor: colour("page"), margin: { l: 0, r: 0, t: 0, b: 0 },
    font: { color: colour("quiet"), size: 11 }, hovermode: "closest",
  };
}

// Buttons are named one by one: among plotly's own is one that sends all that is shown to a server.
const CONFIG = {
  responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
  modeBarButtons: [["toImage", "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraDefault3d"]],
};

function drawSpace() {
  const traces = [...cornerTraces(), ...stateTraces(), ...trajectoryTraces(), ...curveTraces(), ...pointTraces(), ...chosenTraces()];
  // A name of its own for each, of which plotly makes a class in CSS.
  traces.forEach((trace) => { trace.uid = `${view.layer} ${trace.meta.role} ${trace.meta.name ?? ""}`.replaceAll(/\W+/g, "-"); });
  return Plotly.react(plot, traces, layout(), CONFIG).then(skipUnchanged);
}

// At every change plotly hands every trace to the graphics card anew, a second's work for 50,000
// states. Traces that stayed as they were are skipped, where plotly's inside is as it is known.
function skipUnchanged() {
  const scene = plot._fullLayout.scene._scene;
  if (!scene || !scene.dataScale) return;
  for (const drawn of Object.values(scene.traces)) {
    if (drawn.handOver || typeof drawn.update !== "function") continue;
    const look = ({ x, marker = {}, line = {} }) => [x, marker.color, line.color, ...scene.dataScale];
    let last = look(drawn.data);
    drawn.handOver = drawn.update;
    drawn.update = (data) => {
      const now = look(data);
      if (data.meta.fixed && now.every((part, k) => part === last[k])) return;
      last = now;
      drawn.handOver(data);
    };
  }
}

function sayCounts() {
  const { states, points, trajectories, all_trajectories: all } = layer();
  const said = [];
  if (states.total > states.n) said.push(`${thousands(states.n)} of ${thousands(states.total)} states are shown`);
  else if (states.total) said.push(`${thousands(states.n)} state${states.n === 1 ? "" : "s"}`);
  else said.push("no states were given");
  const visible = visiblePoints().length;
  if (!points.n) said.push("no point was found");
  else said.push(visible < points.n ? `${thousands(visible)} of ${thousands(points.n)} points` : `${thousands(points.n)} point${points.n === 1 ? "" : "s"}`);
  const lost = points.at.x.reduce((sum, value) => sum + Number.isNaN(value), 0);
  if (lost) said.push(`${lost} not finite and not drawn`);
  if (all > trajectories.length) said.push(`${thousands(trajectories.length)} of ${thousands(all)} trajectories`);
  document.getElementById("counts").textContent = said.join(" · ");
}

// Hovering

function pointLines(i) {
  const { kind, q, count, condition, spectra } = layer().points;
  const found = [`Point ${i}: ${styleOf(kind[i], spectra[i])}`, `q = ${short(q[i])}`];
  if (spectra[i]) found.push(`largest |λ| = ${ofLambda(spectra[i].largest)}`, `slowest τ = ${time(spectra[i].slowest)}`);
  found.push(`${thousands(count[i])} start${count[i] === 1 ? "" : "s"}`);
  if (condition) found.push(`condition: ${condition[i]}`);
  return found;
}

function stateText(i) {
  const { texts } = layer().states;
  return texts ? texts.distinct[texts.index[i]] : "";
}

function stepLines(path, i) {
  const found = [`${path.name}, step ${i + 1} of ${path.n}`];
  if (path.words) found.push(path.words[i]);
  if (path.readout) found.push(`readout ${short(path.readout[i])}`);
  return found;
}

function hoverLines({ data, pointNumber }) {
  const { role, rows, of } = data.meta;
  if (role === "points") return pointLines(rows[pointNumber]);
  if (role === "path") return stepLines(trajectory(), pointNumber);
  if (role === "here") return stepLines(trajectory(), view.step);
  if (role === "paths") return of[pointNumber] ? stepLines(layer().trajectories[of[pointNumber][0]], of[pointNumber][1]) : [];
  if (role !== "states") return [];
  const i = rows ? rows[pointNumber] : pointNumber;
  const { labels } = layer().states;
  return [labels ? labels.distinct[labels.index[i]] : "visited state", stateText(i)].filter(Boolean);
}

const pointer = { x: 0, y: 0 };

function showTip(lines) {
  if (!lines.length) return hideTip();
  tip.textContent = lines.join("\n");
  tip.hidden = false;
  const room = plot.parentElement.getBoundingClientRect();
  const left = Math.min(pointer.x - room.left + 14, room.width - tip.offsetWidth - 4);
  const top = Math.min(pointer.y - room.top + 14, room.height - tip.offsetHeight - 4);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
  return undefined;
}

function hideTip() { tip.hidden = true; }

// What lies under the pointer. Plotly itself tells of clicks that last a frame alone, so that a
// quick one on a slow machine is lost; it is told here by what was under the pointer as it began.
let under = null;
let pressed = null;

function listen() {
  plot.addEventListener("mousemove", (event) => { pointer.x = event.clientX; pointer.y = event.clientY; }, true);
  plot.on("plotly_hover", (event) => { [under] = event.points; showTip(hoverLines(under)); });
  plot.on("plotly_unhover", () => { under = null; hideTip(); });
  plot.addEventListener("mouseleave", () => { under = null; hideTip(); });
  plot.addEventListener("mousedown", (event) => { pressed = { on: under, x: event.clientX, y: event.clientY }; }, true);
  window.addEventListener("mouseup", (event) => {
    const still = pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 4;
    if (still && pressed.on) choose(pressed.on);
    pressed = null;
  }, true);
  plot.on("plotly_click", (event) => choose(event.points[0])); // by touch, which hovers over nothing
}

function choose({ data, pointNumber }) {
  const { role, rows, of } = data.meta;
  if (role === "points") choosePoint(rows[pointNumber]);
  else if (role === "path") walkTo(view.trajectory, pointNumber);
  else if (role === "paths" && of[pointNumber]) walkTo(...of[pointNumber]);
}

// Turning by keys: the camera goes round the vertical axis, up and down, nearer and further.

function turn(around, up, nearer) {
  const { eye } = camera();
  const radius = Math.hypot(eye.x, eye.y, eye.z) * nearer;
  const angle = Math.atan2(eye.y, eye.x) + around;
  const height = Math.min(1.5, Math.max(-1.5, Math.asin(eye.z * nearer / radius) + up));
  const turned = { x: radius * Math.cos(height) * Math.cos(angle), y: radius * Math.cos(height) * Math.sin(angle), z: radius * Math.sin(height) };
  return Plotly.relayout(plot, { "scene.camera": { ...camera(), eye: turned } });
}

const TURNS = {
  ArrowLeft: [-0.1, 0, 1], ArrowRight: [0.1, 0, 1], ArrowUp: [0, 0.1, 1], ArrowDown: [0, -0.1, 1],
  "+": [0, 0, 0.9], "=": [0, 0, 0.9], "-": [0, 0, 1 / 0.9],
};

plot.addEventListener("keydown", (event) => {
  if (!(event.key in TURNS) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  turn(...TURNS[event.key]);
});
