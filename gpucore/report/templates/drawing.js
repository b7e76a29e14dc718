// The timeline: GPUs below each other, their steps as bars, and below these why there was none.

const STAGE_COLOURS = ["#3f74b5", "#2a9d5c", "#b89b1f", "#a2478f", "#35a5c4", "#8a8f2e", "#6a5acd", "#a0673d"];
const ROW = 15;
const ROW_GAP = 2;
const STRIP = 6;
const CURVES = 34;
const AXIS = 24;
const PAD = 7;
const LABELS = 150;
const NARROW = 640;
const SHORTEST = 50; // milliseconds across the whole drawing: closer makes no sense

const WITHHELD = ["quarantined", "unknown", "busy", "held"];

const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 172800, 604800].map((seconds) => seconds * 1000);

class Timeline {
  constructor(canvas, model, clock) {
    this.canvas = canvas;
    this.model = model;
    this.clock = clock;
    this.context = canvas.getContext("2d");
    this.whole = this.wholeTime();
    this.view = [...this.whole];
    this.mask = null;
    this.stageMask = null;
    this.stateMask = null;
    this.selected = null;
    this.drag = null;
    this.drawn = 0;
    this.arrange();
  }

  wholeTime() {
    const to = Math.max(this.model.to, 1);
    return [-to * 0.005, to * 1.005];
  }

  // The time went on: who looks at all of it, or at its end, goes on doing so.
  grow() {
    const [from, to] = this.view;
    const all = from <= this.whole[0] && to >= this.whole[1];
    const end = to >= this.whole[1];
    this.whole = this.wholeTime();
    if (all) this.view = [...this.whole];
    else if (end) this.view = [this.whole[1] - (to - from), this.whole[1]];
  }

  arrange() {
    const { model } = this;
    this.byRow = new Map();
    for (const step of model.steps) {
      if (!step.number) continue;
      step.lanes.forEach((lane, nth) => {
        const key = `${lane}/${step.rows[nth]}`;
        if (!this.byRow.has(key)) this.byRow.set(key, []);
        this.byRow.get(key).push(step);
      });
    }
    // Those that did not end well are drawn last, over the others.
    this.order = model.steps
      .filter((step) => step.number && step.lanes.length)
      .sort((a, b) => this.rank(a) - this.rank(b) || a.began - b.began);
  }

