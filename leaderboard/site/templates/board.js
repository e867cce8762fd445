// 1. filters: what is wanted stands in the address, so that a view can be passed on
const data = JSON.parse(document.getElementById("data").textContent), form = document.querySelector(".filters");
const rowsOf = (table) => [...table.tBodies[0].rows], sections = [...document.querySelectorAll("section.suite")];
const LEVELS = ["reported", "replayed", "reproduced"], fields = {};
const choice = (name, title, options) => {
  if (!form || options.length < 2) return;
  fields[name] = make("select", "", make("label", title, form), {name});
  make("option", "all", fields[name], {value: ""});
  for (const [value, text] of options) make("option", text, fields[name], {value});
};
const seen = (name) => [...new Set([...document.querySelectorAll("table.clean tbody tr")].map((row) => row.dataset[name]))];
const suites = new Map(sections.filter((one) => one.dataset.name).map((one) => [one.dataset.suite, one.dataset.name]));
choice("suite", "Suite", [...suites]);
choice("track", "Track", seen("track").map((track) => [track, track]));
choice("trust", "Trust", [["replayed", "replayed or better"], ["reproduced", "reproduced"]]);
const variants = [...new Set(data.flatMap((board) => board.variants.map((one) => one.name)))];
choice("variant", "Seen in", [["", "clean"], ...variants.map((name) => [name, name])]);
if (fields.variant) fields.variant.options[0].remove();
const clear = form && make("button", "Clear", form, {type: "button"});

// 2. one variant in place of the clean table
const cellOf = (line, cell) => {
  const place = make("td", "", line, {class: "task", "data-value": cell ? cell[2] : -9});
  if (!cell) { place.append("–"); return; }
  const [clean, success, difference, low, high, broken, mended, infeasible, unchanged] = cell;
  if (unchanged) make("span", "unchanged", place, {class: "soft"});
  else { make("b", points(difference), place); place.append(" "); make("span", ends(low, high), place, {class: "range"}); }
  make("span", percent(clean) + " → " + percent(success) + " %", place, {class: "range line"});
  make("span", broken + " broken, " + mended + " fixed", place, {class: "range line"});
  if (infeasible) make("span", "infeasible", place, {class: "chip infeasible"});
  if (high < 0) place.classList.add("drop" + Math.min(1 + Math.floor(-difference / 0.1), 5));
};
const shift = (section, name) => {
  const board = data.find((one) => one.suite === section.dataset.suite), found = board && board.variants.find((one) => one.name === name);
  const clean = section.querySelector("table.clean"), table = section.querySelector("table.shifted");
  if (!clean) return;
  for (const part of section.querySelectorAll(".clean")) part.hidden = Boolean(found);
  table.hidden = !found;
  if (!found) return;
  [...table.tHead.rows[0].cells].forEach((head, i) => i ? head.removeAttribute("aria-sort") : head.setAttribute("aria-sort", "ascending"));
  table.querySelector(".name").textContent = found.name + ", " + found.words;
  const sorted = rowsOf(clean).sort((a, b) => a.cells[0].dataset.value - b.cells[0].dataset.value);
  table.tBodies[0].replaceChildren(...sorted.map((row, i) => {
    const line = make("tr", "", null, {"data-track": row.dataset.track, "data-level": row.dataset.level});
    line.className = row.className;
    line.append(row.cells[0].cloneNode(true), row.cells[2].cloneNode(true));
    for (const cell of found.rows[i]) cellOf(line, cell);
    return line;
  }));
};

// 3. what is shown
const want = (name) => fields[name] ? fields[name].value : "";
const show = () => {
  for (const section of sections) {
    section.hidden = want("suite") !== "" && section.dataset.suite !== want("suite");
    shift(section, want("variant"));
    for (const row of section.querySelectorAll("tbody tr[data-track]")) {
      row.hidden = (want("track") !== "" && row.dataset.track !== want("track")) || LEVELS.indexOf(row.dataset.level) < LEVELS.indexOf(want("trust"));
    }
  }
  const rows = [...document.querySelectorAll("table.clean tbody tr")], left = rows.filter((row) => !row.hidden && !row.closest("section").hidden).length;
  const told = document.getElementById("told");
  if (told) told.textContent = left + " of " + rows.length + (rows.length === 1 ? " entry" : " entries") + (want("variant") ? ", seen in " + want("variant") : "");
};
const follow = () => {
  const [place, query] = location.hash.slice(1).split("?");
  if (query === undefined || place !== "board") return;
  const asked = new URLSearchParams(query);
  for (const [name, field] of Object.entries(fields)) {
    field.value = asked.get(name) || "";
    if (field.selectedIndex < 0) field.value = "";
  }
  show();
  document.getElementById("board").scrollIntoView();
};
if (form) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const asked = Object.entries(fields).filter(([, field]) => field.value).map(([name, field]) => [name, field.value]);
    history.replaceState(null, "", "#board?" + new URLSearchParams(asked));
    show();
  });
  clear.addEventListener("click", () => { form.reset(); history.replaceState(null, "", "#board"); show(); });
  addEventListener("hashchange", follow);
  show();
  follow();
}
