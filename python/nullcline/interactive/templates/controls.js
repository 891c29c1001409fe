// What the reader chooses: layer, filters, a point, a step of a walk.

const controls = document.getElementById("controls");
const walk = document.getElementById("walk");

// Several changes before the next picture are drawn in one.
let waiting = false;
function refreshSpace() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; drawSpace(); });
}

function refresh() {
  refreshSpace();
  drawPanel();
  sayCounts();
}

function choosePoint(i) {
  view.point = i;
  document.getElementById("spoken").textContent = i === null ? "" : pointLines(i).join(", ");
  refresh();
}

function nextPoint(by) {
  const visible = visiblePoints();
  if (!visible.length) return;
  const at = visible.indexOf(view.point);
  const next = at < 0 ? (by > 0 ? 0 : visible.length - 1) : (at + by + visible.length) % visible.length;
  const focused = document.activeElement && document.activeElement.id;
  choosePoint(visible[next]);
  if (["next", "previous"].includes(focused)) document.getElementById(focused).focus();
}

// Filters

function filter(legend, names, hidden, sign) {
  if (names.length < 1) return [];
  const boxes = names.map(([name, look]) => {
    const box = element("input", { type: "checkbox", value: name, checked: !hidden.has(name), onchange: () => {
      if (box.checked) hidden.delete(name); else hidden.add(name);
      if (view.point !== null && !visiblePoints().includes(view.point)) view.point = null;
      refresh();
    } });
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" }, look ? look.sign : "");
    if (look) swatch.style.color = `var(--${look.colour})`;
    return element("label", { dir: "auto" }, box, ...(look ? [swatch] : [" "]), name);
  });
  return [element("fieldset", { name: sign }, element("legend", {}, legend), ...boxes)];
}

function drawControls() {
  const { points, states, trajectories, curves } = layer();
  const kinds = Object.entries(STYLES).filter(([name]) => points.style.includes(name));
  const conditions = (points.conditions ?? []).map((name) => [name, null]);
  const labels = states.labels ? states.labels.distinct.map((name, k) => [name, { sign: "●", colour: labelColour(k) }]) : [];
  const things = [["states", states.n && { sign: "·", colour: "state" }], ["trajectories", trajectories.length && { sign: "━", colour: "path" }],
    ["curves", curves.length && { sign: "━", colour: "curve" }]].filter(([, look]) => look);
  controls.replaceChildren(...chooseLayer(), ...filter("Points", kinds, view.hidden.kinds, "kinds"),
    ...filter("Conditions", conditions, view.hidden.conditions, "conditions"),
    ...filter("States", labels, view.hidden.labels, "labels"), ...filter("Also shown", things, view.hidden.things, "things"));
}

function chooseLayer() {
  if (page.layers.length < 2) return [];
  const choose = element("select", { id: "layer", onchange: () => { chooseLayerNumber(Number(choose.value)); choose.focus(); } },
    ...page.layers.map(({ name }, k) => element("option", { value: k, selected: k === view.layer }, name)));
  return [element("fieldset", {}, element("legend", {}, element("label", { for: "layer" }, "Layer")), choose)];
}

function chooseLayerNumber(k) {
  Object.assign(view, { layer: k, point: null, trajectory: 0, step: 0 });
  for (const hidden of [view.hidden.kinds, view.hidden.conditions, view.hidden.labels]) hidden.clear();
  drawControls();
  drawWalk();
  refresh();
}

controls.addEventListener("submit", (event) => event.preventDefault());

// Walks

let playing = null;

function drawWalk() {
  stop();
  const paths = layer().trajectories;
  walk.hidden = !paths.length;
  if (walk.hidden) return;
  const choose = element("select", { id: "trajectory", "aria-label": "Trajectory", onchange: () => walkTo(Number(choose.value), 0) },
    ...paths.map(({ name }, k) => element("option", { value: k, selected: k === view.trajectory }, name)));
  const slider = element("input", { type: "range", id: "step", min: 0, max: Math.max(0, trajectory().n - 1), step: 1, value: view.step, "aria-label": "Step along the trajectory", oninput: () => goTo(Number(slider.value)) });
  walk.replaceChildren(
    element("div", { class: "row" }, choose, element("button", { type: "button", id: "play", onclick: play }, "Play"), slider, element("output", { id: "now", for: "step" })),
    element("div", { id: "words", dir: "auto", tabindex: 0, role: "group", "aria-label": "The words of the trajectory" }, ...wordSpans()));
  sayStep(null);
}

function wordSpans() {
  const { words } = trajectory();
  return words ? words.flatMap((word, i) => [element("span", { onclick: () => goTo(i) }, word), " "]) : [];
}

function walkTo(k, step) {
  const other = k !== view.trajectory;
  view.trajectory = k;
  const before = view.step;
  view.step = Math.min(step, Math.max(0, trajectory().n - 1));
  if (other) drawWalk(); else sayStep(before);
  refreshSpace();
}

function goTo(step) { walkTo(view.trajectory, step); }

function sayStep(before) {
  const path = trajectory();
  const slider = document.getElementById("step");
  slider.value = view.step;
  const said = [path.n ? `step ${view.step + 1} of ${path.n}` : "no states"];
  if ((page.dt !== 1 || page.unit !== "steps") && path.n) said.push(`t = ${short(view.step * page.dt)} ${page.unit}`);
  if (path.readout && path.n) said.push(`readout ${short(path.readout[view.step])}`);
  document.getElementById("now").textContent = said.join(", ");
  slider.setAttribute("aria-valuetext", [said.join(", "), path.words && path.words[view.step]].filter(Boolean).join(": "));
  markWords(before);
}

function markWords(before) {
  const strip = document.getElementById("words");
  const spans = strip.children;
  if (!spans.length) return;
  const [from, to] = before === null ? [0, spans.length - 1] : [Math.min(before, view.step), Math.max(before, view.step)];
  for (let i = from; i <= to; i += 1) {
    spans[i].className = i === view.step ? "now" : i < view.step ? "read" : "";
  }
  const now = spans[view.step];
  if (now.offsetTop < strip.scrollTop || now.offsetTop + now.offsetHeight > strip.scrollTop + strip.clientHeight) {
    strip.scrollTop = now.offsetTop - strip.clientHeight / 2;
  }
}

function play() {
  if (playing) { stop(); return; }
  if (view.step >= trajectory().n - 1) goTo(0);
  document.getElementById("play").textContent = "Pause";
  playing = setInterval(() => {
    if (view.step >= trajectory().n - 1) stop(); else goTo(view.step + 1);
  }, 400);
}

function stop() {
  clearInterval(playing);
  playing = null;
  const button = document.getElementById("play");
  if (button) button.textContent = "Play";
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest && event.target.closest("select, textarea, input:not([type=checkbox]):not([type=range])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "n" || event.key === "N") nextPoint(1);
  else if (event.key === "p" || event.key === "P") nextPoint(-1);
  else if (event.key === "Escape") choosePoint(null);
});

drawControls();
drawWalk();
drawPanel();
sayCounts();
drawSpace().then(listen);
