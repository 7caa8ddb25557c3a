import { formatNumber } from '../../lib/format.js';
import { axisTimes } from './times.js';

const DASHES = [null, [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 5]];
/** More scales than these have no axis. */
export const AXES = 2;
const SMALLEST_SELECTION = 6;
/** A mark is shown when it is no further from the values than so many times what they span. */
const MARK_REACH = 3;
/** On a drawing narrower than this, times stand closer. */
const NARROW = 420;

/**
 * The drawing of a chart: takes what is known, and tells what was pointed at and what was dragged over.
 *
 * @typedef {object} Drawing
 * @property {import('./series.js').SeriesSet} series
 * @property {Map<string, string>} scales The scale of each key.
 * @property {(name: string) => string} ink Colours of the theme by the name of their property.
 * @property {() => {from: number, to: number}} bounds
 * @property {{key: string, value: number, severity: string}[]} marks Values drawn across, such as thresholds.
 * @property {(stretch: {from: number, to: number}) => void} onselect
 * @property {(time: number | null) => void} onpoint
 */
export class Plot {
  #plot;
  #join;

  /** @param {Function} uPlot The library. @param {HTMLElement} host @param {Drawing} drawing */
  constructor(uPlot, host, drawing) {
    this.#join = uPlot.join;
    const options = { ...sizeOf(host), ...optionsOf(drawing, uPlot.paths.stepped({ align: 1 })) };
    this.#plot = new uPlot(options, this.#data(drawing.series), host);
  }

  /** Loads the library, once; nobody else needs it. */
  static library() {
    return import('../../vendor/uplot/uPlot.esm.js').then(({ default: uPlot }) => uPlot);
  }

  /** Draws what is known now, of the same keys in windows of the same length. */
  update(series) {
    this.#plot.setData(this.#data(series));
  }

  /** Fits the drawing into its place. */
  resize(host) {
    this.#plot.setSize(sizeOf(host));
  }

  destroy() {
    this.#plot.destroy();
  }

  #data(series) {
    const tables = series.keys.map((key) => {
      const { ts, mid, low, high } = series.columns(key);
      return series.step === null ? [ts, mid] : [ts, mid, low, high];
    });
    return this.#join(tables);
  }
}

/** A colour of the theme: a canvas knows no properties of a style sheet, but what they come to. */
export function inkOf(probe, name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function sizeOf(host) {
  return { width: Math.max(host.clientWidth, 200), height: Math.max(host.clientHeight, 160) };
}

function optionsOf({ series, scales, ink, bounds, marks, onselect, onpoint }, stepped) {
  const names = [...new Set(scales.values())];
  const { lines, bands } = linesOf(series, scales, ink, stepped);
  return {
    ms: 1,
    padding: [12, names.length > 1 ? 4 : 16, 0, 4],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false, dist: SMALLEST_SELECTION }, points: { size: 7 } },
    scales: { x: { time: true, range: () => stretchOf(bounds()) }, ...Object.fromEntries(names.map(scaleNamed(marks, scales))) },
    series: [{}, ...lines],
    bands,
    axes: [timeAxis(ink), ...names.slice(0, AXES).map((name, place) => valueAxis(name, place, { series, scales, ink }))],
    hooks: {
      setSelect: [(plot) => select(plot, onselect)],
      setCursor: [({ cursor, posToVal }) => onpoint(cursor.left >= 0 ? posToVal(cursor.left, 'x') : null)],
      draw: [(plot) => drawMarks(plot, marks, scales, ink)],
    },
  };
}

const stretchOf = ({ from, to }) => [from, to];

function scaleNamed(marks, scales) {
  return (name) => {
    if (name === 'switch') return [name, { range: () => [-0.15, 1.15] }];
    const values = marks.filter(({ key }) => scales.get(key) === name).map(({ value }) => value);
    const range = (_, low, high) => {
      const shown = nearOf(values, low, high);
      return padded(Math.min(low ?? Infinity, ...shown), Math.max(high ?? -Infinity, ...shown));
    };
    return [name, { range }];
  };
}

// A limit that is far from all values would press their line flat.
function nearOf(values, low, high) {
  if (low === null || low === undefined) return values;
  const reach = MARK_REACH * (high - low || Math.abs(high) || 1);
  return values.filter((value) => value >= low - reach && value <= high + reach);
}

function padded(low, high) {
  if (low > high) return [0, 1];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.5;
  return [low - pad, high + pad];
}

// Of each key its line, and the edges of its band where windows are shown.
function linesOf(series, scales, ink, stepped) {
  const lines = [];
  const bands = [];
  series.keys.forEach((key, place) => {
    const scale = scales.get(key);
    const stroke = ink(`--series-${place + 1}`);
    const look = { stroke, width: 1.75, dash: DASHES[place] ?? undefined, points: { size: 4 } };
    lines.push({ scale, ...look, ...(scale === 'switch' && series.step === null && { paths: stepped }) });
    if (series.step === null) return;
    const edge = { scale, width: 0, points: { show: false } };
    lines.push({ ...edge }, { ...edge });
    bands.push({ series: [lines.length, lines.length - 1], fill: ink(`--series-${place + 1}-band`), dir: -1 });
  });
  return { lines, bands };
}

function timeAxis(ink) {
  const space = (_, __, ___, ____, width) => (width < NARROW ? 56 : 80);
  return { ...axisLook(ink), space, size: 44, values: (_, splits, __, ___, step) => axisTimes(splits, step) };
}

function valueAxis(name, place, { series, scales, ink }) {
  const keys = series.keys.filter((key) => scales.get(key) === name);
  const own = keys.length === 1 && scales.size > 1;
  return {
    ...axisLook(ink),
    ...(own && { stroke: ink(`--series-${series.keys.indexOf(keys[0]) + 1}`) }),
    scale: name,
    side: place === 0 ? 3 : 1,
    grid: { show: place === 0, stroke: ink('--line'), width: 1 },
    size: (_, values) => 18 + 7 * Math.max(3, ...(values ?? []).map((value) => value.length)),
    values: (_, splits, __, ___, step) => splits.map((value) => formatNumber(value, decimalsOf(step))),
    ...(name === 'switch' && { splits: [0, 1] }),
  };
}

function axisLook(ink) {
  return {
    stroke: ink('--quiet'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: ink('--line'), width: 1 },
    ticks: { stroke: ink('--line'), width: 1, size: 6 },
  };
}

function decimalsOf(step) {
  return Math.min(6, Math.max(0, Math.ceil(-Math.log10(step || 1))));
}

function select(plot, onselect) {
  const { left, width } = plot.select;
  if (width < SMALLEST_SELECTION) return;
  const from = plot.posToVal(left, 'x');
  const to = plot.posToVal(left + width, 'x');
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onselect({ from, to });
}

function drawMarks(plot, marks, scales, ink) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { key, value, severity } of marks) {
    if (!scales.has(key)) continue;
    const y = Math.round(plot.valToPos(value, scales.get(key), true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = ink(`--severity-${severity}`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
