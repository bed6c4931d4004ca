// A figure: drawn when it changes and not at every answer of the server, and what is chosen in it.

const PLOTS = new WeakMap();
const NARROW = 600; // pixels

// plotly asks for multisampling, which its points, smooth by themselves, do not need: without a graphics card it takes
// a fifth of a second. Canvases get their contexts before `draw` returns.
function withoutMultisampling(draw) {
  const { getContext } = HTMLCanvasElement.prototype;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const isPlot = this.classList.contains("gl-canvas");
    return getContext.call(this, kind, isPlot ? { ...options, antialias: false } : options);
  };
  try {
    return draw();
  } finally {
    HTMLCanvasElement.prototype.getContext = getContext;
  }
}

// A line that tells about the figure, and the figure, which is read only when it is another one.
function opened(message) {
  const end = message.indexOf(10);
  const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
  return { ...read(message.subarray(0, end)), drawing: () => read(message.subarray(end + 1)) };
}

// On a phone the names beside a figure would take most of its width.
function putNamesBelow({ margin, legend }) {
  Object.assign(margin, { r: 0, b: 100 });
  Object.assign(legend, { orientation: "h", y: 0, yanchor: "top" });
}

class Plot {
  constructor(root) {
    this.place = document.createElement("div");
    this.place.className = "labelaudit-plot";
    this.place.setAttribute("role", "group");
    this.chosen = new Set();
    root.append(this.place);
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.place);
  }

  async receive({ data: message, setStateValue }) {
    const data = opened(message);
    this.tell = (chosen) => setStateValue("chosen", chosen);
    if (data.figure === this.state) return;
    this.state = data.figure;
    this.most = data.most;
    this.place.setAttribute("aria-label", data.alt);
    delete this.place.dataset.drawn;
    try {
      this.plotly = await library(data.library);
    } catch {
      this.state = null;
      this.place.textContent = "The figure could not be loaded. Reload the page, or use the table: it lists the same items.";
      return;
    }
    if (data.figure === this.state && this.place.isConnected) await this.draw(data.drawing());
  }

  async draw({ data, layout, config }) {
    this.isFluid = layout.width === undefined;
    for (const trace of data) this.mark(trace);
    const width = layout.width ?? this.place.clientWidth;
    if (this.isFluid && width < NARROW) putNamesBelow(layout);
    const isNew = !this.place.classList.contains("js-plotly-plot");
    if (isNew) this.place.replaceChildren(); // it may have said that there is no library
    // As many pixels as the screen has: plotly would draw four times as many.
    const options = { ...config, plotGlPixelRatio: devicePixelRatio };
    const choosing = { dragmode: layout.dragmode, clickmode: layout.clickmode };
    const isLater = isNew && layout.dragmode;
    const first = { ...layout, width, ...(isLater ? { dragmode: false, clickmode: "event" } : {}) };
    await withoutMultisampling(() => this.plotly.react(this.place, data, first, options));
    if (isLater) this.whenThePointerComes(() => this.plotly.relayout(this.place, choosing));
    if (isNew) {
      this.place.on("plotly_selected", (event) => event && this.take());
      this.place.on("plotly_deselect", () => this.take());
    }
    this.place.dataset.drawn = data.reduce((sum, trace) => sum + trace.customdata.length, 0);
    if (this.chosen.size) this.take(); // some may be gone
  }

  // To choose, plotly needs all points a second time, in a second context: a seventh of a second without a graphics
  // card, which the first picture does not wait for.
  whenThePointerComes(prepare) {
    const came = new AbortController();
    const once = () => {
      came.abort();
      prepare();
    };
    for (const kind of ["pointermove", "pointerdown"]) {
      this.place.addEventListener(kind, once, { capture: true, signal: came.signal });
    }
  }

  // Keep what was chosen in sight when the same points come back in other colours.
  mark(trace) {
    if (!this.chosen.size) return;
    trace.selectedpoints = [...trace.customdata.keys()].filter((index) => this.chosen.has(trace.customdata[index]));
  }

  take() {
    const points = this.place.data.flatMap((trace) => (trace.visible === "legendonly" ? [] : trace.selectedpoints ?? [])
      .map((index) => trace.customdata[index])).reverse();
    if (points.length === this.chosen.size && points.every((point) => this.chosen.has(point))) return;
    this.chosen = new Set(points);
    this.tell({ points: points.slice(0, this.most), count: points.length });
  }

  fit() {
    const width = this.place.clientWidth;
    if (!this.isFluid || !this.place.dataset.drawn || !width || width === this.place.layout.width) return;
    clearTimeout(this.fitting);
    this.fitting = setTimeout(() => this.plotly.relayout(this.place, { width }), 150);
  }

  close() {
    this.resized.disconnect();
    clearTimeout(this.fitting);
    if (this.plotly) this.plotly.purge(this.place);
  }
}

export default function plot(component) {
  const root = component.parentElement;
  if (!PLOTS.has(root)) PLOTS.set(root, new Plot(root));
  PLOTS.get(root).receive(component);
  return () => setTimeout(() => {
    if (root.isConnected) return;
    PLOTS.get(root)?.close();
    PLOTS.delete(root);
  });
}
