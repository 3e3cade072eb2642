// Keeps the progress of a replay up to date; without it the page is loaded again by hand.
"use strict";
(function () {
    const page = document.getElementById("stockhub-progress");
    if (!page || !page.dataset.url) {
        return;
    }
    const write = (selector, text) => {
        const place = page.querySelector(selector);
        if (place && place.textContent !== String(text)) {
            place.textContent = text;
        }
    };
    const look = async () => {
        let progress = null;
        try {
            const answer = await fetch(page.dataset.url, {headers: {"Accept": "application/json"}});
            progress = answer.ok ? await answer.json() : null;
        } catch {
            // the next look may succeed
        }
        if (progress) {
            page.querySelector("progress").value = progress.percent;
            write('[data-progress="status"]', progress.status);
            write('[data-progress="text"]', progress.text);
            progress.counts.forEach((line) => write(`[data-count="${line.name}"]`, line.count));
            if (!progress.open) {
                window.location.reload();
                return;
            }
        }
        window.setTimeout(look, 2000);
    };
    window.setTimeout(look, 1000);
}());
