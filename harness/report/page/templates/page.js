"use strict";
(() => {
const by = (id) => document.getElementById(id);
const read = (id) => { const e = by(id); return e ? JSON.parse(e.textContent) : null; };
const make = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };

// Theme: the reader's choice outlives a reload where the browser lets it.
const root = document.documentElement;
try { const t = localStorage.getItem("calldistil-theme"); if (t) root.dataset.theme = t; } catch { /* a file without storage */ }
by("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("calldistil-theme", root.dataset.theme); } catch { /* as above */ }
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.dataset.was = d.open; d.open = true; }));
addEventListener("afterprint", () => document.querySelectorAll("details").forEach((d) => { d.open = d.dataset.was === "true"; }));

// Sorting by the unrounded value of each cell; what has none stays last.
const numeric = (s) => s !== undefined && s !== "" && !Number.isNaN(Number(s));
for (const table of document.querySelectorAll("table.sorts")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, at) => head.querySelector("button").addEventListener("click", () => {
    const was = head.getAttribute("aria-sort");
    const first = head.classList.contains("n") ? "descending" : "ascending";
    const now = was === null ? first : was === "ascending" ? "descending" : "ascending";
    heads.forEach((h) => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", now);
    const sign = now === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row, i) => ({ row, i, v: row.cells[at].dataset.v }));
    rows.sort((a, b) => {
      if (a.v === undefined || b.v === undefined) return (a.v === undefined) - (b.v === undefined) || a.i - b.i;
      const order = numeric(a.v) && numeric(b.v) ? Number(a.v) - Number(b.v) : a.v.localeCompare(b.v);
      return sign * order || a.i - b.i;
    });
    body.append(...rows.map((r) => r.row));
  }));
}

// A text with its entities marked, made of text nodes alone: no text is read as markup.
function marked(text, spans) {
  const chars = Array.from(text); // offsets count code points, as Python's do
  const [hs, he, ts, te] = spans;
  const cuts = [...new Set([0, hs, he, ts, te, chars.length])].sort((a, b) => a - b);
  const out = document.createDocumentFragment();
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [s, e] = [cuts[i], cuts[i + 1]], part = chars.slice(s, e).join("");
    const role = [s >= hs && e <= he ? "head" : "", s >= ts && e <= te ? "tail" : ""].filter(Boolean).join(" ");
    out.append(role ? make("mark", role, part) : document.createTextNode(part));
  }
  return out;
}

// The browser of examples: only the rows in sight are in the document.
const data = read("browser-data");
if (data) {
  const HEIGHT = 58, list = by("b-list"), space = by("b-space"), rows = by("b-rows"), detail = by("b-detail");
  const f = { text: by("b-text"), gold: by("b-gold"), system: by("b-system"), answer: by("b-answer"), show: by("b-show") };
  const option = (select, value, text) => { const o = make("option", "", text); o.value = value; select.append(o); };
  data.labels.forEach((label, i) => { option(f.gold, i, label); option(f.answer, i, label); });
  option(f.answer, -1, "(not read)");
  data.systems.forEach((s, i) => option(f.system, i, s.name + (s.seeds > 1 ? " (first seed)" : "")));
  const place = data.systems.findIndex((s) => s.name === (data.student || data.reference));
  f.system.value = Math.max(place, 0);
  const ref = data.systems.find((s) => s.name === data.reference);
  const lower = data.texts.map((t, i) => (data.ids[i] + " " + t).toLowerCase());
  const name = (code) => (code < 0 ? "(not read)" : data.labels[code]);
  let found = [], chosen = -1;
  const tests = {
    wrong: (i, a) => a[i] !== data.gold[i],
    right: (i, a) => a[i] === data.gold[i],
    differs: (i, a) => ref && a[i] !== ref.answers[i],
    lost: (i, a) => ref && a[i] !== data.gold[i] && ref.answers[i] === data.gold[i],
    won: (i, a) => ref && a[i] === data.gold[i] && ref.answers[i] !== data.gold[i],
    alarm: (i, a) => data.gold[i] === data.na && a[i] !== data.na && a[i] >= 0,
    missed: (i, a) => data.gold[i] !== data.na && a[i] === data.na,
  };
  function filter() {
    const words = f.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const gold = f.gold.value === "" ? null : Number(f.gold.value);
    const answer = f.answer.value === "" ? null : Number(f.answer.value);
    const a = data.systems[f.system.value].answers, test = tests[f.show.value];
    found = [];
    for (let i = 0; i < data.ids.length; i++) {
      if (gold !== null && data.gold[i] !== gold) continue;
      if (answer !== null && a[i] !== answer) continue;
      if (test && !test(i, a)) continue;
      if (words.length && !words.every((w) => lower[i].includes(w))) continue;
      found.push(i);
    }
    by("b-count").textContent = `${found.length.toLocaleString("en")} of ${data.ids.length.toLocaleString("en")} examples`;
    space.style.height = `${found.length * HEIGHT}px`;
    list.scrollTop = 0;
    draw();
  }
  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4);
    const last = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + 4);
    const s = data.systems[f.system.value];
    rows.style.transform = `translateY(${first * HEIGHT}px)`;
    rows.replaceChildren(...found.slice(first, last).map((i) => {
      const item = make("button", "item");
      item.type = "button";
      item.setAttribute("aria-pressed", String(i === chosen));
      const t = make("div", "t"); t.append(marked(data.texts[i], data.spans[i]));
      const m = make("div", "m"); m.append(`gold ${name(data.gold[i])} · ${s.name} `);
      m.append(make("span", s.answers[i] === data.gold[i] ? "ok" : "no", name(s.answers[i])));
      if (s.sure && s.sure[i] >= 0) m.append(` ${s.sure[i]}%`);
      item.append(t, m);
      item.addEventListener("click", () => { chosen = i; open(i); draw(); });
      return item;
    }));
  }
  function open(i) {
    const text = make("p", "text"); text.append(marked(data.texts[i], data.spans[i]));
    const gold = make("p", "gold"); gold.append(make("span", "tag", `gold: ${name(data.gold[i])}`), " ", make("span", "id", data.ids[i]));
    const all = make("ul");
    for (const s of data.systems) {
      const li = make("li", s.answers[i] === data.gold[i] ? "right" : "wrong");
      li.append(make("span", "who", s.name), " ", make("span", "label", name(s.answers[i])));
      if (s.sure && s.sure[i] >= 0) li.append(" ", make("span", "sure", `${s.sure[i]}%`));
      all.append(li);
    }
    detail.replaceChildren(text, gold, all);
    detail.hidden = false;
  }
  let asked = false;
  list.addEventListener("scroll", () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); }); } }, { passive: true });
  let timer;
  f.text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 120); });
  for (const key of ["gold", "system", "answer", "show"]) f[key].addEventListener("change", filter);
  filter();
}

