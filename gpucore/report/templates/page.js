// What the page does: filters, hover, keys, details, and drawing again when something changes.

const model = unpack(JSON.parse(document.getElementById("data").textContent));
const clock = new Clock(model.from, model.offset);
const $ = (id) => document.getElementById(id);
const timeline = new Timeline($("timeline"), model, clock);
const table = new StepTable($("table"), model, clock, (step) => showDetail(step));
const tip = $("tip");
let shownSteps = model.steps;
let detailed = null;

function stateOf(step) { return model.states[step.state]; }

function boxes(where, names, dots) {
  return names.map(([value, name], nth) => {
    const box = make("input", { type: "checkbox", defaultChecked: true, value: String(value) });
    const dot = dots ? make("span", { class: "dot" }) : "";
    if (dot) dot.style.background = dots[nth];
    where.append(make("label", {}, box, dot, make("bdi", {}, name)));
    return box;
  });
}

const [perStage, perState] = model.counts;
const stageBoxes = boxes(
  $("stages"),
  model.stages.map((name, place) => [place, `${name || "(no stage)"} (${perStage[place]})`]),
  model.stages.map((_, place) => STAGE_COLOURS[place % STAGE_COLOURS.length]),
);
const stateBoxes = boxes(
  $("states"),
  model.states.map((name, place) => [place, `${name} (${perState[place]})`]).filter(([place]) => perState[place]),
);

const checkedOf = (all) => new Set(all.filter((box) => box.checked).map((box) => Number(box.value)));

function filter(again = false) {
  const stages = checkedOf(stageBoxes);
  const states = checkedOf(stateBoxes);
  const find = $("find").value.trim().toLowerCase();
  const inView = $("in-view").checked;
  const fits = (step) =>
    stages.has(step.stage) && states.has(step.state) &&
    (!find || `${step.name}\n${step.reason}\n${step.failure}\n${step.gpus}\n${step.warning}`.toLowerCase().includes(find));
  const wanted = model.steps.filter(fits);
  timeline.mask = wanted.length === model.steps.length ? null : new Set(wanted.map((step) => step.place));
  timeline.stageMask = stages.size === stageBoxes.length ? null : stages;
  timeline.stateMask = states.size === stateBoxes.length ? null : states;
  shownSteps = inView
    ? wanted.filter((step) => step.ended >= timeline.view[0] && step.began <= timeline.view[1])
    : wanted;
  if (again) table.refresh(shownSteps);
  else table.show(shownSteps);
  redraw();
  tellCount();
}

function tellCount() {
  const all = model.steps.length;
  const some = shownSteps.length === all ? `${all}` : `${shownSteps.length} of ${all}`;
  $("count").textContent = `${some} attempt${all === 1 ? "" : "s"}`;
  $("more").hidden = !table.hidden;
  $("more").textContent = `Show more of the other ${table.hidden}`;
}

function redraw() {
  timeline.draw();
  const [from, to] = timeline.view;
  const day = clock.day(from) === clock.day(to) ? clock.time(to) : clock.both(to);
  $("window").textContent = `${clock.both(from)} – ${day} (${duration(to - from)})`;
}

function looked() {
  hideTip();
  if ($("in-view").checked) filter();
  else redraw();
}

// Hover

function line(text) { return make("div", {}, make("bdi", {}, text)); }

function tipOf(found) {
  const lane = model.lanes[found.lane];
  if (!lane) return null;
  if (found.step) return stepTip(found.step);
  const told = [make("strong", {}, make("bdi", {}, `${lane.label}, ${clock.time(found.ms)}`))];
  if (found.sample) {
    const { load, memory, heat } = found.sample;
    told.push(line(`load ${load ?? "?"} %, memory ${memory ?? "?"} MiB${heat === null ? "" : `, ${heat} °C`}`));
  }
  if (found.note) told.push(line([found.note[3], found.note[4], found.note[5]].filter(Boolean).join(": ")));
  if (found.gap) {
    told.push(line(`idle for ${duration(found.gap[2] - found.gap[1])}: ${model.causes[found.gap[3]][1]}`));
    if (found.gap[4]) told.push(line(found.gap[4]));
  }
  for (const [cell, share] of found.cells || []) {
    told.push(line(`${model.stages[cell.stage]}, ${model.states[cell.state]}: ${share} % of ${duration(model.bins.width)}`));
  }
  return told.length > 1 ? told : null;
}

function stepTip(step) {
  const told = [make("strong", {}, make("bdi", {}, step.name))];
  const nth = step.number > 1 ? `, attempt ${step.number}` : "";
  told.push(line(`${stateOf(step)}${nth} on ${step.gpus}, ${duration(step.took)}`));
  told.push(line(`${clock.time(step.began)} – ${clock.time(step.ended)}`));
  if (step.waited >= 100) told.push(line(`waited ${duration(step.waited)} for its turn`));
  if (step.reason) told.push(line(step.reason));
  if (step.memory !== undefined) told.push(line(`memory up to ${step.memory} MiB`));
  return told;
}

