// Charts drawn by the server, made to be read: hovering or the arrow keys tell a point's figures, Enter opens its posts.

const MOVES = {
  ArrowRight: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  PageDown: (at) => at + 7,
  PageUp: (at) => at - 7,
  Home: () => 0,
  End: (_at, last) => last,
};

function follow(chart) {
  const points = [...chart.querySelectorAll(".point")];
  const reading = chart.querySelector("[data-reading]");
  if (!points.length || !reading) return;
  const hint = `${reading.textContent} Arrow keys go from one to the next.`;
  reading.textContent = hint;

  const readings = new Map();
  for (const point of points) {
    // The browser's own tooltip would say it a second time. What is spoken on focus is the name; the figures follow from the live line.
    const title = point.querySelector("title");
    readings.set(point, title.textContent);
    title.remove();
    point.setAttribute("aria-label", point.dataset.name);
  }

  const tell = (point) => {
    reading.textContent = readings.get(point);
  };
  const go = (index) => {
    const next = points[Math.min(Math.max(index, 0), points.length - 1)];
    for (const point of points) point.tabIndex = point === next ? 0 : -1;
    next.focus();
  };

  chart.addEventListener("pointerover", (event) => {
    const point = event.target.closest(".point");
    if (point) tell(point);
  });
  chart.addEventListener("pointerleave", () => {
    const focused = points.find((point) => point === document.activeElement);
    if (focused) tell(focused);
    else reading.textContent = hint;
  });
  chart.addEventListener("focusin", (event) => {
    const point = event.target.closest(".point");
    if (point) tell(point);
  });
  chart.addEventListener("keydown", (event) => {
    const at = points.indexOf(event.target.closest(".point"));
    const move = MOVES[event.key];
    if (at < 0 || !move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(move(at, points.length - 1));
  });
}

for (const chart of document.querySelectorAll("[data-chart]")) follow(chart);
