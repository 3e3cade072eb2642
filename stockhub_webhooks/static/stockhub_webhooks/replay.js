// Keeps the progress of a request up to date; without it the page is loaded again by hand.
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
    let seconds = 2;
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
            seconds = progress.seconds;
            if (!progress.waits) {
                window.location.reload();
                return;
            }
        }
        window.setTimeout(look, seconds * 1000);
    };
    window.setTimeout(look, 1000);
}());