function showTip(children, x, y) {
  tip.replaceChildren(...children);
  tip.hidden = false;
  const room = $("drawing").clientWidth - tip.offsetWidth - 4;
  tip.style.left = `${Math.max(Math.min(x + 14, room), 4)}px`;
  tip.style.top = `${y + 18}px`;
}

function hideTip() { tip.hidden = true; }

const point = (event) => {
  const box = $("timeline").getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

$("timeline").addEventListener("pointermove", (event) => {
  const [x, y] = point(event);
  if (timeline.drag) {
    timeline.drag[1] = Math.max(x, timeline.left);
    timeline.draw();
    return;
  }
  const found = timeline.at(x, y);
  const told = tipOf(found);
  $("timeline").style.cursor = found.step ? "pointer" : "crosshair";
  if (told) showTip(told, x, y);
  else hideTip();
});
$("timeline").addEventListener("pointerleave", hideTip);
$("timeline").addEventListener("pointerdown", (event) => {
  const [x] = point(event);
  if (event.button !== 0 || x < timeline.left) return;
  timeline.drag = [x, x];
  $("timeline").setPointerCapture(event.pointerId);
  hideTip();
});
$("timeline").addEventListener("pointerup", (event) => {
  if (!timeline.drag) return;
  timeline.drag[1] = Math.max(point(event)[0], timeline.left);
  const [from, to] = [Math.min(...timeline.drag), Math.max(...timeline.drag)];
  timeline.drag = null;
  if (to - from > 4) {
    timeline.look(timeline.ms(from), timeline.ms(to));
    looked();
    return;
  }
  const [x, y] = point(event);
  const { step } = timeline.at(x, y);
  redraw();
  if (step) { timeline.selected = step; redraw(); showDetail(step); }
});
$("timeline").addEventListener("pointercancel", () => { timeline.drag = null; redraw(); });
$("timeline").addEventListener("dblclick", () => { timeline.look(...timeline.whole); looked(); });
$("timeline").addEventListener("wheel", (event) => {
  if (event.ctrlKey || event.metaKey) timeline.zoom(event.deltaY > 0 ? 1.25 : 0.8, timeline.ms(point(event)[0]));
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.move((event.deltaX || event.deltaY) / 1000);
  else return;
  event.preventDefault();
  looked();
}, { passive: false });

// Keys

const KEYS = {
  "+": () => timeline.zoom(0.5, middle()), "=": () => timeline.zoom(0.5, middle()), "-": () => timeline.zoom(2, middle()),
  PageDown: () => timeline.move(0.5), PageUp: () => timeline.move(-0.5), Home: () => timeline.look(...timeline.whole),
};

function middle() {
  const { selected, view } = timeline;
  const inside = selected && selected.began >= view[0] && selected.began <= view[1];
  return inside ? (selected.began + selected.ended) / 2 : (view[0] + view[1]) / 2;
}

$("timeline").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (KEYS[event.key]) {
    KEYS[event.key]();
    looked();
    $("said").textContent = $("window").textContent;
  } else if (event.key.startsWith("Arrow")) {
    select(timeline.neighbour(event.key));
  } else if (event.key === "Enter" && timeline.selected) {
    showDetail(timeline.selected);
  } else if (event.key === "Escape") {
    timeline.selected = null;
    hideTip();
    redraw();
  } else {
    return;
  }
  event.preventDefault();
});

function select(step) {
  if (!step) return;
  timeline.selected = step;
  const [from, to] = timeline.view;
  if (step.ended < from || step.began > to) {
    const half = (to - from) / 2;
    timeline.look(step.began - half, step.began + half);
  }
  looked();
  const box = timeline.lanes[step.lanes[0]];
  showTip(stepTip(step), timeline.x(Math.max(step.began, timeline.view[0])), box.strip);
  $("said").textContent = [...tip.children].map((one) => one.textContent).join(". ");
}

// Details

function factsOf(step) {
  const facts = make("dl");
  const fact = (name, value) => { if (value !== "" && value !== undefined) facts.append(make("dt", {}, name), make("dd", {}, value)); };
  const text = (value) => (value ? make("bdi", {}, value) : "");
  fact("State", make("span", { class: `s-${stateOf(step).replace(" ", "-")}` }, stateOf(step)));
  fact("Reason", text(step.reason));
  fact("Class", text(step.failure));
  fact("What to do", text(step.hint));
  fact("Warnings", text(step.warning));
  fact("Stage", text(model.stages[step.stage]));
  if (step.number) {
    fact("GPU", text(step.gpus));
    fact("Began", clock.both(step.began));
    fact("Ended", stateOf(step) === "running" ? "not yet" : clock.both(step.ended));
    fact("Took", duration(step.took));
    fact("Waited", waiting(step));
    fact("Exit code", step.exit === undefined ? (stateOf(step) === "done" ? "0" : "") : step.exit < 0 ? `signal ${-step.exit}` : String(step.exit));
    if (step.memory !== undefined) fact("Memory", `up to ${step.memory} MiB of a GPU`);
    if (step.load !== undefined) fact("Load", `up to ${step.load} %`);
  }
  if (step.log && !LIVING) fact("Log", make("a", { href: step.log }, make("bdi", {}, decodeURIComponentSafely(step.log))));
  const others = model.steps.filter((one) => one.name === step.name && one !== step);
  if (others.length) {
    fact("Other attempts", make("span", {}, ...others.flatMap((one) => [
      make("button", { type: "button", class: "plain", onclick: () => showDetail(one) }, `${one.number || "–"}: ${stateOf(one)}`), "  ",
    ])));
  }
  return facts;
}

