for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const column = head.cellIndex, number = (text) => text !== "" && !isNaN(text);
    const up = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") !== "ascending" : !head.matches(".most");
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.value;
    const order = (a, b) => number(a) && number(b) ? a - b : a.localeCompare(b);
    body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(value(a), value(b))));
  });
}
