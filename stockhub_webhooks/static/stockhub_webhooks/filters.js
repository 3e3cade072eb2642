"use strict";

// On a phone the filters stand above the list, closed, and the line that opens them says which ones are on. Without script
// they stay below the list, where Django has them.
const filters = document.getElementById("changelist-filter");
if (filters) {
  const phone = matchMedia("(max-width: 767px)");
  const box = document.createElement("details");
  const line = document.createElement("summary");
  const chosen = [...filters.querySelectorAll("li.selected:not(:first-child)")].map((choice) => choice.textContent.trim());
  box.className = "stockhub-filters";
  line.textContent = [filters.querySelector("h2").textContent.trim(), chosen.join(", ")].filter(Boolean).join(": ");
  box.append(line);
  const arrange = () => {
    if (phone.matches) {
      filters.before(box);
      box.append(filters);
    } else if (box.isConnected) {
      box.replaceWith(filters);
    }
  };
  phone.addEventListener("change", arrange);
  arrange();
}