  rank(step) { return ["done", "running", "cancelled", "retried", "cut off", "failed"].indexOf(this.model.states[step.state]); }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return {
      paper: of("--paper"), ink: of("--ink"), faint: of("--faint"), line: of("--line"), soft: of("--soft"),
      edge: of("--edge"), failed: of("--failed"), retried: of("--retried"), "cut off": of("--cut"),
      cancelled: of("--cancelled"), accent: of("--accent"), load: of("--load"), memory: of("--memory"),
      causes: this.model.causes.map(([key]) => of(`--c-${key}`)),
    };
  }

  colourOf(step, colours) {
    return colours[this.model.states[step.state]] || STAGE_COLOURS[step.stage % STAGE_COLOURS.length];
  }

  lay(width) {
    this.width = width;
    this.left = width < NARROW ? 0 : LABELS;
    const head = this.left ? 0 : 18;
    let y = AXIS;
    this.lanes = this.model.lanes.map((lane, place) => {
      const top = y + PAD + head;
      const strip = top + lane.rows * (ROW + ROW_GAP);
      const curves = this.model.samples.has(place) ? strip + STRIP + 3 : 0;
      const bottom = (curves ? curves + CURVES : strip + STRIP) + PAD;
      const box = { from: y, head: y + PAD, top, strip, curves, bottom };
      y = bottom;
      return box;
    });
    this.height = y + 2;
  }

  x(ms) { return this.left + ((ms - this.view[0]) / (this.view[1] - this.view[0])) * (this.width - this.left); }

  ms(x) { return this.view[0] + ((x - this.left) / (this.width - this.left)) * (this.view[1] - this.view[0]); }

  shows(step) { return this.mask === null || this.mask.has(step.place); }

  draw(width = this.canvas.clientWidth, scale = window.devicePixelRatio || 1) {
    if (!width) return;
    this.lay(width);
    const { canvas, context } = this;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(this.height * scale);
    canvas.style.height = `${this.height}px`;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    context.textBaseline = "middle";
    const colours = this.colours();
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, this.height);
    this.drawLanes(colours);
    context.save();
    context.beginPath();
    context.rect(this.left, 0, width - this.left, this.height);
    context.clip();
    this.drawAxis(colours);
    this.drawNotes(colours);
    this.drawCells(colours);
    this.drawSteps(colours);
    this.drawGaps(colours);
    this.drawCurves(colours);
    this.drawDrag(colours);
    context.restore();
  }

  drawLanes(colours) {
    const { context } = this;
    this.lanes.forEach((box, place) => {
      const lane = this.model.lanes[place];
      if (place % 2 === 0) {
        context.fillStyle = colours.soft;
        context.fillRect(0, box.from, this.width, box.bottom - box.from);
      }
      context.fillStyle = colours.ink;
      context.font = '600 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
      const busy = lane.busy === undefined ? "" : `${(100 * lane.busy).toFixed(0)} % busy`;
      if (this.left) {
        context.fillText(this.fitted(lane.label, LABELS - 16), 8, box.head + 7);
        context.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
        context.fillStyle = colours.faint;
        context.fillText(this.fitted(busy, LABELS - 16), 8, box.head + 22);
        if (box.bottom - box.head > 40) context.fillText(this.fitted(lane.title || "", LABELS - 16), 8, box.head + 36);
      } else {
        context.fillText(this.fitted(`${lane.label}   ${busy}`, this.width - 16), 6, box.head + 5);
      }
    });
    context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  }

  fitted(text, width) {
    if (this.context.measureText(text).width <= width) return text;
    let short = text;
    while (short && this.context.measureText(`${short}…`).width > width) short = short.slice(0, -1);
    return `${short}…`;
  }

  drawAxis(colours) {
    const { context } = this;
    const per = (this.view[1] - this.view[0]) / Math.max(Math.floor((this.width - this.left) / 95), 1);
    const step = TICKS.find((tick) => tick >= per) || TICKS[TICKS.length - 1];
    const shift = this.clock.base % step;
    const first = Math.ceil((this.view[0] + shift) / step) * step - shift;
    context.textAlign = "center";
    let day = this.clock.day(first);
    for (let at = first; at <= this.view[1]; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      context.fillStyle = colours.line;
      context.fillRect(x - 0.5, AXIS - 4, 1, this.height - AXIS);
      context.fillStyle = colours.faint;
      let text = step < 1000 ? this.clock.time(at, true).slice(3, 10) : this.clock.time(at).slice(0, step < 60000 ? 8 : 5);
      const today = this.clock.day(at);
      if (step >= 86400000 || (today !== day && this.clock.time(at) < "06")) text = today.slice(5);
      day = today;
      context.fillText(text, x, AXIS / 2);
    }
    context.textAlign = "left";
    for (const [, began, ended] of this.model.runs) {
      for (const at of [began, ended]) {
        context.fillStyle = colours.faint;
        context.fillRect(Math.round(this.x(at)), AXIS - 6, 1, this.height - AXIS + 6);
      }
    }
  }

  drawNotes(colours) {
    const { context } = this;
    for (const [lane, began, ended, level] of this.model.notes) {
      if (!WITHHELD.includes(level)) continue;
      const [from, to] = [this.x(began), Math.max(this.x(ended), this.x(began) + 2)];
      if (to < this.left || from > this.width) continue;
      const box = this.lanes[lane];
      const bad = level === "quarantined" || level === "unknown";
      context.save();
      context.beginPath();
      context.rect(from, box.top - 3, to - from, box.strip - box.top + 3);
      context.clip();
      context.globalAlpha = 0.35;
      context.strokeStyle = bad ? colours.failed : colours.causes[3];
      context.lineWidth = 2;
      context.beginPath();
      const start = Math.max(from, this.left) - 40;
      for (let x = start; x < Math.min(to, this.width) + 40; x += 7) {
        context.moveTo(x, box.strip + 2);
        context.lineTo(x + (box.strip - box.top) + 4, box.top - 4);
      }
      context.stroke();
      context.restore();
    }
  }

  drawCells(colours) {
    const { context, model } = this;
    if (!model.bins) return;
    const heights = this.lanes.map(() => new Map());
    for (const cell of model.cells) {
      if (this.stageMask && !this.stageMask.has(cell.stage)) continue;
      if (this.stateMask && !this.stateMask.has(cell.state)) continue;
      context.fillStyle = colours[model.states[cell.state]] || STAGE_COLOURS[cell.stage % STAGE_COLOURS.length];
      const box = this.lanes[cell.lane];
      const full = model.lanes[cell.lane].rows * (ROW + ROW_GAP) - ROW_GAP;
      const unit = full / (100 * model.lanes[cell.lane].rows);
      cell.places.forEach((place, nth) => {
        const from = this.x(place * model.bins.width);
        const to = this.x((place + 1) * model.bins.width);
        if (to < this.left || from > this.width) return;
        const below = heights[cell.lane].get(place) || 0;
        const height = cell.shares[nth] * unit;
        context.fillRect(from, box.top + full - below - height, Math.max(to - from, 0.6), height);
        heights[cell.lane].set(place, below + height);
      });
    }
  }

  drawSteps(colours) {
    const { context, model } = this;
    this.drawn = 0;
    // Where bins tell what was done, single bars would hide them until they are wide enough.
    const widest = model.bins ? 3 : 0;
    for (const step of this.order) {
      if (step.ended < this.view[0] || step.began > this.view[1] || !this.shows(step)) continue;
      const [from, to] = [this.x(step.began), this.x(step.ended)];
      const bad = this.rank(step) >= 3;
      if (!bad && to - from < widest) continue;
      const colour = this.colourOf(step, colours);
      const width = Math.max(to - from - (to - from > 3 ? 1 : 0), bad ? 2 : 0.6);
      step.lanes.forEach((lane, nth) => {
        const y = this.lanes[lane].top + step.rows[nth] * (ROW + ROW_GAP);
        if (context.fillStyle !== colour) context.fillStyle = colour;
        context.fillRect(from, y, width, ROW);
        if (bad) {
          context.fillStyle = colours.edge;
          context.fillRect(from, y, width, 3); // not told by colour alone
        }
        if (model.states[step.state] === "running") this.hatch(from, y, width, colours.paper);
        if (width > 60) this.caption(step, from, y, width);
      });
      this.drawn += 1;
    }
    if (this.selected) this.outline(this.selected, colours);
    this.canvas.dataset.drawn = this.drawn;
  }

  hatch(from, y, width, colour) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(from, y, width, ROW);
    context.clip();
    context.strokeStyle = colour;
    context.globalAlpha = 0.5;
    context.beginPath();
    for (let x = Math.max(from, this.left) - ROW; x < Math.min(from + width, this.width); x += 6) {
      context.moveTo(x, y + ROW);
      context.lineTo(x + ROW, y);
    }
    context.stroke();
    context.restore();
  }

  caption(step, from, y, width) {
    const { context } = this;
    const start = Math.max(from, this.left) + 4;
    const room = from + width - start - 4;
    if (room < 40) return;
    context.font = '10px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    context.fillStyle = "#fff";
    const name = step.name.slice(step.name.lastIndexOf("/") + 1);
    context.fillText(this.fitted(name, room), start, y + ROW / 2 + 0.5);
    context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  }

  outline(step, colours) {
    const { context } = this;
    context.strokeStyle = colours.edge;
    context.lineWidth = 2;
    step.lanes.forEach((lane, nth) => {
      const y = this.lanes[lane].top + step.rows[nth] * (ROW + ROW_GAP);
      const from = this.x(step.began);
      context.strokeRect(from - 2, y - 2, Math.max(this.x(step.ended) - from, 2) + 4, ROW + 4);
    });
  }

  drawGaps(colours) {
    const { context } = this;
    for (const [lane, began, ended, cause] of this.model.gaps) {
      const [from, to] = [this.x(began), this.x(ended)];
      if (to < this.left || from > this.width) continue;
      context.fillStyle = colours.causes[cause];
      context.fillRect(from, this.lanes[lane].strip, Math.max(to - from, 1), STRIP);
    }
  }

  drawCurves(colours) {
    const { context, model } = this;
    for (const [lane, { times, load, memory }] of model.samples) {
      const box = this.lanes[lane];
      const total = model.lanes[lane].memory || Math.max(1, ...memory.filter((one) => one !== null));
      const y = (share) => box.curves + CURVES - Math.min(Math.max(share, 0), 1) * (CURVES - 2);
      context.fillStyle = colours.load;
      this.curve(times, load.map((one) => (one === null ? null : one / 100)), y, (points) => {
        context.beginPath();
        context.moveTo(points[0][0], box.curves + CURVES);
        for (const [px, py] of points) context.lineTo(px, py);
        context.lineTo(points[points.length - 1][0], box.curves + CURVES);
        context.fill();
      });
      context.strokeStyle = colours.memory;
      context.lineWidth = 1.5;
      this.curve(times, memory.map((one) => (one === null ? null : one / total)), y, (points) => {
        context.beginPath();
        points.forEach(([px, py], nth) => (nth ? context.lineTo(px, py) : context.moveTo(px, py)));
        context.stroke();
      });
      context.fillStyle = colours.line;
      context.fillRect(this.left, box.curves + CURVES, this.width - this.left, 1);
    }
  }

  // Where nothing was recorded for long there is no line: what is not known is not drawn.
  curve(times, values, y, paint) {
    let points = [];
    const usual = times.length > 1 ? (times[times.length - 1] - times[0]) / (times.length - 1) : 0;
    times.forEach((at, nth) => {
      const broken = values[nth] === null || (nth && at - times[nth - 1] > Math.max(4 * usual, 60000));
      if (broken && points.length) { paint(points); points = []; }
      if (values[nth] !== null) points.push([this.x(at), y(values[nth])]);
    });
    if (points.length) paint(points);
  }

  drawDrag(colours) {
    if (!this.drag) return;
    const { context } = this;
    const [from, to] = [Math.min(...this.drag), Math.max(...this.drag)];
    context.globalAlpha = 0.2;
    context.fillStyle = colours.accent;
    context.fillRect(from, 0, to - from, this.height);
    context.globalAlpha = 1;
  }

  // What lies at a point: a step, a gap, a note, a sample, or only a GPU and a time.
  at(x, y) {
    const lane = this.lanes.findIndex((box) => y >= box.from && y < box.bottom);
    if (lane < 0 || x < this.left) return { lane, ms: this.ms(x) };
    const box = this.lanes[lane];
    const found = { lane, ms: this.ms(x) };
    if (y >= box.top - 2 && y < box.strip) {
      const row = Math.min(Math.max(Math.floor((y - box.top) / (ROW + ROW_GAP)), 0), this.model.lanes[lane].rows - 1);
      found.step = this.stepAt(lane, row, x);
    }
    const within = (one) => one[0] === lane && one[1] <= found.ms && found.ms < one[2];
    if (!found.step) {
      found.gap = this.model.gaps.find(within);
      found.note = this.model.notes.find(within);
    }
    if (box.curves && y >= box.curves) found.sample = this.sampleAt(lane, found.ms);
    if (this.model.bins && !found.step && y < box.strip) {
      const place = Math.floor(found.ms / this.model.bins.width);
      found.cells = this.model.cells
        .map((cell) => [cell, cell.lane === lane ? cell.places.indexOf(place) : -1])
        .filter(([, nth]) => nth >= 0)
        .map(([cell, nth]) => [cell, cell.shares[nth]]);
    }
    return found;
  }

  stepAt(lane, row, x) {
    const near = (this.view[1] - this.view[0]) / (this.width - this.left) * 2;
    const at = this.ms(x);
    let best = null;
    let distance = Infinity;
    for (const step of this.byRow.get(`${lane}/${row}`) || []) {
      if (step.began > at + near) break;
      if (step.ended < at - near || !this.shows(step)) continue;
      const away = Math.max(step.began - at, at - step.ended, 0);
      if (away <= distance) { best = step; distance = away; }
    }
    return best;
  }

  sampleAt(lane, at) {
    const { times, load, memory, heat } = this.model.samples.get(lane);
    let nth = times.findIndex((one) => one > at);
    nth = nth < 0 ? times.length - 1 : nth && at - times[nth - 1] < times[nth] - at ? nth - 1 : nth;
    return { at: times[nth], load: load[nth], memory: memory[nth], heat: heat[nth] };
  }

  look(from, to) {
    let span = Math.min(Math.max(to - from, SHORTEST), this.whole[1] - this.whole[0]);
    const start = Math.min(Math.max(from, this.whole[0]), this.whole[1] - span);
    this.view = [start, start + span];
  }

  zoom(factor, at = (this.view[0] + this.view[1]) / 2) {
    const span = Math.max((this.view[1] - this.view[0]) * factor, SHORTEST);
    const share = (at - this.view[0]) / (this.view[1] - this.view[0]);
    this.look(at - share * span, at + (1 - share) * span);
  }

  move(share) {
    const by = (this.view[1] - this.view[0]) * share;
    this.look(this.view[0] + by, this.view[1] + by);
  }

  // Where the keyboard goes next: along a GPU, or to the step nearest in time on another.
  neighbour(key) {
    const shown = this.order.filter((step) => this.shows(step)).sort((a, b) => a.began - b.began || a.place - b.place);
    if (!shown.length) return null;
    const now = this.selected && shown.includes(this.selected) ? this.selected : null;
    if (!now) return shown.find((step) => step.ended >= this.view[0]) || shown[0];
    const lane = this.lane === undefined || !now.lanes.includes(this.lane) ? now.lanes[0] : this.lane;
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const row = shown.filter((step) => step.lanes.includes(lane));
      return row[row.indexOf(now) + (key === "ArrowRight" ? 1 : -1)] || now;
    }
    for (let to = lane + (key === "ArrowDown" ? 1 : -1); to >= 0 && to < this.lanes.length; to += key === "ArrowDown" ? 1 : -1) {
      const there = shown.filter((step) => step.lanes.includes(to));
      if (!there.length) continue;
      this.lane = to;
      return there.reduce((best, step) => (Math.abs(step.began - now.began) < Math.abs(best.began - now.began) ? step : best));
    }
    return now;
  }
}
