"use strict";

// Each cell gets the heading of its column, which cards.css shows on a phone, and the role that it loses when it is no
// longer laid out as a part of a table. Without script a wide table is scrolled.
for (const table of document.querySelectorAll("#result_list, [data-stockhub-cards]")) {
  const heads = [...table.tHead.rows[0].cells].map((head) => (head.querySelector(".text") ?? head).textContent.trim());
  const setRole = (elements, role) => [...elements].forEach((element) => element.setAttribute("role", role));
  setRole([table], "table");
  setRole([table.tHead, ...table.tBodies, ...table.querySelectorAll("tfoot")], "rowgroup");
  setRole(table.rows, "row");
  setRole(table.tHead.rows[0].cells, "columnheader");
  const filled = heads.map(() => 0); // for how many rows more a cell fills its column
  for (const row of table.querySelectorAll(":is(tbody, tfoot) tr")) {
    for (const cell of row.cells) {
      setRole([cell], cell.scope.startsWith("row") ? "rowheader" : "cell");
      const column = filled.indexOf(0);
      cell.dataset.label = cell.colSpan > 1 ? "" : (heads[column] ?? "");
      filled.fill(cell.rowSpan, column, column + cell.colSpan);
    }
    filled.forEach((rows, column) => (filled[column] = Math.max(rows - 1, 0)));
  }
  table.classList.add("stockhub-cards");
}
