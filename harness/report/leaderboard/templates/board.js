"use strict";
// Sorts a table by the column whose head was pressed; published rows stay below ours.
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = head.classList.contains("n"), turn = down ? -1 : 1;
    const key = row => row.cells[at].dataset.v ?? "";
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const apart = a.classList.contains("published") - b.classList.contains("published");
      if (apart) return apart;
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return turn * (numeric ? Number(x) - Number(y) : x.localeCompare(y));
    });
    table.classList.add("sorted");
    rows.forEach(row => { row.classList.remove("starts"); body.append(row); });
  }));
}
