// The embedded data, unpacked: see gpucore/report/embedding.py for how it is packed.

const ONE_BY_ONE = (codes) => {
  const texts = [];
  let before = "";
  for (let i = 0; i < codes.length; i += 3) {
    before = between(before, codes[i], codes[i + 1], codes[i + 2]);
    texts.push(before);
  }
  return texts;
};

const between = (before, ahead, behind, middle) =>
  before.slice(0, ahead) + middle + (behind ? before.slice(before.length - behind) : "");

const added = (distances) => {
  let at = 0;
  return distances.map((distance) => (at += distance));
};

const asList = (value) => (Array.isArray(value) ? value : [value]);

function commandsOf(codes, stages) {
  const before = new Map();
  return codes.map((code, place) => {
    if (code === 0) return null;
    let words;
    if (code.length === 1) {
      words = code[0];
    } else {
      words = (before.get(stages[place]) || []).slice();
      for (let i = 0; i < code.length; i += 4) {
        words[code[i]] = between(words[code[i]], code[i + 1], code[i + 2], code[i + 3]);
      }
    }
    before.set(stages[place], words);
    return words;
  });
}

function stepsOf(packed, lanes) {
  const names = ONE_BY_ONE(packed.name);
  const logs = ONE_BY_ONE(packed.log);
  const began = added(packed.began);
  const commands = commandsOf(packed.command, packed.stage);
  const text = (column, place) => (place in column ? packed.texts[column[place]] : "");
  const keys = packed.key ? added(packed.key) : [];
  return names.map((name, place) => {
    const after = packed.after[place];
    const on = asList(packed.lane[place]);
    return {
      place,
      key: keys[place],
      name,
      stage: packed.stage[place],
      state: packed.state[place],
      number: packed.number[place],
      began: began[place],
      ended: began[place] + packed.took[place],
      took: packed.took[place],
      waited: packed.waited[place],
      lanes: on,
      rows: asList(packed.row[place]),
      gpus: on.map((lane) => lanes[lane].label).join(", "),
      log: logs[place],
      words: commands[place],
      exit: packed.exit[place],
      after: after === undefined ? "" : typeof after === "number" ? names[after] : after,
      reason: text(packed.reason, place),
      hint: text(packed.hint, place),
      failure: text(packed.failure, place),
      warning: text(packed.warning, place),
      memory: packed.memory[place],
      load: packed.load[place],
    };
  });
}

function unpack(data) {
  const steps = stepsOf(data.steps, data.lanes);
  const samples = new Map();
  for (const [lane, times, load, memory, heat] of data.samples) {
    samples.set(lane, { times: added(times), load, memory, heat });
  }
  const cells = data.bins
    ? data.bins.cells.map(([lane, stage, state, places, shares]) => ({
        lane, stage, state, places: added(places), shares,
      }))
    : [];
  return { ...data, steps, samples, cells };
}

// Times are shown by the clock of the machine that wrote the journal, wherever they are looked at.
class Clock {
  constructor(zero, offset) {
    this.base = (zero + offset) * 1000;
  }

  day(ms) { return new Date(this.base + ms).toISOString().slice(0, 10); }

  time(ms, fine) { return new Date(this.base + ms).toISOString().slice(11, fine ? 23 : 19); }

  both(ms) { return `${this.day(ms)} ${this.time(ms)}`; }
}

function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (Math.round(seconds * 10) < 600) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (seconds < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  if (seconds < 86400) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// Elements are made of text only: no name ever becomes markup.
function make(tag, facts = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}