function showDetail(step) {
  const dialog = $("detail");
  detailed = step;
  const command = make("pre", { tabIndex: 0, class: "command" }, step.words ? step.words.join(" ") : "");
  const pick = make("button", { type: "button", onclick: () => getSelection().selectAllChildren(command) }, "Select");
  const elsewhere = LIVING ? "`gpucore explain` tells its command." : "Its command is in the table beside this page.";
  dialog.replaceChildren(
    make("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close"),
    make("h2", { id: "detail-name" }, make("bdi", {}, step.name), step.number > 1 ? ` (attempt ${step.number})` : ""),
    factsOf(step),
    step.words ? make("p", {}, "Exact command ", pick) : make("p", { class: "hint" }, step.number ? elsewhere : "It was not started."),
    step.words ? command : "",
    LIVING && step.log ? followedLog(step) : "",
    step.lanes.length ? make("button", { type: "button", onclick: () => { dialog.close(); showInTimeline(step); } }, "Show in the timeline") : "",
  );
  if (!dialog.open) dialog.showModal();
}

$("detail").addEventListener("close", () => { detailed = null; });

function waiting(step) {
  const said = step.waited ? duration(step.waited) : "not at all";
  return make("span", {}, said, ...(step.after ? [", after ", make("bdi", {}, step.after), " had ended"] : []));
}

function decodeURIComponentSafely(link) {
  try { return decodeURIComponent(link.slice(2)); } catch { return link.slice(2); }
}

function showInTimeline(step) {
  const margin = Math.max(step.took * 3, 5000);
  timeline.look(step.began - margin, step.ended + margin);
  select(step);
  $("timeline").scrollIntoView({ block: "center" });
  $("timeline").focus();
}

// The page's own tables lead to the timeline and to the details.

function connect(root) {
  for (const place of root.querySelectorAll("bdi.step")) {
    const step = model.steps.findLast((one) => one.name === place.dataset.step);
    if (step) place.replaceWith(make("button", { type: "button", class: "plain", onclick: () => showDetail(step) }, make("bdi", {}, step.name)));
  }
  for (const row of root.querySelectorAll("#gaps tbody tr")) {
    const cell = row.cells[1];
    cell.replaceChildren(make("button", {
      type: "button", class: "plain", title: "Show in the timeline",
      onclick: () => {
        const [from, to] = [Number(row.dataset.from), Number(row.dataset.to)];
        timeline.look(from - (to - from) / 2, to + (to - from) / 2);
        looked();
        $("timeline").scrollIntoView({ block: "center" });
        $("timeline").focus();
      },
    }, cell.textContent));
  }
  root.querySelectorAll("table.sortable").forEach(makeSortable);
}

connect(document);

function drawLegend() {
  const dot = (key, words) => make("span", {}, make("span", { class: `dot c-${key}` }), words);
  const colours = timeline.colours();
  const state = (name) => {
    const mark = make("span", { class: "dot" });
    mark.style.background = colours[name];
    return make("span", {}, mark, name);
  };
  const present = new Set(model.gaps.map((gap) => gap[3]));
  const states = ["failed", "retried", "cut off", "cancelled"].filter((name) => perState[model.states.indexOf(name)]);
  $("legend").replaceChildren(
    ...states.map(state),
    present.size ? make("span", {}, "The strip below the bars: ") : "",
    ...model.causes.filter((_, nth) => present.has(nth)).map(([key, words]) => dot(key, words)),
    ...(model.samples.size
      ? [["m-load", "load of the GPU, per cent"], ["m-memory", "memory in use"]].map(([key, words]) =>
          make("span", {}, make("span", { class: `dot ${key}` }), words))
      : []),
  );
}

$("filters").addEventListener("input", () => filter());
$("all").addEventListener("click", () => { $("filters").reset(); filter(); });
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("zoom-in").addEventListener("click", () => { timeline.zoom(0.5, middle()); looked(); });
$("zoom-out").addEventListener("click", () => { timeline.zoom(2, middle()); looked(); });
$("earlier").addEventListener("click", () => { timeline.move(-0.5); looked(); });
$("later").addEventListener("click", () => { timeline.move(0.5); looked(); });
$("whole").addEventListener("click", () => { timeline.look(...timeline.whole); looked(); });
$("more").addEventListener("click", () => { table.more(); tellCount(); });
$("theme").hidden = false;
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  drawLegend();
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawLegend(); redraw(); });
addEventListener("resize", () => { hideTip(); redraw(); });
addEventListener("beforeprint", () => timeline.draw(1000, 2));
addEventListener("afterprint", redraw);

$("timeline-section").hidden = !model.lanes.length;
$("steps").hidden = false;
drawLegend();
filter();
performance.mark("drawn");
