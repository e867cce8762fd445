// The statistics of benchmark/statistics/paired.py, many_policies.py (Holm) and comparison/, with the same formulas.
const discordant = (a, b) => {
  let onlyA = 0, onlyB = 0;
  for (let i = 0; i < a.length; i++) {
    const won = a.charCodeAt(i) & 1, other = b.charCodeAt(i) & 1;
    if (won && !other) onlyA++;
    if (other && !won) onlyB++;
  }
  return [onlyA, onlyB];
};
const midP = (onlyA, onlyB) => {
  const n = onlyA + onlyB, x = Math.min(onlyA, onlyB);
  let ways = 1n, tail = 1n;
  for (let i = 0; i < x; i++) { ways = ways * BigInt(n - i) / BigInt(i + 1); tail += ways; }
  const top = 2n * tail - ways, cut = Math.max(top.toString(16).length * 4 - 64, 0);
  return Math.min(1, Number(top >> BigInt(cut)) * 2 ** -64 * 2 ** (cut - n + 64));
};
const score = (onlyA, onlyB, n, d) => {
  const b = (2 * n - onlyA + onlyB) * d - onlyA - onlyB;
  const q = (Math.sqrt(Math.max(b * b + 8 * n * onlyB * d * (1 - d), 0)) - b) / (4 * n);
  const variance = n * (2 * q + d * (1 - d)), gap = onlyA - onlyB - n * d;
  if (variance <= 0) return gap === 0 ? 0 : gap > 0 ? Infinity : -Infinity;
  return gap / Math.sqrt(variance);
};
const whereScoreIs = (z, onlyA, onlyB, n, low, high) => {
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (score(onlyA, onlyB, n, middle) > z) low = middle; else high = middle;
  }
  return (low + high) / 2;
};
const tango = (onlyA, onlyB, n, z) => {
  if (n === 0) return [0, -1, 1];
  const estimate = (onlyA - onlyB) / n;
  return [estimate, whereScoreIs(z, onlyA, onlyB, n, -1, estimate), whereScoreIs(-z, onlyA, onlyB, n, estimate, 1)];
};
const holm = (values) => {
  const order = values.map((p, i) => [p, i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]), adjusted = [];
  let most = 0;
  order.forEach(([p, i], place) => { most = Math.max(most, p * (values.length - place)); adjusted[i] = Math.min(most, 1); });
  return adjusted;
};
const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
const wins = (text) => [...text].reduce((sum, c) => sum + (c.charCodeAt(0) & 1), 0);
const modeOf = (text, i) => (text.charCodeAt(i) - 48 >> 1) - 1;

// Why two entries do not compare, "" if they do.
const different = (data, a, b) => {
  if (a.suite !== b.suite) return "They are of different suites: " + data.suites[a.suite].name + " and " + data.suites[b.suite].name + ".";
  const found = a.versions.flatMap((one, i) => one === b.versions[i] ? [] : [one + " and " + b.versions[i]]);
  return found.length ? "They were made with different versions: " + found.join("; ") + "." : "";
};

// A candidate minus a baseline: over all tasks, by task, by variant, by modes.
const compared = (data, baseline, candidate) => {
  const suite = data.suites[baseline.suite], all = suite.cells.map(([task, variant, n], at) => ({task, variant, n, at, a: baseline.outcomes[at], b: candidate.outcomes[at]}));
  const plain = all.filter((cell) => cell.variant === "clean"), clean = plain.length ? plain : all;
  const test = (cells) => {
    const counts = cells.map((cell) => discordant(cell.b, cell.a)), n = cells.reduce((sum, cell) => sum + cell.n, 0);
    const [won, lost] = [0, 1].map((i) => counts.reduce((sum, count) => sum + count[i], 0));
    return {won, lost, n, p: midP(won, lost), difference: tango(won, lost, n, data.z)};
  };
  const adjust = (rows) => holm(rows.map((row) => row.p)).map((p, i) => ({...rows[i], p}));
  const total = test(clean);
  const verdict = total.p > data.alpha ? "undecided" : total.difference[1] > 0 ? "better" : total.difference[2] < 0 ? "worse" : "undecided";
  const tasks = adjust(clean.map((cell, i) => ({task: cell.task, baseline: baseline.rates[i], candidate: candidate.rates[i], ...test([cell])})));
  const names = [...new Set(all.map((cell) => cell.variant))].filter((name) => name !== "clean" && plain.length);
  const variants = adjust(names.map((variant) => {
    const cells = all.filter((cell) => cell.variant === variant);
    const side = (entry, text) => {
      const clean = mean(cells.map((cell) => entry.twins[cell.at] / cell.n)), success = mean(cells.map((cell) => wins(cell[text]) / cell.n));
      return {clean, success, cost: mean(cells.map((cell) => (wins(cell[text]) - entry.twins[cell.at]) / cell.n))};
    };
    return {variant, tasks: cells.length, baseline: side(baseline, "a"), candidate: side(candidate, "b"), ...test(cells)};
  }));
  const modes = clean.flatMap((cell) => {
    const both = [...Array(cell.n).keys()].filter((i) => modeOf(cell.a, i) >= 0 && modeOf(cell.b, i) >= 0), names = suite.tasks[cell.task].modes;
    if (names.length < 2 || !both.length) return [];
    const shares = (text) => names.map((_, mode) => both.filter((i) => modeOf(text, i) === mode).length / both.length);
    return [{task: cell.task, baseline: shares(cell.a), candidate: shares(cell.b), both: both.length, changed: both.filter((i) => modeOf(cell.a, i) !== modeOf(cell.b, i)).length}];
  });
  return {verdict, ...total, tasks, variants, modes};
};
const pText = (p) => p < 0.001 ? "< 0.001" : fixed(p, 3);
const span = ([estimate, low, high]) => {
  const lower = Math.floor(1000 * decimals(low)) / 10, upper = Math.ceil(1000 * decimals(high)) / 10;
  return signed(fixed(100 * estimate, 1)) + " [" + signed(fixed(lower, 1)) + "," + signed(fixed(upper, 1)) + "]";
};
const sentence = (found, baseline, candidate) => {
  const told = span(found.difference) + ", p " + pText(found.p) + ", " + String(found.n).replace(/\B(?=(\d{3})+$)/g, ",") + " pairs";
  if (found.verdict === "undecided") return "undecided: success of " + candidate.subject + " minus that of " + baseline.subject + " is " + told;
  return found.verdict + ": " + candidate.subject + " succeeds " + (found.verdict === "better" ? "more" : "less") + " often than " + baseline.subject + ": " + told;
};
