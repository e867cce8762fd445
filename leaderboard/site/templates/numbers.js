// Numbers as benchmark/number_text.py prints them: estimates to the nearest digit, ties to the even one; ends of intervals outwards.
const fixed = (x, digits) => {
  const exact = Math.abs(x).toFixed(Math.min(digits + 25, 100)), cut = exact.length - 25;
  if (exact.slice(cut) !== "5" + "0".repeat(24)) return x.toFixed(digits);
  const low = exact.slice(0, cut).replace(/\.$/, ""), odd = Number(low.at(-1)) % 2;
  const even = odd ? (Number(low) + 10 ** -digits).toFixed(digits) : Number(low).toFixed(digits);
  return (x < 0 ? "-" : "") + even;
};
const decimals = (x) => Number(fixed(x, 6));
const signed = (text) => text.startsWith("-") ? text : "+" + text;
const percent = (x, digits = 0) => {
  const value = decimals(x);
  let text = fixed(100 * value, digits);
  if ((Number(text) === 0 || Number(text) === 100) && value > 0 && value < 1) {
    const more = Math.max(digits, 1), step = 10 ** -more;
    text = fixed(Math.min(Math.max(100 * value, step), 100 - step), more);
  }
  return text;
};
const points = (x) => { const n = Number(fixed(100 * decimals(x), 0)); return n < 0 ? String(n) : "+" + (n + 0); };
const ends = (low, high) => "[" + [Math.floor(100 * decimals(low)), Math.ceil(100 * decimals(high))].map((n) => n < 0 ? String(n) : "+" + (n + 0)).join(",") + "]";
