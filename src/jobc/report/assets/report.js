
"use strict";
// Shows the data of the page: a tree of jobs, combinations and stages with their bars in time, and a panel with details.
// Only the rows in sight exist in the document, so 20,000 combinations scroll like 20. All text is set as text.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MARKS = { success: "✓", failed: "✗", skip: "○", cancel: "⊘", running: "●", waiting: "·", interrupted: "⊘", "not started": "·" };
  const WORDS = { success: "succeeded", failed: "failed", skip: "skipped", cancel: "cancelled", running: "running", waiting: "waiting", interrupted: "interrupted", "not started": "not started" };
  const ROW = 28, LINES = 5000;
  const by = (id) => document.getElementById(id);
  const rowsBox = by("rows"), inner = by("inner"), panel = by("panel"), scale = by("scale"), search = by("search");
  document.documentElement.classList.remove("plain");

  // The tree

  const nodes = [];
  const roots = [];
  function add(kind, item, parent, name, extra) {
    const node = {
      kind, item, parent, name, extra, children: [], open: false, id: nodes.length,
      level: parent ? parent.level + 1 : 1, status: item.status, start: item.start,
      end: item.start === null || item.start === undefined ? null : item.status === "running" ? data.run.now : item.start + item.duration,
    };
    nodes.push(node);
    (parent ? parent.children : roots).push(node);
    return node;
  }
  data.jobs.forEach((job) => {
    const top = add("job", job, null, job.id, job.run || "");
    job.combinations.forEach((combination) => {
      const only = job.total === 1 && !combination.matrix;
      const place = only ? top : add("combination", combination, top, combination.matrix || "#" + combination.index, "");
      if (only) top.only = combination;
      combination.stages.forEach((stage) => add("stage", stage, place, stage.name, stage.name === stage.path ? "" : stage.path));
    });
    Object.keys(job.more).forEach((status) => {
      add("more", { status, start: null, duration: 0, reason: "not listed in this page" }, top, "and " + job.more[status] + " more", "");
    });
  });
  const total = Math.max(data.run.duration || 0, 0.001, ...roots.map((node) => node.end || 0));

  // Words

  function took(seconds) {
    if (seconds < 0.9995) return Math.max(1, Math.round(seconds * 1000)) + " ms";
    if (seconds < 10) return seconds.toFixed(1) + " s";
    const whole = Math.round(seconds);
    if (whole < 60) return whole + " s";
    const minutes = Math.floor(whole / 60), two = (n) => String(n).padStart(2, "0");
    return minutes < 60 ? minutes + " min " + two(whole % 60) + " s" : Math.floor(minutes / 60) + " h " + two(minutes % 60) + " min";
  }
  function clock(seconds, part) {
    const text = new Date((data.run.started + data.run.offset + seconds) * 1000).toISOString();
    return part === "day" ? text.slice(0, 10) + " " + text.slice(11, 23) : text.slice(11, 23);
  }
  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }
  const css = (status) => status.replace(" ", "-");
  const why = (node) => node.item.error || node.item.reason || "";

  // What is shown

  const state = { query: "", statuses: new Set(), critical: false, active: null, from: 0, to: total };
  let shown = [];
  const lowered = new Map();
  function log(index) {
    if (!lowered.has(index)) lowered.set(index, data.logs[index].map((line) => line[2]).join("\n").toLowerCase());
    return lowered.get(index);
  }
  function found(node) {
    const query = state.query;
    if ((node.name + "\n" + node.extra + "\n" + why(node)).toLowerCase().includes(query)) return true;
    return node.kind === "stage" && node.item.log != null && log(node.item.log).includes(query);
  }
  function wanted(node) {
    return (!state.statuses.size || state.statuses.has(node.status))
      && (!state.critical || node.kind === "stage" || node.item.critical)
      && (!state.query || found(node));
  }
  function select() {
    const filtering = state.query || state.statuses.size || state.critical;
    shown = [];
    let hits = 0;
    function walk(node, inherited) {
      const at = shown.length;
      shown.push(node);
      const self = !filtering || wanted(node);
      if (self) hits += 1;
      let any = self;
      const look = state.query || state.statuses.size;
      if (filtering && look) {
        const before = shown.length;
        for (const child of node.children) if (walk(child, inherited || (self && !state.statuses.size))) any = true;
        if (!node.open && !state.query && !(node.kind === "job" && state.statuses.size)) shown.length = before;
      } else if (node.open) {
        for (const child of node.children) walk(child, false);
      }
      if (filtering && !any && !(inherited && node.parent && node.parent.open)) { shown.length = at; return false; }
      return any;
    }
    for (const root of roots) walk(root, false);
    by("count").textContent = filtering ? (shown.length ? hits + (hits === 1 ? " match" : " matches") : "nothing matches") : "";
    if (state.active && !shown.includes(state.active)) state.active = null;
    inner.style.height = shown.length * ROW + "px";
    rowsBox.setAttribute("aria-rowcount", shown.length);
    draw();
  }

  function bar(lane, start, end, className) {
    const span = state.to - state.from;
    if (end < state.from || start > state.to) return;
    const element = make("div", "stripe " + className);
    const left = Math.max(-1, (start - state.from) / span * 100), right = Math.min(101, (end - state.from) / span * 100);
    element.style.left = left + "%";
    element.style.width = Math.max(0, right - left) + "%";
    lane.append(element);
  }
  function line(node, index) {
    const item = node.item, row = make("div", "row l" + Math.min(node.level, 3));
    row.id = "row-" + node.id;
    row.style.top = index * ROW + "px";
    row.setAttribute("role", "row");
    row.setAttribute("aria-level", node.level);
    row.setAttribute("aria-rowindex", index + 1);
    row.setAttribute("aria-selected", node === state.active);
    if (node.children.length) row.setAttribute("aria-expanded", node.open);
    if (node === state.active) row.classList.add("active");
    if (item.critical) row.classList.add("critical");
    const name = make("div", "who");
    name.setAttribute("role", "gridcell");
    const deep = node.kind === "stage" ? (item.path.match(/[.[]/g) || []).length : 0;
    if (deep) name.style.paddingLeft = 28 + 18 * (node.level - 2) + 14 * Math.min(deep, 5) + "px";
    const twist = make("span", "twist", node.children.length ? (node.open ? "▾" : "▸") : "");
    twist.setAttribute("aria-hidden", "true");
    const mark = make("span", "mark m-" + css(node.status), MARKS[node.status]);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", WORDS[node.status]);
    const text = make("span", "text");
    text.append(node.name);
    const many = node.kind === "job" && item.total > 1 ? "× " + item.total : "";
    const tries = item.attempts > 1 ? item.attempts + " attempts" : "";
    const more = [node.extra, many, tries].filter(Boolean).join(", ");
    if (more) text.append(make("small", "", " " + more));
    name.append(twist, mark, text);
    if (item.critical) {
      const critical = make("span", "crit", "◆");
      critical.title = "on the critical path";
      critical.setAttribute("role", "img");
      critical.setAttribute("aria-label", "on the critical path");
      name.append(critical);
    }
    const time = make("div", "took", node.end !== null && item.status !== "skip" ? took(node.end - node.start) : "");
    time.setAttribute("role", "gridcell");
    const lane = make("div", "lane");
    lane.setAttribute("role", "gridcell");
    const ran = node.end !== null && !(item.status === "skip" && item.duration === 0);
    if (ran) {
      (item.earlier || (node.only && node.only.earlier) || []).forEach((attempt) => bar(lane, attempt.start, attempt.start + attempt.duration, "earlier b-" + css(attempt.status)));
      bar(lane, node.start, node.end, "b-" + css(node.status));
      (item.starts || []).slice(1).forEach((start) => {
        const tick = make("span", "tick"), at = (start - state.from) / (state.to - state.from) * 100;
        tick.style.left = at + "%";
        if (at >= 0 && at <= 100) lane.append(tick);
      });
      lane.setAttribute("aria-label", "from " + took(Math.max(0, node.start)) + ", for " + took(node.end - node.start) + (why(node) ? ": " + why(node) : ""));
    } else if (why(node)) {
      lane.append(make("span", "why", why(node)));
    }
    row.title = node.name + ": " + WORDS[node.status] + (why(node) ? "\n" + why(node) : "");
    row.append(name, time, lane);
    row.addEventListener("click", (event) => {
      if (event.target === twist && node.children.length) toggle(node, !node.open);
      else if (state.active === node && node.children.length && panel.hidden === false) toggle(node, !node.open);
      else { if (node.children.length && !node.open && node.kind !== "job") node.open = true; activate(node); details(node); select(); }
    });
    row.addEventListener("dblclick", () => node.children.length && toggle(node, !node.open));
    return row;
  }
  function draw() {
    const first = Math.max(0, Math.floor(rowsBox.scrollTop / ROW) - 10);
    const last = Math.min(shown.length, first + Math.ceil((rowsBox.clientHeight || 400) / ROW) + 20);
    const part = document.createDocumentFragment();
    for (let index = first; index < last; index += 1) part.append(line(shown[index], index));
    inner.replaceChildren(part);
    if (state.active) rowsBox.setAttribute("aria-activedescendant", "row-" + state.active.id);
    else rowsBox.removeAttribute("aria-activedescendant");
  }
  function axis() {
    const span = state.to - state.from;
    const steps = [1, 2, 5].flatMap((n) => [-3, -2, -1, 0, 1].map((e) => n * Math.pow(10, e))).concat([15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400]).sort((a, b) => a - b);
    const step = steps.find((each) => span / each <= Math.max(3, (scale.clientWidth || 600) / 110)) || span;
    scale.replaceChildren();
    for (let at = Math.ceil(state.from / step) * step, n = 0; at <= state.to && n < 40; at += step, n += 1) {
      const label = make("span", "", at < step / 2 ? "0" : took(at));
      label.style.left = (at - state.from) / span * 100 + "%";
      scale.append(label);
    }
  }
  function zoom(from, to) {
    const least = Math.min(total, Math.max(total / 10000, 0.002));
    const span = Math.min(total, Math.max(least, to - from));
    state.from = Math.min(Math.max(0, from), total - span);
    state.to = state.from + span;
    axis();
    draw();
  }
  function zoomBy(factor) {
    const node = state.active;
    const middle = node && node.end !== null && node.end >= state.from && node.start <= state.to ? (Math.max(node.start, state.from) + Math.min(node.end, state.to)) / 2 : (state.from + state.to) / 2;
    const span = (state.to - state.from) * factor;
    zoom(middle - span / 2, middle + span / 2);
  }
  function pan(part) {
    const by_ = (state.to - state.from) * part;
    zoom(state.from + by_, state.to + by_);
  }

  // Moving

  function activate(node) {
    state.active = node;
    const at = shown.indexOf(node);
    if (at >= 0) {
      const top = at * ROW;
      if (top < rowsBox.scrollTop) rowsBox.scrollTop = top;
      else if (top + ROW > rowsBox.scrollTop + rowsBox.clientHeight) rowsBox.scrollTop = top + ROW - rowsBox.clientHeight;
    }
    draw();
  }
  function toggle(node, open) {
    node.open = open;
    select();
    activate(node);
  }
  function reveal(node) {
    for (let up = node.parent; up; up = up.parent) up.open = true;
    select();
    activate(node);
    if (shown.length * ROW > rowsBox.clientHeight) {
      rowsBox.scrollTop = (shown.indexOf(node) + 0.5) * ROW - rowsBox.clientHeight / 2;
      draw();
    }
  }
  const failures = nodes.filter((node) => node.status === "failed" && node.kind !== "more" && !node.children.some((child) => child.status === "failed"));
  function nextFailure() {
    if (!failures.length) return;
    const after = state.active ? failures.findIndex((node) => node.id > state.active.id) : 0;
    const node = failures[Math.max(0, after)];
    if (!wanted(node)) clear();
    reveal(node);
    details(node);
  }
  function clear() {
    state.query = search.value = "";
    state.statuses.clear();
    state.critical = false;
    pressed();
    select();
  }

  // The panel

  function logsOf(node) {
    const stages = node.kind === "stage" ? [node] : [];
    (function collect(each) { for (const child of each.children) { if (child.kind === "stage") stages.push(child); collect(child); } })(node);
    return stages.filter((each) => each.item.log != null);
  }
  function details(node) {
    const item = node.item;
    panel.replaceChildren();
    panel.hidden = false;
    const top = make("div", "top"), title = make("h3"), close = make("button", "", "✕");
    const path = [];
    for (let up = node; up; up = up.parent) path.unshift(up.name);
    title.textContent = path.join(" › ");
    close.type = "button";
    close.setAttribute("aria-label", "close details");
    close.addEventListener("click", shut);
    top.append(title, close);
    const fact = make("p", "m-" + css(node.status));
    fact.textContent = MARKS[node.status] + " " + WORDS[node.status] + (node.end !== null && item.status !== "skip" ? " after " + took(node.end - node.start) : "") + (item.attempts > 1 ? ", " + item.attempts + " attempts" : "");
    panel.append(top, fact);
    if (why(node)) panel.append(make("p", node.status === "failed" ? "bad" : "", why(node)));
    if (item.place) panel.append(make("p", "place", item.place));
    if (node.end !== null) panel.append(make("p", "dim", "from " + clock(node.start, "day") + " to " + clock(node.end) + (item.critical ? ", on the critical path" : "")));
    if (node.kind === "job" && item.needs.length) panel.append(make("p", "dim", "needs " + item.needs.map((need) => data.jobs[need].id).join(", ")));
    (item.earlier || (node.only && node.only.earlier) || []).forEach((attempt) => panel.append(make("p", "dim", "attempt " + attempt.attempt + " " + WORDS[attempt.status] + " after " + took(attempt.duration) + (attempt.reason ? ": " + attempt.reason : ""))));
    const outputs = Object.entries(item.outputs || {});
    if (outputs.length) {
      const table = make("table");
      outputs.forEach(([name, value]) => {
        const row = make("tr"), head = make("th", "", name);
        head.scope = "row";
        row.append(head, make("td", "", value));
        table.append(row);
      });
      panel.append(table);
    }
    const stages = logsOf(node);
    if (stages.length) panel.append(logView(stages));
    else if (node.kind === "stage") panel.append(make("p", "dim", "it wrote nothing"));
    draw();
    axis();
  }
  let times = false;
  function logView(stages) {
    const box = make("div", "log"), find = make("div", "find"), input = make("input"), pre = make("pre", times ? "" : "bare"), hits = make("output");
    const label = make("label"), stamps = make("input");
    input.type = "search";
    input.placeholder = "search this log";
    input.setAttribute("aria-label", "search this log");
    stamps.type = "checkbox";
    stamps.checked = times;
    stamps.addEventListener("change", () => { times = stamps.checked; pre.classList.toggle("bare", !times); });
    label.append(stamps, " times");
    hits.setAttribute("aria-live", "polite");
    find.append(input, hits, label);
    pre.tabIndex = 0;
    pre.setAttribute("aria-label", "log");
    const lines = [];
    let left = LINES;
    for (const stage of stages) {
      const log = data.logs[stage.item.log].slice(-left);
      if (stages.length > 1) lines.push([null, 0, "── " + stage.name + " ──"]);
      if (data.log_cut.includes(stage.item.log)) lines.push([null, 0, "… earlier lines are left out: jobc runs logs " + data.run.id + " has them"]);
      lines.push(...log);
      left -= log.length;
      if (left <= 0) break;
    }
    if (input.value === "" && state.query) input.value = state.query;
    let marks = [], here = -1;
    function show() {
      const query = input.value.toLowerCase();
      marks = [];
      here = -1;
      const part = document.createDocumentFragment();
      lines.forEach(([at, stream, text]) => {
        const element = make("span", stream ? "err" : at === null ? "m-skip" : "");
        if (at !== null) {
          const time = make("time", "", clock(at));
          time.dateTime = new Date((data.run.started + at) * 1000).toISOString();
          element.append(time);
        }
        const lower = text.toLowerCase();
        let from = 0, hit = query && lower.length === text.length ? lower.indexOf(query) : -1;
        while (hit >= 0) {
          const mark = make("mark", "", text.slice(hit, hit + query.length));
          element.append(text.slice(from, hit), mark);
          marks.push(mark);
          from = hit + query.length;
          hit = lower.indexOf(query, from);
        }
        element.append(text.slice(from) + "\n");
        part.append(element);
      });
      pre.replaceChildren(part);
      hits.textContent = query ? (marks.length ? marks.length + " found" : "not found") : "";
    }
    function go(step) {
      if (!marks.length) return;
      if (here >= 0) marks[here].classList.remove("here");
      here = (here + step + marks.length) % marks.length;
      marks[here].classList.add("here");
      marks[here].scrollIntoView({ block: "nearest" });
      hits.textContent = here + 1 + " of " + marks.length;
    }
    input.addEventListener("input", show);
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") go(event.shiftKey ? -1 : 1); });
    show();
    requestAnimationFrame(() => { if (marks.length) go(1); else pre.scrollTop = pre.scrollHeight; });
    box.append(find, pre);
    return box;
  }
  function shut() {
    panel.hidden = true;
    panel.replaceChildren();
    rowsBox.focus();
    draw();
    axis();
  }

  // Controls

  const counts = {};
  nodes.forEach((node) => { if (node.kind !== "stage") counts[node.status] = (counts[node.status] || 0) + (node.kind === "more" ? 0 : 1); });
  const buttons = new Map();
  Object.keys(MARKS).filter((status) => counts[status]).forEach((status) => {
    const button = make("button", "", MARKS[status] + " " + WORDS[status]);
    button.type = "button";
    button.dataset.status = status;
    button.addEventListener("click", () => {
      if (!state.statuses.delete(status)) state.statuses.add(status);
      pressed();
      rowsBox.scrollTop = 0;
      select();
    });
    buttons.set(status, button);
    by("filters").append(button);
  });
  function pressed() {
    buttons.forEach((button, status) => button.setAttribute("aria-pressed", state.statuses.has(status)));
    by("critical").setAttribute("aria-pressed", state.critical);
  }
  function critical() {
    state.critical = !state.critical;
    pressed();
    rowsBox.scrollTop = 0;
    select();
  }
  by("critical").addEventListener("click", critical);
  by("next").addEventListener("click", nextFailure);
  by("next").hidden = !failures.length;
  by("zoom-in").addEventListener("click", () => zoomBy(0.5));
  by("zoom-out").addEventListener("click", () => zoomBy(2));
  by("zoom-all").addEventListener("click", () => zoom(0, total));
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.query = search.value.trim().toLowerCase(); rowsBox.scrollTop = 0; select(); }, 120);
  });
  rowsBox.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  addEventListener("resize", () => { axis(); draw(); });
  rowsBox.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 0.8 : 1.25);
  }, { passive: false });
  scale.addEventListener("pointerdown", (event) => {
    const box = scale.getBoundingClientRect(), from = event.clientX, drag = make("span", "drag");
    const at = (x) => state.from + Math.min(1, Math.max(0, (x - box.left) / box.width)) * (state.to - state.from);
    scale.setPointerCapture(event.pointerId);
    scale.append(drag);
    function move(next) {
      drag.style.left = Math.min(from, next.clientX) - box.left + "px";
      drag.style.width = Math.abs(next.clientX - from) + "px";
    }
    function up(next) {
      scale.removeEventListener("pointermove", move);
      drag.remove();
      if (Math.abs(next.clientX - from) > 4) zoom(Math.min(at(from), at(next.clientX)), Math.max(at(from), at(next.clientX)));
    }
    scale.addEventListener("pointermove", move);
    scale.addEventListener("pointerup", up, { once: true });
  });
  function step(by_) {
    if (!shown.length) return;
    const at = state.active ? shown.indexOf(state.active) : -1;
    activate(shown[Math.min(shown.length - 1, Math.max(0, at + by_))]);
    if (!panel.hidden) details(state.active);
  }
  rowsBox.addEventListener("keydown", (event) => {
    const node = state.active, page = Math.max(1, Math.floor(rowsBox.clientHeight / ROW) - 1);
    const keys = {
      ArrowDown: () => step(1), ArrowUp: () => step(-1), PageDown: () => step(page), PageUp: () => step(-page),
      Home: () => step(-shown.length), End: () => step(shown.length),
      ArrowRight: () => { if (event.shiftKey) pan(0.2); else if (node && node.children.length && !node.open) toggle(node, true); else step(1); },
      ArrowLeft: () => { if (event.shiftKey) pan(-0.2); else if (node && node.open) toggle(node, false); else if (node && node.parent) activate(node.parent); },
      Enter: () => node && details(node), " ": () => node && node.children.length && toggle(node, !node.open),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target instanceof HTMLInputElement && event.target.type === "search";
    if (event.key === "Escape") {
      if (writing && event.target.value) { event.target.value = ""; event.target.dispatchEvent(new Event("input")); }
      else if (!panel.hidden) shut();
      else clear();
      return;
    }
    if (writing) return;
    const keys = { "/": () => search.focus(), f: nextFailure, c: critical, "+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), 0: () => zoom(0, total) };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  // The graph

  roots.filter((node) => !node.extra).forEach((node) => {
    const box = by("job-" + node.name);
    if (!box || !box.closest(".graph")) return;
    box.classList.add("s-" + css(node.status));
    if (node.item.critical) box.classList.add("critical");
    box.addEventListener("click", () => { clear(); reveal(node); details(node); by("rows").scrollIntoView({ block: "nearest" }); });
  });

  pressed();
  if (failures.length) reveal(failures[0]);
  else { if (roots.length === 1) roots[0].open = true; select(); }
  axis();
  draw();
})();
