"use strict";

// The button "copy". Without script it stays hidden, and the text can be selected by hand.
for (const button of document.querySelectorAll("[data-stockhub-copy]")) {
  const text = document.getElementById(button.dataset.stockhubCopy);
  const status = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.value);
      status.textContent = button.dataset.done;
    } catch {
      // the clipboard is only there over https, or may be forbidden
      text.focus();
      text.select();
      status.textContent = button.dataset.selected;
    }
  });
}
