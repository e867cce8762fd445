const data = JSON.parse(document.getElementById("data").textContent), form = document.querySelector(".choose"), place = document.getElementById("found"), verdict = document.getElementById("verdict");
const SVG = "http://www.w3.org/2000/svg";
const kind = ([, low, high]) => low > 0 ? "better" : high < 0 ? "worse" : "open";

// 1. tables
const table = (title, words, heads, parent) => {
  const region = make("div", "", parent, {class: "scroll", role: "region", "aria-label": title, tabindex: "0"}), made = make("table", "", region);
  const caption = make("caption", "", made);
  make("b", title, make("span", "", caption));
  make("span", words, caption);
  const line = make("tr", "", make("thead", "", made));
  for (const head of heads) make("th", head, line, {scope: "col"});
  return make("tbody", "", made);
};
const bar = (difference, parent) => {
  const picture = document.createElementNS(SVG, "svg"), at = (x) => (50 + 50 * x).toFixed(2);
  const [estimate, low, high] = difference.map(at);
  for (const [name, text] of [["class", "difference " + kind(difference)], ["viewBox", "-1 0 102 15"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) picture.setAttribute(name, text);
  for (const [name, d] of [["zero", "M50 0V15"], ["whisker", `M${low} 7.5H${high}M${low} 4V11M${high} 4V11`], ["estimate", `M${estimate} 2V13`]]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    path.setAttribute("d", d);
    picture.append(path);
  }
  parent.append(picture);
};
const differenceCell = (row, line) => {
  const cell = make("td", "", line, {class: "wide"}), [number, ...range] = span(row.difference).split(" ");
  make("b", number, cell);
  cell.append(" ");
  make("span", range.join(" "), cell, {class: "range"});
  bar(row.difference, cell);
};
const shareCell = ([text, range], line) => {
  const cell = make("td", "", line, {class: "tight"});
  make("b", text, cell);
  cell.append(" ");
  make("span", range, cell, {class: "range"});
};
const tile = (name, value, unit, more, parent) => {
  const made = make("div", "", parent, {class: "tile"});
  make("span", name, made, {class: "soft"});
  make("small", " " + unit, make("b", value, made));
  make("span", more, made, {class: "range small"});
  return made;
};

// 2. what is found
const say = (words, name) => {
  verdict.textContent = words;
  verdict.className = "verdict " + name;
  verdict.hidden = false;
};
const show = (baseline, candidate) => {
  place.replaceChildren();
  const suite = data.suites[baseline.suite], why = different(data, baseline, candidate);
  const command = () => {
    make("h2", "The same at a prompt", place);
    make("pre", "bimodal compare " + baseline.file + " " + candidate.file, place);
    make("p", "in this site's folder also tells the intervals of the variants' costs, tests of the modes, time to success, and which differences the panel could not see.", place, {class: "small soft"});
  };
  if (why) { say("Not comparable. " + why, ""); return; }
  if (suite.repeats) { say("This suite plays scenes several times, which are no pairs of their own.", ""); command(); return; }
  const found = compared(data, baseline, candidate), words = sentence(found, baseline, candidate);
  say(words.slice(0, 1).toUpperCase() + words.slice(1) + ".", found.verdict);
  const tiles = make("section", "", place, {class: "tiles", "aria-label": "Summary"});
  tile(baseline.name + ", baseline", baseline.success[0], "%", baseline.success[1] + ", clean success", tiles);
  tile(candidate.name + ", candidate", candidate.success[0], "%", candidate.success[1] + ", clean success", tiles);
  bar(found.difference, tile("Difference", signed(fixed(100 * found.difference[0], 1)), "points", span(found.difference).split(" ").slice(1).join(" ") + ", Tango's paired interval", tiles));
  tile("Disagree in", String(found.won + found.lost), "of " + found.n, found.won + " only the candidate, " + found.lost + " only the baseline solves", tiles);
  const links = make("p", "Pages: ", place, {class: "small"});
  make("a", baseline.name, links, {href: baseline.page});
  links.append(" · ");
  make("a", candidate.name, links, {href: candidate.page});

  make("h2", "Task by task", place);
  let body = table("Success by task", "In %, clean; the difference in points with Tango's interval; p is McNemar's mid-p, adjusted by Holm for the tasks.", ["Task", baseline.name, candidate.name, "Difference", "Only " + baseline.name, "Only " + candidate.name, "p"], place);
  for (const row of found.tasks) {
    const line = make("tr", "", body);
    make("th", suite.tasks[row.task].name, line, {scope: "row"});
    shareCell(row.baseline, line);
    shareCell(row.candidate, line);
    differenceCell(row, line);
    for (const text of [row.lost, row.won, pText(row.p)]) make("td", text, line, {class: "tight"});
  }
  if (found.variants.length) {
    make("h2", "In the variants", place);
    body = table("Success by variant", "Clean → perturbed in %, on the same seeds, mean over the tasks, and what that costs in points; then both in the variant, in pairs as above; p adjusted for the variants.", ["Variant", baseline.name, "Costs it", candidate.name, "Costs it", "Difference in the variant", "p"], place);
    for (const row of found.variants) {
      const line = make("tr", "", body), name = make("th", row.variant, line, {scope: "row"});
      make("span", row.tasks + (row.tasks === 1 ? " task" : " tasks"), name, {class: "range line"});
      for (const side of [row.baseline, row.candidate]) {
        make("td", percent(side.clean) + " → " + percent(side.success), line, {class: "tight"});
        make("td", points(side.cost), line, {class: "tight"});
      }
      differenceCell(row, line);
      make("td", pText(row.p), line, {class: "tight"});
    }
  }
  if (found.modes.length) {
    make("h2", "Which modes they take", place);
    body = table("Shares of the modes", "In %, of the clean episodes in which both realise a mode.", ["Task", "Mode", baseline.name, candidate.name, "Take different modes"], place);
    body.parentElement.className = "grouped";
    for (const row of found.modes) {
      suite.tasks[row.task].modes.forEach((mode, i) => {
        const line = make("tr", "", body);
        const rows = {rowspan: row.baseline.length};
        if (!i) make("th", suite.tasks[row.task].name, line, {scope: "rowgroup", ...rows});
        for (const text of [mode, percent(row.baseline[i]), percent(row.candidate[i])]) make("td", text, line);
        if (!i) make("td", row.changed + " of " + row.both, line, rows);
      });
    }
  }
  command();
};

// 3. the choice, which stands in the address
if (data.entries.length > 1) {
  const select = (title) => {
    const field = make("select", "", make("label", title, form));
    data.suites.forEach((suite, number) => {
      const group = make("optgroup", "", field, {label: suite.name});
      for (const entry of data.entries) if (entry.suite === number) make("option", entry.name, group, {value: entry.key});
    });
    return field;
  };
  const first = select("Baseline"), swap = make("button", "⇄", form, {type: "button", "aria-label": "Exchange baseline and candidate", title: "Exchange"}), second = select("Candidate");
  const entry = (key) => data.entries.find((one) => one.key === key);
  const renew = () => show(entry(first.value), entry(second.value));
  const follow = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    first.value = entry(asked.get("a")) ? asked.get("a") : data.entries[1].key;
    second.value = entry(asked.get("b")) ? asked.get("b") : data.entries[0].key;
    renew();
  };
  const change = () => { history.replaceState(null, "", "#" + new URLSearchParams({a: first.value, b: second.value})); renew(); };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", change);
  swap.addEventListener("click", () => { [first.value, second.value] = [second.value, first.value]; change(); });
  addEventListener("hashchange", () => { if (location.hash.includes("=")) follow(); });
  follow();
}
