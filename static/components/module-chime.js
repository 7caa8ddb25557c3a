import { coalesced, h, reducedMotion } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { navigate } from '../lib/router.js';
import { whenThemeChanges } from './theme-switch.js';

const FADE_MS = 1400;
const MOST = 600;
const FRAME_MS = 50;

/**
 * The whole house at a glance: a bar for each module, hanging like bells in a row. A bar that sends telemetry rings; one
 * that is off line hangs low.
 *
 *     const chime = h('module-chime');  chime.follow(directory);
 *
 * Drawn on a canvas, so that thousands of updates a second cost a few pictures a second.
 */
class ModuleChime extends HTMLElement {
  #directory = null;
  #canvas = h('canvas', { role: 'img' });
  #bars = [];
  #rung = new Map();
  #abort = null;
  #drawSoon = coalesced(() => this.isConnected && this.#draw(), FRAME_MS);
  #reload = coalesced(() => this.#load(), 200);

  /** @param {import('../lib/directory.js').Directory} directory */
  follow(directory) {
    this.#directory = directory;
  }

  connectedCallback() {
    this.replaceChildren(this.#canvas);
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#directory.addEventListener('changed', this.#reload, { signal });
    this.#directory.addEventListener('heard', ({ detail }) => this.#ring(detail), { signal });
    this.#canvas.addEventListener('mousemove', (event) => this.#point(event), { signal });
    this.#canvas.addEventListener('click', (event) => this.#open(event), { signal });
    addEventListener('resize', this.#reload, { signal });
    whenThemeChanges(this.#reload, signal);
    this.#load();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  // A courtesy for the mouse; the table below leads to every module by keyboard.
  #barAt({ offsetX }) {
    return this.#bars[Math.floor(offsetX / this.#pitch)];
  }

  #point(event) {
    const [id, module] = this.#barAt(event) ?? [];
    this.#canvas.title = id ? `${module.name} (${id})` : '';
    this.#canvas.classList.toggle('on-bar', Boolean(id));
  }

  #open(event) {
    const [id] = this.#barAt(event) ?? [];
    if (id) navigate(`/modules/${encodeURIComponent(id)}`);
  }

  get #pitch() {
    return Math.min(64, this.#canvas.clientWidth / this.#bars.length);
  }

  #ring(id) {
    this.#rung.set(id, performance.now());
    if (!reducedMotion()) this.#drawSoon();
  }

  #load() {
    this.#bars = this.#directory.entries.slice(0, MOST);
    const { online, size } = this.#directory;
    this.#canvas.setAttribute('aria-label', t('chime.label', { online, total: size }));
    this.hidden = size === 0;
    this.#drawSoon();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    if (!width) return;
    Object.assign(this.#canvas, { width: width * ratio, height: height * ratio });
    const context = this.#canvas.getContext('2d');
    context.scale(ratio, ratio);
    const colours = coloursOf(this);
    const pitch = this.#pitch;
    const now = performance.now();
    let ringing = false;
    this.#bars.forEach(([id, { status }], at) => {
      const warmth = Math.max(0, 1 - (now - (this.#rung.get(id) ?? -Infinity)) / FADE_MS);
      ringing ||= warmth > 0;
      drawBar(context, {
        x: at * pitch,
        width: Math.min(24, Math.max(1, pitch * 0.62)),
        height,
        status,
        warmth,
        colours,
      });
    });
    if (ringing && !reducedMotion()) this.#drawSoon();
  }
}

function drawBar(context, { x, width, height, status, warmth, colours }) {
  const online = status === 'online';
  const length = online ? height * (0.55 + 0.45 * warmth) : height * 0.3;
  context.fillStyle = online ? colours.online : colours.offline;
  context.globalAlpha = online ? 0.55 + 0.45 * warmth : 0.55;
  rounded(context, x, height - length, width, length);
  if (!warmth) return;
  context.globalAlpha = warmth;
  context.fillStyle = colours.accent;
  rounded(context, x, height - length, width, Math.min(length, 5));
}

function rounded(context, x, y, width, height) {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(3, width / 2));
  context.fill();
}

// A canvas knows no custom properties: the style sheet lends their colours to properties of the element.
function coloursOf(element) {
  const { color, caretColor, textDecorationColor } = getComputedStyle(element);
  return { online: color, offline: caretColor, accent: textDecorationColor };
}

customElements.define('module-chime', ModuleChime);
