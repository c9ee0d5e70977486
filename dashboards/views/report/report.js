"use strict";
(() => {
  const values = JSON.parse(document.getElementById("values").textContent);
  const byTrial = new Map(values.front.map((each) => [each.trial, each]));
  const slider = document.getElementById("most");
  const STEPS = 200;
  const drawn = new Map();
  let chosen = null;
  let line = null; // where the slider stands on the chart

  // charts, in the colours of the page

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // room below a chart for the title of its axis and the rows of its legend, which plotly does not keep apart
  function below(name, chart) {
    if (chart.layout.legend?.yref !== "container") return 48;
    const entries = new Set(chart.data.filter((trace) => trace.showlegend !== false).map((trace) => trace.legendgroup || trace.name)).size;
    const perRow = Math.max(1, Math.floor(document.getElementById(`chart-${name}`).clientWidth / 150));
    return 64 + 29 * Math.ceil(entries / perRow);
  }

  function laidOut(name, chart) {
    const layout = chart.layout;
    const narrow = window.innerWidth < 620;
    const size = narrow ? 11 : 13;
    const made = structuredClone(layout);
    delete made.template;
    const soft = { color: colour("--soft") };
    Object.assign(made, {
      autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--ink"), family: "system-ui, sans-serif", size },
      margin: { l: Math.round((layout.margin?.l ?? 64) * (narrow ? 0.8 : 1)), r: narrow ? 10 : 24, t: 24, b: below(name, chart) },
      hoverlabel: { align: "left", bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink"), size: 12 } },
      dragmode: narrow ? false : "zoom",
    });
    for (const key of Object.keys(made)) {
      if (/^[xy]axis/.test(key)) {
        Object.assign(made[key], { gridcolor: colour("--line"), zerolinecolor: colour("--line"), linecolor: colour("--line"), tickfont: soft });
      }
    }
    if (document.documentElement.classList.contains("printing")) { // nothing resizes a chart between here and the paper
      Object.assign(made, { autosize: false, width: document.getElementById(`chart-${name}`).clientWidth });
    }
    if (name === "front" && line !== null) {
      made.shapes = [...(made.shapes || []), {
        type: "line", xref: "x", yref: "paper", y0: 0, y1: 1, x0: line, x1: line, line: { color: colour("--accent"), width: 1.5, dash: "dash" },
      }];
    }
    return made;
  }

  function draw(name) {
    const place = document.getElementById(`chart-${name}`);
    const chart = values.charts[name];
    const data = chart.data.map((trace) => ({ ...trace }));
    const made = Plotly.react(place, data, laidOut(name, chart), { responsive: true, displaylogo: false, displayModeBar: false });
    if (!drawn.has(name) && name === "front") {
      made.then(() => place.on("plotly_click", (event) => pick(event.points[0])));
    }
    drawn.set(name, place);
  }

  // charts below the first screen are drawn once they come near
  const names = Object.keys(values.charts);
  if ("IntersectionObserver" in window) {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !drawn.has(entry.target.id.slice(6))) draw(entry.target.id.slice(6));
      }
    }, { rootMargin: "600px" });
    names.forEach((name) => near.observe(document.getElementById(`chart-${name}`)));
  } else {
    names.forEach(draw);
  }
  const drawAll = () => names.forEach(draw);
  // on paper the colours are those of a light page, also of the charts, which are drawn before the styles for paper apply
  window.addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(draw));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if ((width < 620) !== (window.innerWidth < 620)) [...drawn.keys()].forEach(draw);
    width = window.innerWidth;
  });

  // the slider and the cards

  const { log, least, most, unit } = values.across;
  const valueAt = (step) => (log && least > 0 ? least * (most / least) ** (step / STEPS) : least + ((most - least) * step) / STEPS);
  const stepOf = (value) => Math.ceil(most > least ? STEPS * (log && least > 0 ? Math.log(value / least) / Math.log(most / least) : (value - least) / (most - least)) : STEPS);
  const written = (value) => `${value >= 1000 && unit === "KB" ? `${(value / 1000).toPrecision(3)} MB` : `${Number(value.toPrecision(3))} ${unit}`}`;

  function show(trial, keepSlider) {
    const each = byTrial.get(trial);
    if (!each) return;
    chosen = trial;
    for (const card of document.querySelectorAll(".card")) card.hidden = card.dataset.trial !== String(trial);
    for (const row of document.querySelectorAll("table.front tbody tr")) row.classList.toggle("chosen", row.id === `row-${trial}`);
    document.getElementById("picked").hidden = true;
    document.getElementById("best").textContent = `Trial ${trial}: ${each.summary}`;
    if (!keepSlider) slider.value = Math.max(0, Math.min(STEPS, stepOf(each.across)));
    const at = keepSlider ? valueAt(Number(slider.value)) : each.across;
    document.getElementById("most-text").textContent = written(at);
    slider.setAttribute("aria-valuetext", `${written(at)}: trial ${trial}, ${each.summary}`);
    line = at;
    if (drawn.has("front")) Plotly.relayout(drawn.get("front"), { shapes: laidOut("front", values.charts.front).shapes });
    history.replaceState(null, "", `#trial-${trial}`);
  }

  function bestUnder(most) {
    const within = values.front.filter((each) => each.across <= most * 1.0001);
    return within.reduce((best, each) => (best === null || each.up > best.up ? each : best), null) || values.front[0];
  }

  function pick(point) {
    const trial = point.customdata;
    if (byTrial.has(trial)) {
      show(trial, false);
      document.getElementById(`trial-${trial}`).scrollIntoView({ block: "nearest", behavior: "smooth" });
      return;
    }
    const picked = document.getElementById("picked");
    if (!picked) return;
    picked.textContent = new DOMParser().parseFromString(point.hovertext.replaceAll("<br>", ", "), "text/html").body.textContent;
    picked.hidden = false;
  }

  if (slider) {
    slider.addEventListener("input", () => show(bestUnder(valueAt(Number(slider.value))).trial, true));
    for (const button of document.querySelectorAll("button.show")) {
      button.addEventListener("click", () => show(Number(button.dataset.trial), false));
    }
    const named = Number((location.hash.match(/^#trial-(\d+)$/) || [])[1]);
    const scrolled = location.hash;
    show(byTrial.has(named) ? named : bestUnder(most).trial, false);
    if (scrolled && !byTrial.has(named)) history.replaceState(null, "", scrolled);
    else if (!byTrial.has(named)) history.replaceState(null, "", location.pathname + location.search);
  }

  // buttons that copy, and a page that is kept up to date

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
  }

  if (values.refresh) {
    document.getElementById("refresh").textContent = `This page loads itself again every ${Math.round(values.refresh)} seconds.`;
    setInterval(() => { if (!document.hidden) location.reload(); }, values.refresh * 1000);
  }
})();
