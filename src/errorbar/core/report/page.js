"use strict";
document.documentElement.classList.remove("no-script");

for (const table of document.querySelectorAll(".table table")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const tools = table.closest(".table").querySelector(".tools");
  const count = tools.querySelector(".count");
  const tell = (seen) => { count.textContent = seen === rows.length ? `${seen} rows` : `${seen} of ${rows.length} rows`; };
  tell(rows.length);

  tools.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let seen = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      seen += !row.hidden;
    }
    tell(seen);
  });

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = head.classList.contains("number");
    const key = (row) => numeric ? row.cells[column].dataset.v : row.cells[column].textContent;
    const sorted = rows.map((row) => [key(row), row]).sort(([a], [b]) => {
      // Rows without a value stay at the end, whichever way the others run.
      if (a === "" || b === "") return (a === "") - (b === "");
      const order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
      return down ? -order : order;
    });
    body.append(...sorted.map(([, row]) => row));
  }));
}

for (const gallery of document.querySelectorAll(".gallery")) {
  const panels = [...gallery.querySelectorAll(".panel")];
  const buttons = [...gallery.querySelectorAll(".tabs button")];
  const show = (chosen) => {
    panels.forEach((panel, place) => { panel.hidden = place !== chosen; });
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", place === chosen));
  };
  buttons.forEach((button, place) => button.addEventListener("click", () => show(place)));
  show(Number(gallery.dataset.first));
}

const dialog = document.querySelector("dialog");
const enlarge = (image) => { dialog.firstElementChild.src = image.src; dialog.showModal(); };
for (const image of document.querySelectorAll(".frame img")) {
  image.addEventListener("click", () => enlarge(image));
  image.addEventListener("keydown", (event) => { if (event.key === "Enter") enlarge(image); });
}
for (const link of document.querySelectorAll("a.png")) {
  // The picture is in the page once; the link borrows it.
  link.href = link.closest("figure").querySelector("img").src;
}
dialog.addEventListener("click", () => dialog.close());

const contents = document.querySelector("nav details");
contents.open = matchMedia("(min-width: 84rem)").matches;
addEventListener("beforeprint", () => document.querySelectorAll("main details").forEach((d) => { d.open = true; }));

if (window.Plotly) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const merge = (under, over) => {
    const whole = { ...under };
    for (const [name, value] of Object.entries(over)) {
      const nested = value && typeof value === "object" && !Array.isArray(value);
      whole[name] = nested ? merge(under[name] || {}, value) : value;
    }
    return whole;
  };
  const theme = () => {
    const css = getComputedStyle(document.documentElement);
    const read = (name) => css.getPropertyValue(name).trim();
    const axis = { gridcolor: read("--line"), zerolinecolor: read("--line"), linecolor: read("--quiet") };
    const space = { ...axis, backgroundcolor: read("--raised"), showbackground: true };
    return {
      font: { color: read("--ink"), family: "system-ui, sans-serif", size: 13 },
      paper_bgcolor: read("--page"), plot_bgcolor: read("--page"),
      xaxis: axis, yaxis: axis, scene: { xaxis: space, yaxis: space, zaxis: space },
      hoverlabel: { bgcolor: read("--raised"), font: { color: read("--ink") } },
    };
  };
  const draw = () => {
    for (const holder of document.querySelectorAll(".interactive")) {
      const { data, layout } = JSON.parse(holder.querySelector("script").textContent);
      const whole = merge(theme(), layout);
      // A scene on a flat figure, or flat axes under a scene, would be drawn empty.
      const solid = data.some((trace) => trace.type === "scatter3d");
      for (const name of solid ? ["xaxis", "yaxis"] : ["scene"]) delete whole[name];
      const tools = solid ? ["toImage", "resetCameraDefault3d"] : ["toImage", "zoom2d", "pan2d", "resetScale2d"];
      const options = { responsive: true, displaylogo: false, modeBarButtons: [tools] };
      Plotly.react(holder.querySelector(".plot"), data, whole, options);
    }
  };
  draw();
  dark.addEventListener("change", draw);
}
