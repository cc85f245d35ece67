// Lays fresh figures over the old ones without replacing elements, so that focus, selection and open details stay; draws the
// charts with Chart.js from the data in the page. Everything here is extra: the page says it all without scripts.
"use strict";

(() => {
  const charts = new Map();

  // --- fresh figures in place --------------------------------------------------------------------------------------------

  function sameKind(one, other) {
    return one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");
  }

  function isSeen(node) {  // blanks between elements come and go with the template's layout
    return node.nodeType === Node.ELEMENT_NODE || (node.nodeType === Node.TEXT_NODE && node.nodeValue.trim() !== "");
  }

  function layOver(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.hasAttribute("data-keep")) return;
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    layOverChildren(old, fresh);
  }

  function layOverChildren(old, fresh) {
    const before = [...old.childNodes].filter(isSeen);
    const after = [...fresh.childNodes].filter(isSeen);
    const known = new Map(before.filter((node) => node.id).map((node) => [node.id, node]));
    if (before.length === after.length && before.every((node, number) => sameKind(node, after[number]))) {
      before.forEach((node, number) => layOver(node, after[number]));
      return;
    }
    old.replaceChildren(...after.map((node) => {  // rows that came or went; those that stayed are kept
      const stayed = node.id && known.get(node.id);
      if (!stayed || !sameKind(stayed, node)) return node;
      layOver(stayed, node);
      return stayed;
    }));
  }

  function refreshInPlace() {
    htmx.defineExtension("in-place", {
      isInlineSwap: (style) => style === "in-place",
      handleSwap(style, target, fragment) {
        if (style !== "in-place") return false;
        layOverChildren(target, fragment);
        return [];
      },
    });
    const away = document.getElementById("away");
    const live = document.getElementById("live");
    const say = (text) => { if (away.textContent !== text) away.textContent = text; };
    live.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden) event.preventDefault(); });
    live.addEventListener("htmx:afterSwap", () => {
      if (document.getElementById("numbers").dataset.span !== document.querySelector(".span").textContent) location.reload();
      say("");
      draw();
    });
    for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
      live.addEventListener(name, () => say(away.dataset.text));
    }
  }

  // --- charts ------------------------------------------------------------------------------------------------------------

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function datasets(data) {
    const marks = { down: "↓ ", up: "↑ ", devices: "" };
    return data.parts.map((part) => ({
      data: part.values,
      texts: part.texts.map((text) => marks[part.name] + text),
      backgroundColor: colour(part.name === "up" ? "--up" : "--down"),
      borderRadius: 3,
      maxBarThickness: 48,
      minBarLength: 2,
    }));
  }

  function options(canvas) {
    const data = () => read()[canvas.dataset.chart];
    const text = { color: colour("--quiet"), font: { family: getComputedStyle(document.body).fontFamily, size: 12 } };
    return {
      animation: false,  // figures that change every few seconds are calmer without, and never seen half-way
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: {
          stacked: true,
          border: { color: colour("--line") },
          grid: { display: false },
          ticks: { ...text, autoSkip: false, maxRotation: 0,
            callback: (value, number) => (number % data().step ? null : data().labels[number]) },
        },
        y: {
          stacked: true,
          min: 0,
          max: data().top,
          border: { display: false },
          grid: { color: colour("--grid") },
          ticks: { ...text, stepSize: data().top / 2,
            callback: (value) => ({ [data().top]: data().lines[1], [data().top / 2]: data().lines[0], 0: "0" })[value] ?? null },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          displayColors: false,
          callbacks: { title: ([item]) => data().titles[item.dataIndex], label: (item) => item.dataset.texts[item.dataIndex] },
        },
      },
    };
  }

  function read() {
    return JSON.parse(document.getElementById("numbers").textContent);
  }

  function draw() {
    if (!window.Chart) return;
    const all = read();
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
      const data = all[canvas.dataset.chart];
      const known = charts.get(canvas.dataset.chart);
      if (known && known.canvas === canvas) {
        known.data.labels = data.labels;
        datasets(data).forEach((fresh, number) => Object.assign(known.data.datasets[number], fresh));
        known.options.scales.y.max = data.top;
        known.options.scales.y.ticks.stepSize = data.top / 2;
        known.update();
        continue;
      }
      if (known) known.destroy();
      const setup = { type: "bar", data: { labels: data.labels, datasets: datasets(data) }, options: options(canvas) };
      charts.set(canvas.dataset.chart, new Chart(canvas, setup));
    }
    document.documentElement.classList.add("drawn");
  }

  function drawAnew() {
    for (const chart of charts.values()) chart.destroy();
    charts.clear();
    draw();
  }

  if (document.getElementById("numbers")) {
    if (window.htmx && document.querySelector("[hx-get]")) refreshInPlace();
    document.documentElement.classList.toggle("drawn", Boolean(window.Chart));
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAnew);
  }
})();