// Costs at other prices: quantities times prices.
const costs = read("prices-data");
if (costs) {
  const form = document.querySelector("#prices form"), body = by("repriced").tBodies[0];
  const input = (set, label, value, keep, key) => {
    const l = make("label", "", label), i = make("input");
    i.type = "number"; i.min = "0"; i.step = "any"; i.value = value ?? ""; i.placeholder = { cache_write: "as input", reasoning: "as output" }[key] || "unknown";
    l.append(i); set.append(l); keep(i); return i;
  };
  const fields = {}, others = {};
  for (const [name, price] of Object.entries(costs.backends)) {
    const set = make("fieldset"); set.append(make("legend", "", `${name}, USD per 1,000,000 tokens`));
    fields[name] = {};
    for (const key of [...costs.classes, "batch_discount"])
      input(set, key.replaceAll("_", " "), price?.[key], (i) => { fields[name][key] = i; }, key);
    form.append(set);
  }
  const set = make("fieldset"); set.append(make("legend", "", "USD"));
  input(set, "machine, an hour", costs.machine_per_hour, (i) => { others.machine = i; });
  input(set, "a human label", costs.human_label, (i) => { others.label = i; });
  input(set, "sentences", costs.volume, (i) => { others.volume = i; });
  form.append(set);
  const value = (i) => (i.value === "" || Number.isNaN(i.valueAsNumber) ? null : i.valueAsNumber);
  // Money of quantities; null where a price that it needs is not given.
  function money(taken, mode, billed) {
    if (!taken) return null;
    let sum = 0;
    for (const [name, tokens] of Object.entries(taken.tokens)) {
      const p = Object.fromEntries(Object.entries(fields[name] || {}).map(([k, i]) => [k, value(i)]));
      const read = p.cache_read ?? (billed ? p.input : null);
      const each = [p.input, read, p.cache_write ?? p.input, p.output, p.reasoning ?? p.output];
      if (mode === "batch" && p.batch_discount === null) return null;
      const left = mode === "batch" ? 1 - p.batch_discount : 1;
      for (let i = 0; i < tokens.length; i++) {
        if (!tokens[i]) continue;
        if (each[i] === null || each[i] === undefined) return null;
        sum += (tokens[i] * each[i] * left) / 1e6;
      }
    }
    if (taken.seconds === null) return null;
    if (taken.seconds) { const p = value(others.machine); if (p === null) return null; sum += (taken.seconds / 3600) * p; }
    if (taken.labels) { const p = value(others.label); if (p === null) return null; sum += taken.labels * p; }
    return sum;
  }
  const dollars = (v) => {
    if (v === null) return "unknown";
    const s = Math.abs(v), sign = v < 0 ? "-" : "";
    if (s === 0) return "$0";
    if (s >= 100) return sign + "$" + Math.round(s).toLocaleString("en");
    if (s >= 0.1) return sign + "$" + s.toFixed(2);
    return sign + "$" + s.toFixed(Math.min(1 - Math.floor(Math.log10(s)), 30));
  };
  function cheapest(each) {
    let best = { mode: "list", v: null };
    for (const [mode, taken] of Object.entries(each)) {
      const v = money(taken, mode, false);
      if (v !== null && (best.v === null || v < best.v)) best = { mode, v };
    }
    return best;
  }
  function count() {
    const priced = costs.systems.map((s) => ({ s, once: money(s.once, "cached_prefix", true), each: cheapest(s.each) }));
    const ref = priced.find((p) => p.s.reference), volume = value(others.volume);
    body.replaceChildren(...priced.map((p) => {
      let even = "-";
      if (p !== ref) {
        if ([p.once, p.each.v, ref.once, ref.each.v].includes(null)) even = "unknown";
        else {
          const extra = p.once - ref.once, saved = ref.each.v - p.each.v;
          if (extra <= 0 && saved >= 0 && (extra < 0 || saved > 0)) even = "at once";
          else even = saved > 0 ? Math.ceil(extra / saved - 1e-9).toLocaleString("en") : "never";
        }
      }
      const all = volume === null || p.once === null || p.each.v === null ? null : p.once + volume * p.each.v;
      const row = make("tr"), head = make("th", "", p.s.name);
      head.scope = "row";
      row.append(head, ...[dollars(p.once), dollars(p.each.v === null ? null : p.each.v * 1000), p.each.v === null ? "-" : p.each.mode.replaceAll("_", " "), even, dollars(all)].map((t) => make("td", "", t)));
      return row;
    }));
  }
  form.addEventListener("input", count);
  form.addEventListener("submit", (e) => e.preventDefault());
  count();
}
})();
